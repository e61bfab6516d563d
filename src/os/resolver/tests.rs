use std::collections::HashMap;
use std::net::{IpAddr, UdpSocket};
use std::str::FromStr;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, PTR, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};

use super::{ResolverSettings, SystemResolver};
use crate::world::{Mx, RecordKind, ResolveError, Resolver};

/// A name server on this host that knows a few names.
struct World {
    folder: tempfile::TempDir,
    resolver: SystemResolver,
}

/// `name type value` lines; `fail` as a type makes the server fail.
fn zone(text: &str) -> HashMap<String, Vec<(String, String)>> {
    let mut zone: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let name = words.next().unwrap_or_default();
        let kind = words.next().unwrap_or_default();
        let value = words.next().unwrap_or_default();
        zone.entry(name).or_default().push((kind, value));
    }
    zone
}

fn data(kind: &str, value: &str) -> RData {
    let name = |text: &str| Name::from_ascii(text).unwrap();
    match kind {
        "a" => RData::A(A(value.parse().unwrap())),
        "aaaa" => RData::AAAA(AAAA(value.parse().unwrap())),
        "cname" => RData::CNAME(CNAME(name(value))),
        "ptr" => RData::PTR(PTR(name(value))),
        "txt" => RData::TXT(TXT::new(value.split('+').map(str::to_owned).collect())),
        "mx" => {
            let (preference, host) = value.split_once(' ').unwrap();
            RData::MX(MX::new(preference.parse().unwrap(), name(host)))
        }
        other => panic!("{other}"),
    }
}

fn answer(zone: &HashMap<String, Vec<(String, String)>>, question: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(question).ok()?;
    let query = message.queries.first()?.clone();
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    let mut at = query.name.to_ascii().to_ascii_lowercase();
    let mut known = false;
    loop {
        let records = zone
            .get(at.trim_end_matches('.'))
            .cloned()
            .unwrap_or_default();
        known |= !records.is_empty();
        if records.iter().any(|(kind, _)| kind == "fail") {
            message.metadata.response_code = ResponseCode::ServFail;
            break;
        }
        let owner = Name::from_str(&at).ok()?;
        let wanted = query.query_type.to_string().to_ascii_lowercase();
        let mut next = None;
        for (kind, value) in &records {
            if *kind == wanted || kind == "cname" {
                let record = Record::from_rdata(owner.clone(), 60, data(kind, value));
                message.add_answer(record);
            }
            if kind == "cname" && wanted != "cname" {
                next = Some(value.clone());
            }
        }
        match next {
            Some(name) if message.answers.len() < 30 => at = name,
            _ => break,
        }
    }
    if !known {
        message.metadata.response_code = ResponseCode::NXDomain;
    }
    message.to_vec().ok()
}

fn world(records: &str, hosts: &str, switch: &str, search: &str) -> World {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    let zone = zone(records);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&zone, &buffer[..len]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let settings = ResolverSettings {
        resolv_conf: write(
            "resolv.conf",
            &format!("nameserver [127.0.0.1]:{port}\nsearch {search}\n"),
        ),
        hosts: write("hosts", hosts),
        switch: vec![write("nsswitch.conf", switch)],
        timeout: Some(Duration::from_secs(5)),
        attempts: Some(1),
    };
    World {
        resolver: SystemResolver::new(settings),
        folder,
    }
}

const RECORDS: &str = "
    example.org mx 10 mail.example.org.
    example.org mx 20 bad_name.example.org.
    mail.example.org a 192.0.2.1
    mail.example.org aaaa 2001:db8::1
    mail.example.org txt one+two
    www.example.org cname mail.example.org.
    list.example.org cname lists.example.net.
    lists.example.net mx 5 mail.example.org.
    loop.example.org cname loop2.example.org.
    loop2.example.org cname loop.example.org.
    null.example.org mx 0 .
    in_side.example.org a 192.0.2.7
    broken.example.org fail x
    1.2.0.192.in-addr.arpa ptr Mail.Example.Org.
";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn servers_answer_and_not_found_is_not_try_again() {
    let world = world(RECORDS, "", "hosts: dns", "");
    let resolver = &world.resolver;
    let mx = resolver.mx("Example.ORG").await.unwrap();
    assert_eq!(
        mx[0],
        Mx {
            preference: 10,
            exchange: "mail.example.org".into()
        }
    );
    assert_eq!(
        resolver.mx("null.example.org").await.unwrap()[0].exchange,
        ""
    );
    let none = ResolveError::NoData;
    assert_eq!(resolver.mx("mail.example.org").await, Err(none));
    let missing = ResolveError::NoSuchName;
    assert_eq!(resolver.mx("nosuch.example.org").await, Err(missing));
    assert_eq!(resolver.mx("x y.example.org").await, Err(missing));
    let temporary = ResolveError::Temporary;
    assert_eq!(resolver.mx("broken.example.org").await, Err(temporary));
    assert_eq!(
        resolver.addresses("broken.example.org").await,
        Err(temporary)
    );
    assert_eq!(
        resolver.addresses("mail.example.org.").await.unwrap(),
        [ip("2001:db8::1"), ip("192.0.2.1")]
    );
    assert_eq!(
        resolver.addresses("in_side.example.org").await.unwrap(),
        [ip("192.0.2.7")]
    );
    assert_eq!(
        resolver.name_of(ip("192.0.2.1")).await.unwrap(),
        "mail.example.org"
    );
    assert_eq!(resolver.name_of(ip("192.0.2.2")).await, Err(missing));
    let text = resolver.records("mail.example.org", RecordKind::Txt).await;
    assert_eq!(text.unwrap(), ["onetwo"]);
    drop(world.folder);
}

#[tokio::test]
async fn canonical_names_follow_aliases_and_the_search_list() {
    let world = world(RECORDS, "", "hosts: dns", "example.com example.org");
    let resolver = &world.resolver;
    let canonical = |name| resolver.canonical(name);
    assert_eq!(
        canonical("www.example.org").await.unwrap(),
        "mail.example.org"
    );
    assert_eq!(
        canonical("list.example.org").await.unwrap(),
        "lists.example.net"
    );
    assert_eq!(canonical("www").await.unwrap(), "mail.example.org");
    assert_eq!(canonical("mail.").await, Err(ResolveError::NoSuchName));
    assert_eq!(
        canonical("nosuch.test").await,
        Err(ResolveError::NoSuchName)
    );
    assert_eq!(
        canonical("broken.example.org").await,
        Err(ResolveError::Temporary)
    );
    assert!(canonical("loop.example.org").await.is_err());
}

#[tokio::test]
async fn the_hosts_file_has_its_place_in_the_order() {
    let hosts = "192.0.2.99 mail.example.org mail\n192.0.2.1 other.example.org\n";
    let first = world(RECORDS, hosts, "hosts: files dns", "example.org");
    let resolver = &first.resolver;
    assert_eq!(
        resolver.addresses("mail.example.org").await.unwrap(),
        [ip("192.0.2.99")]
    );
    assert_eq!(
        resolver.name_of(ip("192.0.2.1")).await.unwrap(),
        "other.example.org"
    );
    assert_eq!(
        resolver.canonical("mail").await.unwrap(),
        "mail.example.org"
    );
    let last = world(RECORDS, hosts, "hosts: dns files", "example.org");
    let resolver = &last.resolver;
    assert_eq!(
        resolver.addresses("mail.example.org").await.unwrap()[1],
        ip("192.0.2.1")
    );
    assert_eq!(
        resolver.addresses("other.example.org").await.unwrap(),
        [ip("192.0.2.1")]
    );
}

#[test]
fn failures_are_remembered_for_a_while_and_in_number() {
    use super::{FAILURE_TIME, FAILURES_MAX, Failures};
    use hickory_resolver::proto::rr::RecordType::{A, MX};
    use std::time::Instant;

    let failures = Failures::default();
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let now = Instant::now();
    failures.add(name("a.example."), A, now);
    assert!(failures.is_recent(&name("a.example."), A, now));
    assert!(!failures.is_recent(&name("a.example."), MX, now));
    assert!(!failures.is_recent(&name("b.example."), A, now));
    assert!(!failures.is_recent(&name("a.example."), A, now + FAILURE_TIME));
    for number in 0..2 * FAILURES_MAX {
        failures.add(name(&format!("n{number}.example.")), A, now);
    }
    let count = || failures.0.lock().unwrap().len();
    assert_eq!(count(), FAILURES_MAX);
    failures.add(name("later.example."), A, now + FAILURE_TIME);
    assert_eq!(count(), 1);
}
