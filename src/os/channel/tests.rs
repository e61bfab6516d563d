use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;

use super::Channel;
use crate::base::limits::CONTROL_FRAME_BYTES_MAX;

#[test]
fn frames_stay_whole_and_descriptors_travel() {
    let (one, other) = Channel::pair().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"inside").unwrap();
    one.send(b"first", &[file.as_fd()]).unwrap();
    one.send(b"second", &[]).unwrap();
    let mut received = other.receive().unwrap().unwrap();
    assert_eq!(received.frame, b"first");
    let mut same = std::fs::File::from(received.descriptors.pop().unwrap());
    same.rewind().unwrap();
    let mut text = String::new();
    same.read_to_string(&mut text).unwrap();
    assert_eq!(text, "inside");
    let received = other.receive().unwrap().unwrap();
    assert_eq!(received.frame, b"second");
    assert!(received.descriptors.is_empty());
    drop(one);
    assert!(other.receive().unwrap().is_none(), "the other end is gone");
}

#[test]
fn what_is_no_frame_is_not_sent() {
    let (one, other) = Channel::pair().unwrap();
    let large = vec![7; CONTROL_FRAME_BYTES_MAX];
    assert!(one.send(b"", &[]).is_err());
    assert!(one.send(&[&large[..], b"x"].concat(), &[]).is_err());
    one.send(&large, &[]).unwrap();
    assert_eq!(other.receive().unwrap().unwrap().frame, large);
}

#[test]
fn nobody_waits_who_does_not_want_to() {
    let (one, _other) = Channel::pair().unwrap();
    one.set_nonblocking().unwrap();
    let error = one.receive().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn tasks_speak_too() {
    let (one, other) = Channel::pair().unwrap();
    let (one, other) = (one.into_async().unwrap(), other.into_async().unwrap());
    let waiting = tokio::spawn(async move { other.receive().await });
    one.send(b"hello").await.unwrap();
    let received = waiting.await.unwrap().unwrap().unwrap();
    assert_eq!(received.frame, b"hello");
}
