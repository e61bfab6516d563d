use std::time::Duration;

use proptest::prelude::*;

use super::{FileAnswer, Source, Start, ToEngine, ToParent, WantFile};
use crate::base::Place;
use crate::os::LogTarget;

fn start() -> Start {
    Start {
        source: Source {
            file: "/etc/mail/sendmail.cf".into(),
            options: vec![("Timeout.queuereturn".into(), (&b"\xff1d"[..]).into())],
            macros: vec![("r".into(), "ESMTP".into())],
            place: Place::under("/tmp/x"),
        },
        queue_interval: Some(Duration::from_secs(900)),
        once: Some(vec!["Rbob".into()]),
        listens: true,
        log: LogTarget::File("/tmp/x/var/log/maillog".into()),
        tag: "sm-mta".into(),
    }
}

#[test]
fn every_frame_comes_back_as_it_went() {
    let frames = [
        ToEngine::Start(Box::new(start())),
        ToEngine::Go,
        ToEngine::Listener {
            index: 2,
            spec: "Name=MTA".into(),
        },
        ToEngine::KeepListeners(vec![0, 7]),
        ToEngine::Control,
        ToEngine::Agent { request: 1 << 40 },
        ToEngine::NoAgent {
            request: 1,
            temporary: true,
            reason: "no".into(),
        },
        ToEngine::Logins,
        ToEngine::Reload,
        ToEngine::Stop,
    ];
    for frame in frames {
        let bytes = frame.encode();
        assert_eq!(ToEngine::decode(&bytes), Some(frame));
        assert_eq!(ToEngine::decode(&bytes[..bytes.len() - 1]), None, "cut");
        assert_eq!(
            ToEngine::decode(&[&bytes[..], b"x"].concat()),
            None,
            "longer"
        );
    }
    let frames = [
        ToParent::Loaded,
        ToParent::Failed {
            code: 78,
            reason: "bad".into(),
        },
        ToParent::Ready,
        ToParent::WantAgent {
            request: 9,
            user: "alice".into(),
            mailbox: true,
        },
        ToParent::Reloaded,
        ToParent::WantStop,
    ];
    for frame in frames {
        let bytes = frame.encode();
        assert_eq!(ToParent::decode(&bytes), Some(frame));
        assert_eq!(ToParent::decode(&bytes[..bytes.len() - 1]), None, "cut");
    }
}

#[test]
fn a_file_is_asked_for_and_answered() {
    let want = WantFile {
        path: "/etc/mail/access.db".into(),
    };
    assert_eq!(WantFile::decode(&want.encode()), Some(want));
    let answer = FileAnswer { errno: 13 };
    assert_eq!(FileAnswer::decode(&answer.encode()), Some(answer));
}

#[test]
fn another_version_is_refused() {
    let mut bytes = ToParent::Ready.encode();
    bytes[0] += 1;
    assert_eq!(ToParent::decode(&bytes), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ToEngine::decode(&bytes);
        let _ = ToParent::decode(&bytes);
        let _ = WantFile::decode(&bytes);
        let _ = FileAnswer::decode(&bytes);
    }

    #[test]
    fn a_damaged_frame_is_read_or_refused(at in 0usize..100, byte in any::<u8>()) {
        let mut bytes = ToEngine::Start(Box::new(start())).encode();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = ToEngine::decode(&bytes);
    }
}
