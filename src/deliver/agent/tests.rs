//! The frames: everything encodes and decodes, and nothing else decodes.

use bstr::BString;
use proptest::prelude::*;

use super::wire::*;
use crate::base::Reply;

fn bytes() -> impl Strategy<Value = BString> {
    proptest::collection::vec(any::<u8>(), 0..30).prop_map(BString::from)
}

fn path() -> impl Strategy<Value = BString> {
    "/[a-z/]{0,20}".prop_map(BString::from)
}

fn list() -> impl Strategy<Value = Vec<BString>> {
    proptest::collection::vec(bytes(), 0..5)
}

fn request() -> impl Strategy<Value = Request> {
    let mbox = (path(), bytes(), any::<Option<u32>>(), any::<bool>()).prop_map(
        |(path, from_line, group, content_length)| {
            Request::Mbox(MboxJob {
                path,
                from_line,
                group,
                content_length,
            })
        },
    );
    let program = (path(), list(), list(), list(), any::<(u32, u32)>()).prop_map(
        |(path, argv, environment, directories, (seconds_max, output_bytes_max))| {
            Request::Program(ProgramJob {
                path,
                argv,
                environment,
                directories,
                from_line: "From x".into(),
                form: ProgramText::default(),
                nice: 0,
                seconds_max,
                output_bytes_max,
            })
        },
    );
    let forward = (list(), any::<u32>(), any::<[bool; 2]>()).prop_map(|(paths, owner, bits)| {
        Request::Forward {
            paths,
            owner,
            lenience: Lenience {
                trust_sticky: bits[0],
                overlooked_may_run: bits[1],
                ..Lenience::default()
            },
        }
    });
    prop_oneof![mbox, program, forward]
}

proptest! {
    #[test]
    fn requests_come_through(id: u64, request in request()) {
        prop_assert_eq!(Request::decode(&request.encode(id)), Ok((id, request)));
    }

    #[test]
    fn responses_come_through(id: u64, output in bytes(), status: i32, notes in list()) {
        for response in [
            Response::Stored(Reply::with(450, (4, 2, 0), "Write /x: no")),
            Response::Ended(ProgramEnd { how: ProgramFate::Exited(status), output: output.clone() }),
            Response::NoList { notes: notes.clone() },
            Response::List(ListText {
                path: "/x".into(),
                text: output.clone(),
                owner: (1, 2),
                is_safe: true,
                notes: notes.clone(),
            }),
            Response::ListRefused { temporary: true, reason: output.clone() },
        ] {
            prop_assert_eq!(Response::decode(&response.encode(id)), Ok((id, response)));
        }
    }

    #[test]
    fn damaged_frames_do_not_panic(request in request(), at: prop::sample::Index, byte: u8) {
        let mut frame = request.encode(7);
        let at = at.index(frame.len());
        frame[at] = byte;
        let _ = Request::decode(&frame);
        frame.truncate(at);
        prop_assert_eq!(Request::decode(&frame), Err(BadFrame));
        let _ = Response::decode(&frame);
    }

    #[test]
    fn any_head_is_bounded(bytes: [u8; HEAD_BYTES]) {
        if let Ok(head) = Head::decode(&bytes) {
            prop_assert!(head.body_bytes <= INLINE_BYTES_MAX);
            prop_assert_eq!(Head::decode(&head.encode()), Ok(head));
        }
    }
}
