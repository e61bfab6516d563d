use std::time::Duration;

use super::ResolvConf;

#[track_caller]
fn check(text: &str, servers: &[&str], search: &[&str]) {
    let conf = ResolvConf::parse(text);
    let found: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
    assert_eq!(found, servers, "{text}");
    assert_eq!(conf.search, search, "{text}");
}

#[test]
fn servers_and_domains() {
    check("", &["127.0.0.1:53"], &[]);
    check(
        "# x\nnameserver 192.0.2.1\nnameserver ::1\nnameserver x\n",
        &["192.0.2.1:53", "[::1]:53"],
        &[],
    );
    check("nameserver [127.0.0.1]:5353\n", &["127.0.0.1:5353"], &[]);
    check(
        "nameserver [::1]:x\nsearch A.example. b.example\n",
        &["127.0.0.1:53"],
        &["a.example", "b.example"],
    );
    check("search a\ndomain b c\n", &["127.0.0.1:53"], &["b"]);
    let many = "nameserver 192.0.2.1\n".repeat(9);
    assert_eq!(ResolvConf::parse(&many).servers.len(), 3);
}

#[test]
fn options_are_kept_within_reason() {
    let conf = ResolvConf::parse("options ndots:2 timeout:99 attempts:0 rotate\n");
    assert_eq!(conf.timeout, Duration::from_secs(30));
    assert_eq!(conf.attempts, 1);
}
