use proptest::prelude::*;

use std::time::{Duration, UNIX_EPOCH};

use bstr::ByteSlice;

use super::*;
use crate::envelope::{ControllingUser, Envelope, Kind, Notify, Recipient};
use crate::message::Field;

const HOST: &[u8] = b"mail.example.org";

/// A file as the reference wrote it, read and written again, must not change.
fn check_same(text: &[u8]) {
    let file = read(text).unwrap();
    let again = write(&file.envelope, &file.header, HOST, None);
    assert_eq!(again.as_bstr(), text.as_bstr());
}

#[test]
fn what_the_reference_wrote_is_written_the_same() {
    check_same(
        b"V8\nT1795333327\nK0\nN0\nP90076\nB8BITMIME\nF8dns\n$_root@localhost\n$rESMTP\n$sc\n\
        ${daemon_flags}c u\nS<bob@example.org>\nZe+2B1\nA<>\n!\x02 3600\n\
        rRFC822; two@example.org\nRPFD:<two@example.org>\n\
        Qrfc822;o+2Bz@x\nrRFC822; x@refused.test\nRPND:<x@refused.test>\n\
        rRFC822; y@refused.test\nRPN:<y@refused.test>\n\
        H?P?Return-Path: <\x81g>\n\
        H??Received: from c (root@localhost)\n\tby mail.example.org id 6AM7g7Us000041;\n\
        \tSun, 22 Nov 2026 07:42:07 GMT\n\
        H?D?Date: Sun, 22 Nov 2026 07:42:07 GMT\nH?x?Full-Name: Bob B. Example\n\
        H??X-Meta: a$g b\xc2\xff\x81g \xff\x80\xff\x9f\xa0\xfe\xff\xff\x01\x7f end\n\
        H??X-A:no space\nH??X-Long: aaaa\n\tbbbb\n  cccc\n.\n",
    );
}

#[test]
fn recipients_keep_who_answers_for_them() {
    check_same(
        b"V8\nT1795333478\nK1795333500\nN3\nP390039\nMDeferred: Connection refused by x\nF8s\n\
        $_root@localhost\nSbob@example.org\n\
        Ctwo:8:0:two\nrRFC822; two@mail.example.org\nRFDA:\"/var/tmp/with space\"\n\
        Cbob:1002:1002:two\nrRFC822; two@mail.example.org\nRFDA:bob\n\
        Ctwo:8:0:two\nrRFC822; two@mail.example.org\nRFDA:\"|/bin/cat \\\\x\"\n\
        rRFC822; two@mail.example.org\nRFDA:\"|/bin/cat -n \\\"a b\\\" 'c'\"\n\
        C\nrRFC822; x1@refused.test\nRPFD:x1@refused.test\n\
        C::include:/case/members\nMDeferred: 451 4.2.1 mailbox busy\nrRFC822; inc@mail.example.org\n\
        RFD:carol@example.net (Carol)\n\
        C\nrRFC822; alice@mail.example.org\nRPNSFD:Full Name <z@refused.test>\n\
        H??Subject: a\n.\n",
    );
}

#[test]
fn a_report_is_from_the_mailer_daemon() {
    let text = b"V8\nT1\nK1\nN1\nP31038\nFrs\nSMAILER-DAEMON\n\
        rRFC822; x@refused.test\nRPF:x@refused.test\nH??To: x@refused.test\n.\n";
    check_same(text);
    let envelope = read(text).unwrap().envelope;
    assert!(envelope.is_report && envelope.sender.is_empty());
    assert!(!envelope.recipients[0].notify.on_delay() || !envelope.recipients[0].notify.given);
    check_same(b"V8\nT1\nK0\nN0\nP1\nFs\nqwhy; not\nS<>\nrRFC822; a@b\nRPFD:<a@b>\n.\n");
}

#[test]
fn old_versions_are_read() {
    let file = read(
        b"V6\nT1700000000\nK0\nN0\nP1\nDdfAA00000AAA000009\nErr\nSbob\nRPFD:x@refused.test\n\
        HSubject: a\nH?D?Date: x\n.\n",
    )
    .unwrap();
    assert_eq!(file.envelope.recipients[0].address, "x@refused.test");
    assert_eq!(file.header.get("subject").unwrap().text(), "a");
    assert_eq!(file.header.get("date").unwrap().flags, "D");
    let file = read(b"V2\nT1\nRx@refused.test\n.\n").unwrap();
    assert_eq!(file.envelope.recipients[0].address, "x@refused.test");
}

#[test]
fn programs_and_files_need_somebody_who_answers_for_them() {
    let file = read(b"V8\nT1\nSx\nRPFD:|/bin/sh\nRPFD:/etc/passwd\nRPFD::include:/x\n.\n").unwrap();
    assert!(
        file.envelope
            .recipients
            .iter()
            .all(|r| r.kind == Kind::Mailbox)
    );
}

fn check_error(text: &[u8], message: &str, losing: Option<&str>) {
    let error = read(text).unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.losing(), losing);
}

#[test]
fn what_cannot_be_used_is_told_apart_as_the_reference_does() {
    check_error(b"", "incomplete queue file read", None);
    check_error(b"V8\nT1\nSx\n", "incomplete queue file read", None);
    check_error(
        b"V9\nT1\n.\n",
        "Version number in queue file (9) greater than max (8)",
        Some("unsupported queue file version"),
    );
    check_error(
        b"V8\nT1\nK0\nN0\nP1\nXgarbage\n.\n",
        "line 6: bad line \"Xgarbage\"",
        Some("unrecognized line"),
    );
    check_error(
        b"V8\n.\nSroot\n",
        "SECURITY ALERT: extra or bogus data in queue file: Sroot",
        Some("bogus queue line"),
    );
}

#[test]
fn no_value_can_begin_a_line() {
    let mut envelope = Envelope::new("a@b\nRPFD:victim@c", UNIX_EPOCH);
    let mut recipient = Recipient::mailbox("x@y\n.\nSroot");
    recipient.orcpt = Some("rfc822;x\rC\n.".into());
    envelope.recipients.push(recipient);
    let header = [Field::new("X", " a\n.\nRPFD:victim\n"), Field::new("Y", "")]
        .into_iter()
        .collect();
    let text = write(&envelope, &header, HOST, None);
    let file = read(&text).unwrap();
    assert_eq!(file.envelope.recipients.len(), 1);
    assert_eq!(file.header.fields().len(), 2);
    assert_eq!(file.header.fields()[0].value, " a\n\t.\n\tRPFD:victim");
}

fn address() -> impl Strategy<Value = BString> {
    "[a-z0-9.+\"\\\\ ]{1,12}@[a-z.]{1,9}".prop_map(BString::from)
}

fn line() -> impl Strategy<Value = BString> {
    proptest::collection::vec(
        any::<u8>().prop_filter("ends a line", |b| !b"\n\r\0".contains(b)),
        0..20,
    )
    .prop_map(BString::from)
}

fn recipient() -> impl Strategy<Value = Recipient> {
    let user = proptest::option::of((line_word(), any::<u32>(), any::<u32>(), line_word()));
    let flags = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<[bool; 4]>(),
    );
    (address(), user, flags, proptest::option::of(line()), 0..3u8).prop_map(
        |(address, user, (bracketed, primary, aliased, notify), orcpt, kind)| {
            let mut recipient = Recipient::mailbox(address);
            recipient.bracketed = bracketed;
            recipient.primary = primary;
            recipient.aliased = aliased;
            recipient.orcpt = orcpt;
            recipient.final_recipient = Some("me@here".into());
            let [given, success, failure, delay] = notify;
            recipient.notify = Notify {
                given,
                success,
                failure,
                delay,
            };
            if notify == [false, false, true, true] {
                recipient.notify = Notify::default();
            }
            if let Some((name, uid, gid, alias)) = user {
                recipient.expanded_from = Some(alias.clone());
                recipient.controlling_user = Some(ControllingUser {
                    name,
                    uid,
                    gid,
                    alias,
                });
                if kind == 1 {
                    recipient.kind = Kind::Program;
                    recipient.address.insert(0, b'|');
                    recipient.bracketed = false;
                    recipient.address = shown(&recipient);
                }
            }
            recipient
        },
    )
}

fn line_word() -> impl Strategy<Value = BString> {
    "[a-z:/]{0,5}[a-z]".prop_map(|text| BString::from(text.replace(':', "")))
}

fn field() -> impl Strategy<Value = Field> {
    (
        "[A-Za-z0-9-]{1,10}",
        proptest::collection::vec(line(), 1..4),
        "[A-Za-z]{0,2}",
    )
        .prop_map(|(name, lines, flags)| {
            let value = bstr::join("\n\t", lines);
            let mut field = Field::new(name, value);
            field.flags = flags.into();
            field
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        recipients in proptest::collection::vec(recipient(), 0..5),
        fields in proptest::collection::vec(field(), 0..5),
        sender in address(),
        status in proptest::option::of(line()),
        seconds in 0..u64::from(u32::MAX),
    ) {
        let mut envelope = Envelope::new(sender, UNIX_EPOCH + Duration::from_secs(seconds));
        envelope.recipients = recipients;
        envelope.status = status;
        envelope.priority = -5;
        envelope.macros.push(("{daemon_flags}".into(), "c u".into()));
        let header: Header = fields.into_iter().collect();
        let text = write(&envelope, &header, HOST, None);
        let file = read(&text).unwrap();
        prop_assert_eq!(&file.envelope, &envelope);
        prop_assert_eq!(&file.header, &header);
    }

    #[test]
    fn any_bytes_can_be_read(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&text);
    }

    #[test]
    fn any_lines_can_be_read(
        lines in proptest::collection::vec("[VTKNPBMFqSAZ!$dCQrRHDELI][ -~\t\x00é]{0,12}", 0..12),
    ) {
        let text = lines.join("\n") + "\n.\n";
        if let Ok(file) = read(text.as_bytes()) {
            let again = write(&file.envelope, &file.header, HOST, None);
            let back = read(&again).unwrap();
            prop_assert_eq!(back.envelope.recipients.len(), file.envelope.recipients.len());
            prop_assert_eq!(back.header.fields().len(), file.header.fields().len());
            let once_more = write(&back.envelope, &back.header, HOST, None);
            let file = read(&once_more).unwrap();
            let settled = write(&file.envelope, &file.header, HOST, None);
            prop_assert_eq!(settled.as_bstr(), once_more.as_bstr());
        }
    }
}
