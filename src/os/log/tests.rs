use std::os::unix::net::UnixDatagram;

use super::{LogTarget, MailLog};
use crate::world::{LogLevel, SystemLog};

#[test]
fn the_systems_log_gets_rfc_3164() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    let log = MailLog::new(LogTarget::Socket(path), "sm-mta");
    log.log(LogLevel::Info, b"one\nline\x1b");
    let mut buffer = [0; 200];
    let len = socket.recv(&mut buffer).unwrap();
    let line = std::str::from_utf8(&buffer[..len]).unwrap();
    let (head, text) = line.split_once(": ").unwrap();
    assert!(head.starts_with("<22>"), "{line}");
    assert!(head.ends_with(&format!(" sm-mta[{}]", std::process::id())));
    assert_eq!(
        head.len(),
        "<22>Nov 22 10:20:30 sm-mta[]".len() + std::process::id().to_string().len()
    );
    assert_eq!(text, "one line ", "nobody forges a line");
}

#[test]
fn a_file_that_was_renamed_away_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maillog");
    let log = MailLog::new(LogTarget::File(path.clone()), "t");
    log.log(LogLevel::Info, b"first");
    std::fs::rename(&path, folder.path().join("maillog.1")).unwrap();
    std::thread::sleep(super::LOOK_AGAIN_AFTER);
    log.log(LogLevel::Info, b"second");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains(&format!(" {} t[", super::own_host())) && text.ends_with("]: second\n"),
        "{text}"
    );
    assert!(!text.contains("first"));
}

#[test]
fn no_log_is_no_fault() {
    let log = MailLog::new(LogTarget::Socket("/nonexistent/log".into()), "t");
    log.log(LogLevel::Error, b"nobody hears this");
}

#[test]
fn events_stand_beside_the_log_when_they_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maillog");
    let events = folder.path().join("maillog.json");
    let log = MailLog::new(LogTarget::File(path.clone()), "t");
    log.log(LogLevel::Info, b"6AM8uH4k000040: from=<a>, size=1");
    assert!(!events.exists(), "nobody wants them");
    std::fs::write(&events, "").unwrap();
    let log = MailLog::new(LogTarget::File(path), "t");
    log.log(
        LogLevel::Info,
        b"6AM8uH4k000040: from=<\xffa\n>, stat=Sent (ok, fine)",
    );
    let text = std::fs::read_to_string(&events).unwrap();
    assert_eq!(text.lines().count(), 1);
    let event: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(event["id"], "6AM8uH4k000040");
    assert_eq!(event["stat"], "Sent (ok, fine)");
    assert_eq!(event["priority"], 6);
}
