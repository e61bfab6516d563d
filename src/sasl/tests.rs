use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::{BStr, BString};
use proptest::prelude::*;

use super::hash::Hash;
use super::server::{Answer, Context, FailureKind, Question, Reply};
use super::verifier::{self, Entry};
use super::*;

fn context() -> Context {
    Context {
        host: "mail.example.org".into(),
        realm: "mail.example.org".into(),
        nonce: (0..24).collect(),
        now: 1_700_000_000,
        secret: "secret of the process".into(),
        ..Context::default()
    }
}

fn info(user: &str, password: &str) -> AuthInfo {
    AuthInfo {
        user: user.into(),
        password: Some(password.into()),
        ..AuthInfo::default()
    }
}

/// A site with one user, whose password is kept as it is or as verifiers.
fn database(question: &Question, user: &str, password: &str, hashed: bool) -> Answer {
    let known = |name: &BString| name == user;
    match question {
        Question::Password {
            user,
            password: given,
        } if known(user) => server::compare(Some(password.as_bytes()), given),
        Question::Token { user, token }
            if known(user) && token.as_slice() == password.as_bytes() =>
        {
            Answer::Right
        }
        Question::Token { .. } => Answer::Wrong,
        Question::Secret { user, scram, .. } if known(user) => match scram {
            Some(hash) if hashed => {
                Answer::Verifier(Verifier::derive(*hash, password.as_bytes(), b"salt", 64))
            }
            _ => Answer::Password(password.into()),
        },
        _ => Answer::NoUser,
    }
}

/// Plays client against server; who the server took it for, or why not.
fn play(
    mechanism: Mechanism,
    info: &AuthInfo,
    (user, password): (&str, &str),
    hashed: bool,
    context: Context,
    bindings: Bindings,
) -> Result<server::Identity, FailureKind> {
    let mut client = Client::new(
        mechanism,
        info.clone(),
        (b"mail.example.org", 25),
        b"client nonce",
        bindings,
    );
    let mut server = Server::new(mechanism, context);
    let initial = client.initial();
    let mut reply = server.begin(initial.as_deref());
    for _ in 0..10 {
        reply = match reply {
            Reply::Challenge(challenge) => match client.respond(&challenge) {
                Ok(message) => server.step(&message),
                Err(fault) => panic!("{mechanism:?}: {fault}"),
            },
            Reply::Ask(question) => {
                let answer = database(&question, user, password, hashed);
                server.answer(answer)
            }
            Reply::Success(identity) => {
                assert!(client.may_succeed(), "{mechanism:?}");
                return Ok(identity);
            }
            Reply::Failure(failure) => return Err(failure.kind),
        };
    }
    panic!("{mechanism:?}: no end");
}

const WITH_PASSWORDS: [Mechanism; 8] = [
    Mechanism::ScramSha256,
    Mechanism::ScramSha1,
    Mechanism::DigestMd5,
    Mechanism::CramMd5,
    Mechanism::OauthBearer,
    Mechanism::Xoauth2,
    Mechanism::Login,
    Mechanism::Plain,
];

#[test]
fn every_mechanism_tells_right_from_wrong() {
    for mechanism in WITH_PASSWORDS {
        for hashed in [false, true] {
            let try_it = |name: &str, password: &str| {
                let info = info(name, password);
                let account = ("alice", "s3cret, =x");
                play(
                    mechanism,
                    &info,
                    account,
                    hashed,
                    context(),
                    Bindings::none(),
                )
            };
            let right = try_it("alice", "s3cret, =x").unwrap();
            assert_eq!(right.user, "alice", "{mechanism:?}");
            assert_eq!(
                try_it("alice", "other"),
                Err(FailureKind::Wrong),
                "{mechanism:?}"
            );
            let unknown = try_it("nobody", "s3cret, =x").unwrap_err();
            assert!(
                matches!(unknown, FailureKind::NoUser | FailureKind::Wrong),
                "{mechanism:?}"
            );
        }
    }
}

#[test]
fn plus_binds_to_the_session() {
    for mechanism in [Mechanism::ScramSha256Plus, Mechanism::ScramSha1Plus] {
        let bound = |data: &[u8]| Bindings::none().with("tls-exporter", data.to_vec());
        let with = |theirs: Bindings| {
            let mut context = context();
            context.bindings = bound(b"one");
            context.offers_plus = true;
            let account = ("alice", "x");
            play(
                mechanism,
                &info("alice", "x"),
                account,
                true,
                context,
                theirs,
            )
        };
        assert!(with(bound(b"one")).is_ok());
        assert_eq!(with(bound(b"two")), Err(FailureKind::Protocol));
    }
    // A client that could bind says so; where binding was offered, somebody
    // has taken the offer away.
    let mut context = context();
    context.offers_plus = true;
    let bindings = Bindings::none().with("tls-exporter", b"one".to_vec());
    let account = ("alice", "x");
    let stripped = play(
        Mechanism::ScramSha256,
        &info("alice", "x"),
        account,
        true,
        context,
        bindings,
    );
    assert_eq!(stripped, Err(FailureKind::Protocol));
}

#[test]
fn an_identity_to_act_for_is_passed_on() {
    for mechanism in [
        Mechanism::Plain,
        Mechanism::DigestMd5,
        Mechanism::ScramSha256,
    ] {
        let info = AuthInfo {
            user: "bob, the builder".into(),
            id: Some("alice".into()),
            password: Some("x".into()),
            ..AuthInfo::default()
        };
        let account = ("alice", "x");
        let identity = play(
            mechanism,
            &info,
            account,
            false,
            context(),
            Bindings::none(),
        );
        let identity = identity.unwrap();
        assert_eq!(identity.user, "alice", "{mechanism:?}");
        assert_eq!(identity.acts_for, "bob, the builder", "{mechanism:?}");
    }
}

#[test]
fn external_is_who_the_certificate_says() {
    let mut with = context();
    with.external = Some("/CN=client".into());
    let mut server = Server::new(Mechanism::External, with);
    let Reply::Success(identity) = server.begin(Some(b"")) else {
        panic!("EXTERNAL");
    };
    assert_eq!(identity.user, "/CN=client");
    let mut server = Server::new(Mechanism::External, context());
    assert!(matches!(server.begin(Some(b"")), Reply::Failure(_)));
}

/// RFC 2195, section 2.
#[test]
fn cram_md5_of_the_rfc() {
    let mut client = Client::new(
        Mechanism::CramMd5,
        info("tim", "tanstaaftanstaaf"),
        (b"", 25),
        b"",
        Bindings::none(),
    );
    let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
    assert_eq!(
        client.respond(challenge).unwrap(),
        b"tim b913a602c7eda7a495b4e6e7334d3890"
    );
}

/// RFC 2831, section 4: the responses to `chris` and `secret`.
#[test]
fn digest_md5_of_the_rfc() {
    let parts = digest::Parts {
        user: b"chris",
        realm: b"elwood.innosoft.com",
        password: b"secret",
        nonce: b"OA6MG9tEQGm2hh",
        cnonce: b"OA6MHXh6VqTrRk",
        uri: b"imap/elwood.innosoft.com",
        authorize: b"",
        utf8: true,
    };
    assert_eq!(parts.response(), "d388dad90d4bbd760a152321f2143af7");
    assert_eq!(parts.rspauth(), "ea40f60335c427b5527b84dbabcdfffd");
}

/// RFC 5802, section 5, and RFC 7677, section 3.
#[test]
fn scram_of_the_rfcs() {
    let cases = [
        (
            Mechanism::ScramSha1,
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (
            Mechanism::ScramSha256,
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ];
    for (mechanism, first, challenge, last, proof) in cases {
        let hash = mechanism.scram_hash().unwrap();
        let (bare, without) = (&first[3..], &last[..last.find(",p=").unwrap()]);
        let salt = challenge.split(',').nth(1).unwrap();
        let salt = STANDARD.decode(&salt[2..]).unwrap();
        let verifier = Verifier::derive(hash, b"pencil", &salt, 4096);
        let pieces = format!("{bare},{challenge},{without}");
        let salted = hash.stretch(b"pencil", &salt, 4096);
        let key = hash.mac(&salted, &[b"Client Key"]);
        assert_eq!(hash.digest(&key), verifier.stored_key);
        let signature = hash.mac(&verifier.stored_key, &[pieces.as_bytes()]);
        let client: Vec<u8> = key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        assert!(last.ends_with(&STANDARD.encode(client)), "{mechanism:?}");
        let server = hash.mac(&verifier.server_key, &[pieces.as_bytes()]);
        assert_eq!(proof, format!("v={}", STANDARD.encode(server)));
    }
}

#[test]
fn a_server_that_does_not_know_the_secret_is_no_server() {
    let mut client = Client::new(
        Mechanism::ScramSha256,
        info("alice", "x"),
        (b"h", 25),
        b"n",
        Bindings::none(),
    );
    client.initial().unwrap();
    let nonce = hash::hex(b"n");
    let challenge = format!("r={nonce}abc,s=c2FsdA==,i=4096");
    client.respond(challenge.as_bytes()).unwrap();
    assert!(!client.may_succeed());
    assert!(client.respond(b"v=AAAA").is_err());
}

#[test]
fn unknown_users_look_like_known_ones() {
    let ask = |user: &str, answer: fn(&Question) -> Answer| {
        let mut server = Server::new(Mechanism::ScramSha256, context());
        let first = format!("n,,n={user},r=abc");
        let Reply::Ask(question) = server.begin(Some(first.as_bytes())) else {
            panic!("a question is asked");
        };
        let Reply::Challenge(challenge) = server.answer(answer(&question)) else {
            panic!("unknown users get a challenge");
        };
        BString::from(challenge)
    };
    let known = ask("alice", |_| Answer::Password("x".into()));
    let unknown = ask("nobody", |_| Answer::NoUser);
    let again = ask("nobody", |_| Answer::NoUser);
    assert_eq!(known.len(), unknown.len());
    assert_eq!(unknown, again, "the salt of a name stays the same");
}

#[test]
fn verifiers_are_read_as_written() {
    for hash in [Hash::Sha1, Hash::Sha256] {
        let verifier = Verifier::derive(hash, b"pencil", b"some salt", 100);
        let text = verifier.to_text();
        assert_eq!(Verifier::parse(text.as_bytes()), Some(verifier.clone()));
        assert!(verifier.accepts(b"pencil") && !verifier.accepts(b"Pencil"));
    }
    let one = Verifier::derive(Hash::Sha256, b"pencil", b"salt", 100);
    let token = verifier::token_text(b"a token", 100);
    let file = format!(
        "# users\n\nalice:{}\nbob@x.example:{token} junk\n",
        one.to_text()
    );
    let find = |user: &str| verifier::find(file.as_bytes(), user.as_bytes(), b"x.example");
    assert!(find("alice").unwrap().accepts(b"pencil"));
    assert!(find("bob").unwrap().accepts_token(b"a token", 99));
    assert!(!find("bob").unwrap().accepts_token(b"a token", 100));
    assert_eq!(find("carol"), None);
    assert_eq!(
        Entry::parse(b"SCRAM-SHA-256$0:AA==$AA==:AA=="),
        Entry::default()
    );
}

#[test]
fn accounts_are_read_as_sites_write_them() {
    let parse = |text: &str| AuthInfo::parse(BStr::new(text));
    let whole = parse(r#""U:root" "I:alice" "P=c2VjcmV0" "R:realm" "M:LOGIN PLAIN""#).unwrap();
    assert_eq!(whole.login(), b"alice");
    assert_eq!(whole.password, Some("secret".into()));
    assert_eq!(
        whole.mechanisms,
        Some(vec![Mechanism::Login, Mechanism::Plain])
    );
    assert_eq!(parse(r#""I:alice" "P:a b""#).unwrap().user, "alice");
    let joined = parse(r#""U:root""I:alice""P:a b""#).unwrap();
    assert_eq!(joined.login(), b"alice");
    assert_eq!(parse("U:alice P:x").unwrap().user, "alice");
    assert!(parse(r#""P:x""#).is_err());
    assert!(parse(r#""U:x" "P=!!""#).is_err());
    assert!(parse(r#""Z:x""#).is_err());
    let file = AuthInfo::parse_file(b"alice\nalice\nsecret\nrealm\n").unwrap();
    assert_eq!(file.realm, Some("realm".into()));
    let offered = [BString::from("PLAIN"), BString::from("CRAM-MD5")];
    let ours = [Mechanism::CramMd5, Mechanism::Plain];
    assert_eq!(
        file.choose(&ours, &offered, |_| true),
        Some(Mechanism::CramMd5)
    );
    assert_eq!(
        whole.choose(&ours, &offered, |_| true),
        Some(Mechanism::Plain)
    );
    assert_eq!(whole.choose(&ours, &offered, |m| !m.is_plaintext()), None);
}

#[test]
fn the_library_says_what_can_be_offered() {
    let read = |text: &str| library::Library::parse(text.as_bytes());
    let saslauthd = read("pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN CRAM-MD5\n");
    assert!(saslauthd.can(Mechanism::Plain) && !saslauthd.can(Mechanism::CramMd5));
    assert_eq!(saslauthd.saslauthd.to_str(), Some("/var/run/saslauthd/mux"));
    let sasldb = read("pwcheck_method: auxprop\nsasldb_path:/x/db\n");
    assert!(sasldb.can(Mechanism::ScramSha256) && !sasldb.can(Mechanism::Xoauth2));
    assert_eq!(sasldb.sasldb.to_str(), Some("/x/db"));
    assert_eq!(read("pwcheck_method: alwaystrue\n").unknown, ["alwaystrue"]);
}

#[test]
fn saslauthd_is_spoken_to_in_counted_strings() {
    let question = saslauthd::question(b"u", b"pw", b"smtp", b"").unwrap();
    assert_eq!(question, b"\0\x01u\0\x02pw\0\x04smtp\0\0");
    assert_eq!(saslauthd::question(&[b'x'; 300], b"", b"", b""), None);
    assert_eq!(saslauthd::question(b"a\0b", b"", b"", b""), None);
    assert_eq!(saslauthd::answer(b"\0\x02O"), None);
    assert_eq!(saslauthd::answer(b"\0\x02OK"), Some(saslauthd::Said::Right));
    assert_eq!(
        saslauthd::answer(b"\0\x09NO reason"),
        Some(saslauthd::Said::Wrong)
    );
    assert_eq!(
        saslauthd::answer(b"\xff\xffOK"),
        Some(saslauthd::Said::Other)
    );
}

proptest! {
    /// Whatever a client says, it is no success without the secret.
    #[test]
    fn nonsense_never_succeeds(
        which in 0usize..Mechanism::ALL.len(),
        messages in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..80), 0..6),
        textual in proptest::collection::vec("[a-z=,\"\\\\ \x01\x00:]{0,40}", 0..3),
    ) {
        let mechanism = Mechanism::ALL[which];
        let mut server = Server::new(mechanism, context());
        let mut reply = server.begin(None);
        let messages = messages.into_iter().chain(textual.into_iter().map(String::into_bytes));
        for message in messages {
            while let Reply::Ask(_) = reply {
                reply = server.answer(Answer::Wrong);
            }
            reply = server.step(&message);
        }
        prop_assert!(!matches!(reply, Reply::Success(_)));
    }

    /// Whatever a server says, the client ends.
    #[test]
    fn clients_bear_any_server(
        which in 0usize..Mechanism::ALL.len(),
        challenges in proptest::collection::vec("[a-z0-9=,\"\\\\ +/]{0,60}", 0..6),
    ) {
        let mechanism = Mechanism::ALL[which];
        let mut client =
            Client::new(mechanism, info("u", "p"), (b"h", 25), b"n", Bindings::none());
        client.initial();
        for challenge in challenges {
            if client.respond(challenge.as_bytes()).is_err() {
                break;
            }
        }
    }

    #[test]
    fn files_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = verifier::find(&bytes, b"u", b"r");
        let _ = Entry::parse(&bytes);
        let _ = library::Library::parse(&bytes);
        let _ = AuthInfo::parse(BStr::new(&bytes));
        let _ = AuthInfo::parse_file(&bytes);
        let _ = saslauthd::answer(&bytes);
    }
}

#[test]
fn names_and_passwords_are_prepared_for_scram() {
    use super::hash::{Hash, prepared};
    // RFC 4013, section 3: a soft hyphen goes, an ordinal becomes a letter.
    assert_eq!(&*prepared("I\u{ad}X".as_bytes()), b"IX");
    assert_eq!(&*prepared("\u{aa}".as_bytes()), b"a");
    assert_eq!(&*prepared("pa\u{a0}ss".as_bytes()), b"pa ss");
    assert_eq!(&*prepared(b"\xff"), b"\xff");
    let kept = super::Verifier::derive(Hash::Sha256, "\u{2168}".as_bytes(), b"salt", 4096);
    assert!(kept.accepts(b"IX"));
    assert!(!kept.accepts(b"ix"));
}
