//! Conversions against the reference's recorded ones.

use proptest::prelude::*;

use super::*;
use crate::message::block;

fn rules() -> Rules<'static> {
    Rules {
        is_untouched: &|kind| kind == b"multipart/signed",
        is_never_base64: &|_| false,
        charset: b"unknown-8bit",
        by: b"",
    }
}

fn convert(message: &[u8]) -> Option<Vec<u8>> {
    let (header, body) = block::split(message);
    let mut header = block::parse(header);
    let body = to_seven_bit(&mut header, body, &rules())?;
    let mut out = Vec::new();
    write_header(&header, &mut out);
    out.push(b'\n');
    out.extend_from_slice(&body);
    Some(out)
}

fn check(message: &[u8], want: &str) {
    let got = convert(message).unwrap_or_else(|| message.to_vec());
    assert_eq!(got.escape_ascii().to_string().replace("\\n", "\n"), want);
}

#[test]
fn quoted_printable_for_a_little() {
    let long = "x".repeat(200);
    let message = format!(
        "Subject: plain\n\nsome text with one E in it = and trailing space \nlong {long}\n\
         From here\n\t\nend\n"
    );
    let message = message.replace('E', "\u{e9}");
    let message: Vec<u8> = message.chars().map(|c| c as u8).collect();
    check(
        &message,
        &format!(
            "Subject: plain\nMIME-Version: 1.0\nContent-Type: text/plain; \
             charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\n\
             some text with one =E9 in it =3D and trailing space=20\nlong {}=\n{}=\n{}\n\
             From here\n=09\nend\n",
            "x".repeat(68),
            "x".repeat(73),
            "x".repeat(59)
        ),
    );
}

#[test]
fn base64_for_a_lot() {
    let mut message = b"Subject: many\nMIME-Version: 1.0\nContent-Type: text/plain; \
        charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
        .to_vec();
    message.extend([0xe9; 12]);
    message.extend(b"\nabc\n");
    for _ in 0..100 {
        message.extend(b"\xe9\xe9\xe9\xe9z");
    }
    message.push(b'\n');
    let got = convert(&message).unwrap();
    let text = got.to_str().unwrap();
    assert!(text.contains(
        "charset=iso-8859-1\nContent-Transfer-Encoding: base64\n\n6enp6enp6enp6enpDQphYmMNCunp6el6"
    ));
    assert!(text.lines().all(|l| l.len() <= 72));
    assert!(text.ends_with("\n") && !text.ends_with("\n\n"));
}

#[test]
fn parts_one_by_one() {
    check(
        b"Subject: multi\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"xx\"\n\
          Content-Transfer-Encoding: 8bit\n\npreamble \xe9\n--xx\nContent-Type: text/plain; \
          charset=utf-8\n\nh\xe9llo\n--xx\nContent-Type: text/html\n\
          Content-Transfer-Encoding: 7bit\n\nplain\n--xx\nContent-Type: message/rfc822\n\n\
          Subject: inner\n\nbody \xe9\n--xx--\nepilogue \xe9\n",
        "Subject: multi\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\\\"xx\\\"\n\n\
         preamble i\n--xx\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: base64\n\naOlsbG8=\n--xx\nContent-Type: text/html\n\
         Content-Transfer-Encoding: 7bit\n\nplain\n--xx\nContent-Type: message/rfc822\n\n\
         Subject: inner\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nYm9keSDp\n\
         --xx--\nepilogue i\n",
    );
}

#[test]
fn what_must_not_be_touched() {
    let signed = b"MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=\"xx\"\n\n\
        --xx\nContent-Type: text/plain\n\nh\xe9llo\n--xx--\n";
    assert_eq!(convert(signed).unwrap(), signed);
    let encoded = b"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n\xe9\n";
    assert_eq!(convert(encoded).unwrap(), encoded);
    assert_eq!(convert(b"A: b\n\nplain\n"), None);
}

proptest! {
    /// Whatever comes: it ends, and but for what must not be touched, what
    /// comes out is 7-bit.
    #[test]
    fn any_message_is_converted(
        kind in "(text/plain|multipart/mixed; boundary=a|message/rfc822|application/x)",
        body in "(--a\n|--a--\n|Content-Type: message/rfc822\n|\n|\u{e9}|x|Content-Type: multipart/mixed; boundary=a\n){0,20}",
    ) {
        let message = format!("MIME-Version: 1.0\nContent-Type: {kind}\n\n{body}");
        if let Some(out) = convert(message.as_bytes()) {
            prop_assert!(out.len() < 20 * message.len() + 400);
        }
    }

    #[test]
    fn leaves_are_seven_bit(body: Vec<u8>) {
        for never in [false, true] {
            let mut out = Vec::new();
            encode(&body, never, &mut out);
            prop_assert!(out.is_ascii());
        }
    }
}

fn decoded(message: &[u8]) -> Option<String> {
    let (header, body) = block::split(message);
    let mut header = block::parse(header);
    let body = to_eight_bit(&mut header, body, b"here id 1")?;
    let mut out = Vec::new();
    write_header(&header, &mut out);
    out.extend_from_slice(&body);
    Some(out.escape_ascii().to_string().replace("\\n", "\n"))
}

#[test]
fn plain_text_is_decoded() {
    let text = |kind: &str, encoding: &str, body: &str| {
        let head = format!("Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n");
        decoded(format!("{head}\n{body}").as_bytes())
    };
    let says = |from: &str, body: &str| {
        Some(format!(
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\
             X-MIME-Autoconverted: from {from} to 8bit by here id 1\n{body}"
        ))
    };
    let plain = "text/plain; charset=utf-8";
    assert_eq!(
        text(plain, "Quoted-Printable", "caf=C3=A9 =\nsoft =3D \n=Z\n"),
        says("quoted-printable", "caf\\xc3\\xa9 soft =\n=Z\n")
    );
    assert_eq!(
        text(plain, "base64", "Y2Fmw6kNCm5l\neHQK\n"),
        says("base64", "caf\\xc3\\xa9\nnext\n")
    );
    assert_eq!(text(plain, "base64", "Y2F*\n"), None);
    assert_eq!(text("text/html", "base64", "Y2Fm\n"), None);
    assert_eq!(text(plain, "8bit", "x\n"), None);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(text in "[ -~\u{80}-\u{fff}\n]{1,400}") {
        let body = format!("{text}\n");
        let head = b"MIME-Version: 1.0\nContent-Type: text/plain\n";
        let mut header = block::parse(head);
        if let Some(encoded) = to_seven_bit(&mut header, body.as_bytes(), &rules()) {
            prop_assert!(encoded.is_ascii());
            let back = to_eight_bit(&mut header, &encoded, b"x").unwrap();
            prop_assert_eq!(back, body.as_bytes());
        }
    }

    #[test]
    fn anything_can_be_decoded(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for encoding in ["base64", "quoted-printable"] {
            let head = format!("Content-Type: text/plain\nContent-Transfer-Encoding: {encoding}\n");
            let _ = to_eight_bit(&mut block::parse(head.as_bytes()), &body, b"x");
        }
    }
}
