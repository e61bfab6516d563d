//! The server machine on any bytes, in pieces, with everything on offer (BDAT,
//! AUTH, STARTTLS, XCLIENT): every answer ends in CR LF, text and commands are
//! taken, and it ends.
#![no_main]

use std::sync::Arc;

use godwit::base::Reply;
use godwit::smtp::server::{Action, Features, Found, Server, Settings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&cut, rest)) = data.split_first() else {
        return;
    };
    let size = usize::from(cut).max(1);
    let mut server = Server::new(Arc::new(Settings::default()), "peer [192.0.2.1]".into());
    let offered = [
        Features::CHUNKING,
        Features::LIMITS,
        Features::XCLIENT,
        Features::MT_PRIORITY,
        Features::SMTPUTF8,
        Features::STARTTLS,
        Features::AUTH,
    ];
    let features = offered.into_iter().fold(Features::USUAL, Features::with);
    server.set_features(features);
    server.set_mechanisms("PLAIN LOGIN".into());
    let (mut input, mut out, mut sink) = (Vec::new(), Vec::new(), Vec::new());
    for piece in rest.chunks(size) {
        input.extend_from_slice(piece);
        let taken = feed(&mut server, &input, &mut out, &mut sink);
        input.drain(..taken);
        assert!(out.is_empty() || out.ends_with(b"\r\n"), "whole lines");
        out.clear();
    }
});

fn feed(server: &mut Server, input: &[u8], out: &mut Vec<u8>, sink: &mut Vec<u8>) -> usize {
    let yes = Reply::with(250, (2, 0, 0), "ok");
    let mut taken = 0;
    for _ in 0..4 * input.len() + 8 {
        let rest = &input[taken..];
        if server.in_message() {
            let (used, found) = server.message(rest, sink, out);
            taken += used;
            match found {
                Found::More => return taken,
                Found::End => {
                    sink.clear();
                    server.answer(&yes, out);
                }
                Found::BareLf | Found::BareCr | Found::Chunk => {}
            }
            continue;
        }
        let (used, action) = server.step(rest, false, out);
        taken += used;
        server.take_notes();
        match action {
            Action::Read => return taken,
            Action::Ask(_) => server.answer(&yes, out),
            Action::Reset | Action::Pause(_) | Action::Again => {}
            Action::Xclient(_) => server.restart("other [192.0.2.2]".into()),
            Action::StartTls => server.tls_started(),
            Action::Close => return input.len(),
        }
    }
    panic!("the machine turns without end");
}
