use std::net::SocketAddr;

use bstr::BStr;
use proptest::prelude::*;

use super::{Family, Place, Port, PortError};

fn parse(text: &str) -> Result<Port, PortError> {
    Port::parse(BStr::new(text), 3)
}

#[track_caller]
fn inet(text: &str) -> SocketAddr {
    match parse(text).and_then(|port| port.place("odd 99/udp\nodd 98/tcp alias # x\n")) {
        Ok(Place::Inet(address)) => address,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_usual_descriptions() {
    assert_eq!(inet("Name=MTA").to_string(), "0.0.0.0:25");
    assert_eq!(
        inet("Port=smtp,Addr=127.0.0.1, Name=MTA").to_string(),
        "127.0.0.1:25"
    );
    assert_eq!(inet("Port=587, Name=MSA, M=E").to_string(), "0.0.0.0:587");
    assert_eq!(inet("Port=submission").to_string(), "0.0.0.0:587");
    assert_eq!(inet("F=inet6, A=::1, P=alias").to_string(), "[::1]:98");
    assert_eq!(inet("Family=inet6,Addr=IPv6:::1").to_string(), "[::1]:25");
    assert_eq!(inet("Family=inet6").to_string(), "[::]:25");
    let local = parse("Family=local, Addr=/run/smtp").and_then(|port| port.place(""));
    assert_eq!(local, Ok(Place::Local("/run/smtp".into())));
}

#[test]
fn keys_whose_case_matters() {
    let port = parse("D=q, d=5, R=100, r=6, q=7, S=200, c=9, L=50, I=a; b, M=E a,C").unwrap();
    assert_eq!(port.delivery_mode, Some(b'q'));
    assert_eq!(port.delay_load, Some(5));
    assert_eq!(port.receive_buffer, 100);
    assert_eq!(port.refuse_load, Some(6));
    assert_eq!(port.queue_load, Some(7));
    assert_eq!(port.send_buffer, 200);
    assert_eq!(port.children, 0, "a lone C is the key `children` again");
    assert_eq!(port.backlog, 50);
    assert_eq!(port.filters, Some(vec!["a".into(), "b".into()]));
    assert!(port.has(b'E') && port.has(b'a') && !port.has(b's'));
    assert_eq!(port.name, "Daemon3");
    assert_eq!(port.family, Family::Inet);
}

#[test]
fn what_makes_no_sense_is_said() {
    assert_eq!(parse("Zone=3"), Err(PortError::Key("Zone".into())));
    assert_eq!(parse("Family=x25"), Err(PortError::Family("x25".into())));
    let error = parse("Port=nosuch")
        .and_then(|port| port.place(""))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "daemon Daemon3: port: unknown service nosuch"
    );
    assert!(parse("Addr=::1").and_then(|port| port.place("")).is_err());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Port::parse(BStr::new(&text), 0);
    }
}
