use std::net::IpAddr;

use super::{Hosts, Service, switch};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn names_and_addresses_both_ways() {
    let hosts = Hosts::parse(
        "127.0.0.1 localhost\n::1 localhost ip6-localhost # both\n\
         192.0.2.1\tMail.Example.org mail  # comment\nnonsense here\n192.0.2.9\n\
         192.0.2.2 mail.example.org\n",
    );
    assert_eq!(
        hosts.addresses("LOCALHOST"),
        Some(&[ip("127.0.0.1"), ip("::1")][..])
    );
    assert_eq!(
        hosts.addresses("mail.example.org"),
        Some(&[ip("192.0.2.1"), ip("192.0.2.2")][..])
    );
    assert_eq!(hosts.canonical("mail"), Some("mail.example.org"));
    assert_eq!(hosts.name_of(ip("192.0.2.1")), Some("mail.example.org"));
    assert_eq!(hosts.name_of(ip("192.0.2.9")), None);
    assert_eq!(hosts.addresses("nosuch"), None);
}

#[test]
fn the_switch_gives_the_order() {
    use Service::{Dns, Files};
    assert_eq!(switch(""), [Files, Dns]);
    assert_eq!(switch("passwd: files\nhosts: dns files\n"), [Dns, Files]);
    assert_eq!(
        switch("hosts:  files mdns4_minimal [NOTFOUND=return] dns # x\n"),
        [Files, Dns]
    );
    assert_eq!(switch("hosts\tdns\n"), [Dns], "sendmail's own file");
    assert_eq!(switch("hosts: nis\n"), [Files, Dns]);
}
