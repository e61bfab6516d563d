//! Whatever a client says, in any mechanism, it is believed only when the
//! user database says so; and the files that authentication reads can hold
//! anything.
#![no_main]

use godwit::sasl::server::{Answer, Context, Question};
use godwit::sasl::{AuthInfo, Mechanism, Reply, Server, library, saslauthd, verifier};
use godwit::smtp::sts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Option<Vec<u8>>, Vec<Vec<u8>>)| {
    let (which, initial, messages) = input;
    let mechanism = Mechanism::ALL[usize::from(which) % Mechanism::ALL.len()];
    let context = Context {
        host: "mail.example.org".into(),
        realm: "example.org".into(),
        nonce: vec![7; 24],
        secret: vec![1; 32].into(),
        ..Context::default()
    };
    let mut server = Server::new(mechanism, context);
    let mut reply = server.begin(initial.as_deref());
    for message in &messages {
        while let Reply::Ask(question) = reply {
            reply = server.answer(match question {
                Question::Secret { .. } => Answer::NoUser,
                _ => Answer::Wrong,
            });
        }
        reply = server.step(message);
        let _ = verifier::find(message, b"user", b"realm");
        let _ = library::Library::parse(message);
        let _ = saslauthd::answer(message);
        let _ = AuthInfo::parse(message.as_slice().into());
        let _ = AuthInfo::parse_file(message);
        let _ = sts::Policy::parse(message);
    }
    assert!(!matches!(reply, Reply::Success(_)));
});
