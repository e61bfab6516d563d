//! A name server with fixed answers, on a port of loopback.
//!
//! Lines of the zone are `NAME TYPE VALUE`; `*` as the first label stands for
//! any; `SERVFAIL` and `REFUSED` answer every question about a name so.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

type Zone = HashMap<String, Vec<(String, String)>>;

/// Serves the zone until the tests end; gives the address.
pub(super) fn serve(zone: &Path) -> SocketAddr {
    serve_at("127.0.0.1:0", zone)
}

/// The same at an address.
pub(super) fn serve_at(address: &str, zone: &Path) -> SocketAddr {
    let zone = read(&std::fs::read_to_string(zone).unwrap());
    let socket = UdpSocket::bind(address).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut question = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut question) {
            if let Some(answer) = answer(&zone, &question[..length]) {
                let _ = socket.send_to(&answer, peer);
            }
        }
    });
    address
}

fn read(text: &str) -> Zone {
    let mut zone = Zone::new();
    for line in text.lines() {
        let line = line.split(['#', ';']).next().unwrap_or_default().trim();
        let Some((name, rest)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        let rest = rest.trim();
        let (kind, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let record = (kind.to_owned(), value.trim().to_owned());
        zone.entry(name.to_ascii_lowercase())
            .or_default()
            .push(record);
    }
    // Parents are there, though they have no records.
    for name in zone.keys().cloned().collect::<Vec<_>>() {
        let mut rest = name.as_str();
        while let Some((_, parent)) = rest.split_once('.') {
            zone.entry(parent.to_owned()).or_default();
            rest = parent;
        }
    }
    zone
}

/// The records of a name; `None` when there is no such name.
fn find<'z>(zone: &'z Zone, name: &str) -> Option<&'z Vec<(String, String)>> {
    if let Some(records) = zone.get(name) {
        return Some(records);
    }
    let mut rest = name;
    while let Some((_, parent)) = rest.split_once('.') {
        if let Some(records) = zone.get(&format!("*.{parent}")) {
            return Some(records);
        }
        if zone.contains_key(parent) {
            return None;
        }
        rest = parent;
    }
    None
}

fn answer(zone: &Zone, question: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = name_at(question, 12)?;
    let kind = u16::from_be_bytes([*question.get(end)?, *question.get(end + 1)?]);
    let mut name = name.to_ascii_lowercase();
    let mut body = question[12..end + 4].to_vec();
    let (mut code, mut count) = (0_u8, 0_u16);
    for hop in 0..8 {
        let Some(records) = find(zone, &name) else {
            code = if hop == 0 { 3 } else { 0 };
            break;
        };
        let has = |kind: &str| records.iter().find(|(known, _)| known == kind);
        if has("SERVFAIL").is_some() {
            code = 2;
            break;
        }
        if has("REFUSED").is_some() {
            code = 5;
            break;
        }
        let wanted = records.iter().filter(|(known, _)| number(known) == kind);
        let before = count;
        for (known, value) in wanted {
            record(&name, known, value, &mut body);
            count += 1;
        }
        let Some((_, target)) = has("CNAME").filter(|_| count == before) else {
            break;
        };
        record(&name, "CNAME", target, &mut body);
        count += 1;
        name = target.to_ascii_lowercase();
    }
    let mut answer = question[..2].to_vec();
    answer.extend([0x85, 0x80 | code, 0, 1]);
    answer.extend(count.to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(body);
    Some(answer)
}

fn name_at(packet: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).into_owned());
        at += length;
    }
}

fn number(kind: &str) -> u16 {
    match kind {
        "A" => 1,
        "NS" => 2,
        "CNAME" => 5,
        "PTR" => 12,
        "MX" => 15,
        "TXT" => 16,
        "AAAA" => 28,
        _ => 0,
    }
}

fn record(name: &str, kind: &str, value: &str, out: &mut Vec<u8>) {
    let data = match kind {
        "A" => value
            .parse::<std::net::Ipv4Addr>()
            .unwrap()
            .octets()
            .to_vec(),
        "AAAA" => value
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets()
            .to_vec(),
        "MX" => {
            let (preference, host) = value.split_once(' ').unwrap();
            let preference: u16 = preference.parse().unwrap();
            [preference.to_be_bytes().to_vec(), encoded(host.trim())].concat()
        }
        "TXT" => {
            let text = value.trim_matches('"');
            [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
        }
        _ => encoded(value),
    };
    out.extend(encoded(name));
    out.extend(number(kind).to_be_bytes());
    out.extend([0, 1, 0, 0, 0x0e, 0x10]);
    out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    out.extend(data);
}

fn encoded(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap());
        out.extend(label.bytes());
    }
    out.push(0);
    out
}
