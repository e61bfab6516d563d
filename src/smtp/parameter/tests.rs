//! Parameters against the reference's recorded answers.

use proptest::prelude::*;

use super::*;

const ALL: Offered = Offered {
    mt_priority: true,
    require_tls: true,
    dsn: true,
    smtputf8: false,
    auth: true,
    by_min: Some(0),
    size_max: None,
};

fn mail(text: &str) -> String {
    match MailParameters::parse(text.as_bytes(), &ALL, &mut Seen::default()) {
        Ok(_) => "ok".into(),
        Err(reply) => reply.to_line().to_string(),
    }
}

fn rcpt(text: &str) -> String {
    match RcptParameters::parse(text.as_bytes(), &ALL) {
        Ok(_) => "ok".into(),
        Err(reply) => reply.to_line().to_string(),
    }
}

#[test]
fn mail_as_recorded() {
    for (text, answer) in [
        ("", "ok"),
        ("SIZE=10", "ok"),
        (" SIZE=10  ", "ok"),
        ("SIZE=abc", "ok"),
        ("SIZE=", "ok"),
        ("SIZE=1 SIZE=2", "ok"),
        ("SIZE", "501 5.5.2 SIZE requires a value"),
        ("SIZE=-1", "552 5.2.3 Message size invalid"),
        (
            "SIZE=99999999999999999999",
            "552 5.2.3 Message size exceeds maximum value",
        ),
        ("SIZE=10=20", "555 5.5.4 20 parameter unrecognized"),
        ("BODY=9BIT", "501 5.5.4 Unknown BODY type 9BIT"),
        ("BODY=", "501 5.5.4 Unknown BODY type "),
        ("BODY", "501 5.5.2 BODY requires a value"),
        ("body=7bit", "ok"),
        ("BODY=8bitMIME BODY=7BIT", "ok"),
        ("BODY=BINARYMIME", "501 5.5.4 Unknown BODY type BINARYMIME"),
        (
            "ENVID=a+b",
            "501 5.5.4 Syntax error in ENVID parameter value",
        ),
        ("ENVID=", "ok"),
        ("ENVID", "501 5.5.2 ENVID requires a value"),
        ("ENVID=ok ENVID=ok", "501 5.5.0 Duplicate ENVID parameter"),
        ("RET", "501 5.5.2 RET requires a value"),
        ("RET=", "501 5.5.2 Bad argument \"\" to RET"),
        ("RET=BOGUS", "501 5.5.2 Bad argument \"BOGUS\" to RET"),
        ("ret=full", "ok"),
        ("RET=full RET=hdrs", "501 5.5.0 Duplicate RET parameter"),
        ("ENVID=a+2Bb RET=HDRS", "ok"),
        ("BY", "501 5.5.2 BY= requires a value"),
        ("BY=", "501 5.5.2 BY= missing ';'"),
        ("BY=60", "501 5.5.2 BY= missing ';'"),
        ("BY=60;", "501 5.5.2 illegal by-mode '?'"),
        ("BY=60;X", "501 5.5.2 illegal by-mode 'X'"),
        ("BY=60;R", "ok"),
        ("BY=60;RT", "ok"),
        ("BY=-60;N", "ok"),
        ("BY=0;R", "501 5.5.4 mode R requires BY time > 0"),
        ("BY=-60;R", "501 5.5.4 mode R requires BY time > 0"),
        ("BY=9999999999;R", "501 5.5.2 BY=9999999999;R out of range"),
        ("BY=60;Rx", "501 5.5.2 illegal by-trace 'x'"),
        ("BY=60;R BY=60;R", "ok"),
        ("AUTH", "501 5.5.2 AUTH= requires a value"),
        ("AUTH=", "ok"),
        ("AUTH=<>", "ok"),
        ("AUTH=a+b", "501 5.5.4 Syntax error in AUTH parameter value"),
        ("AUTH=a@b", "ok"),
        ("AUTH=<> AUTH=<>", "501 5.5.0 Duplicate AUTH parameter"),
        ("SMTPUTF8", "555 5.5.4 SMTPUTF8 parameter unrecognized"),
        ("SMTPUTF8=1", "555 5.5.4 SMTPUTF8 parameter unrecognized"),
        ("FOO", "555 5.5.4 FOO parameter unrecognized"),
        ("FOO=BAR", "555 5.5.4 FOO parameter unrecognized"),
        ("=x", "555 5.5.4  parameter unrecognized"),
        ("(comment)", "555 5.5.4  parameter unrecognized"),
    ] {
        assert_eq!(mail(text), answer, "{text}");
    }
}

#[test]
fn rcpt_as_recorded() {
    for (text, answer) in [
        ("NOTIFY", "501 5.5.2 NOTIFY requires a value"),
        ("NOTIFY=", "501 5.5.4 Bad argument \"\"  to NOTIFY"),
        ("NOTIFY=never", "ok"),
        (
            "NOTIFY=NEVER,SUCCESS",
            "501 5.5.4 Bad argument \"NEVER\"  to NOTIFY",
        ),
        (
            "NOTIFY=SUCCESS,NEVER",
            "501 5.5.4 Bad argument \"NEVER\"  to NOTIFY",
        ),
        ("NOTIFY=success,success", "ok"),
        ("NOTIFY=success NOTIFY=delay", "ok"),
        ("NOTIFY=success,", "501 5.5.4 Bad argument \"\"  to NOTIFY"),
        ("ORCPT", "501 5.5.2 ORCPT requires a value"),
        ("ORCPT=", "501 5.5.4 Syntax error in ORCPT parameter value"),
        (
            "ORCPT=bad",
            "501 5.5.4 Syntax error in ORCPT parameter value",
        ),
        ("ORCPT=rfc822;", "ok"),
        (
            "ORCPT=;x",
            "501 5.5.4 Syntax error in ORCPT parameter value",
        ),
        (
            "ORCPT=rfc822;a+b",
            "501 5.5.4 Syntax error in ORCPT parameter value",
        ),
        (
            "ORCPT=a@b;x",
            "501 5.5.4 Syntax error in ORCPT parameter value",
        ),
        (
            "ORCPT=rfc822;a ORCPT=rfc822;b",
            "501 5.5.0 Duplicate ORCPT parameter",
        ),
        ("ORCPT=xx;x=y", "555 5.5.4 y parameter unrecognized"),
        ("ORCPT=rfc822;a@b NOTIFY=FAILURE", "ok"),
        ("SIZE=1", "555 5.5.4 SIZE parameter unrecognized"),
    ] {
        assert_eq!(rcpt(text), answer, "{text}");
    }
}

#[test]
fn values_are_kept() {
    let text = b"SIZE=49 BODY=8BITMIME ENVID=a+2Bb RET=HDRS AUTH=<> BY=-5;NT SMTPUTF8";
    let offered = Offered {
        smtputf8: true,
        size_max: Some(50),
        ..ALL
    };
    let parameters = MailParameters::parse(text, &offered, &mut Seen::default());
    assert_eq!(
        parameters,
        Ok(MailParameters {
            mt_priority: 0,
            require_tls: false,
            size: Some(49),
            body: Some(BodyType::EightBitMime),
            envid: Some("a+2Bb".into()),
            ret: Some(Ret::Headers),
            auth: Some("<>".into()),
            by: Some(DeliverBy {
                seconds: -5,
                returns: false,
                trace: true
            }),
            smtputf8: true,
        })
    );
    let refusal = MailParameters::parse(b"SIZE=51", &offered, &mut Seen::default());
    assert_eq!(
        refusal.map_err(|r| r.to_line()),
        Err("552 5.2.3 Message size exceeds fixed maximum message size (50)".into())
    );
}

#[test]
fn without_dsn() {
    let offered = Offered { dsn: false, ..ALL };
    let refusal = MailParameters::parse(b"RET=FULL", &offered, &mut Seen::default());
    assert_eq!(
        refusal.map_err(|r| r.to_line()),
        Err("504 5.7.0 Sorry, RET not supported, we do not allow DSN".into())
    );
}

#[test]
fn a_refused_parameter_is_remembered() {
    let mut seen = Seen::default();
    assert!(MailParameters::parse(b"RET=BOGUS", &ALL, &mut seen).is_err());
    let again = MailParameters::parse(b"RET=FULL", &ALL, &mut seen);
    assert_eq!(
        again.map_err(|r| r.to_line()),
        Err("501 5.5.0 Duplicate RET parameter".into())
    );
}

proptest! {
    #[test]
    fn any_bytes_are_answered(text: Vec<u8>) {
        let mail = MailParameters::parse(&text, &ALL, &mut Seen::default());
        let rcpt = RcptParameters::parse(&text, &ALL);
        for reply in [mail.err(), rcpt.err()].into_iter().flatten() {
            prop_assert!(reply.is_permanent());
        }
    }
}

#[test]
fn priorities_of_one_digit() {
    let parse = |text: &str| {
        MailParameters::parse(text.as_bytes(), &ALL, &mut Seen::default()).map(|p| p.mt_priority)
    };
    assert_eq!(parse("MT-PRIORITY=6"), Ok(6));
    assert_eq!(parse("mt-priority=-9"), Ok(-9));
    for bad in ["", "+1", "10", "-", "-10", "x", "1x", "--1"] {
        let refused = parse(&format!("MT-PRIORITY={bad}")).unwrap_err();
        assert_eq!(refused.code(), 501, "{bad}");
    }
}
