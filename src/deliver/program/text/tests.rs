use proptest::prelude::*;

use super::*;

fn form(eol: &str, line_max: u32) -> ProgramText {
    ProgramText {
        eol: eol.into(),
        line_max,
        ..ProgramText::default()
    }
}

fn encoded(form: &ProgramText, pieces: &[&[u8]]) -> String {
    let (mut encoder, mut out) = (Encoder::new(form), Vec::new());
    for piece in pieces {
        encoder.body(piece, &mut out);
    }
    encoder.finish(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_end_and_break_as_recorded() {
    // What the reference's mailer with E=\\r\\n, L=5 wrote.
    let five = form("\r\n", 5);
    let text = "Subject: hi\nbody\n.\n\u{e9} eight\nlast";
    assert_eq!(
        encoded(&five, &[text.as_bytes()]),
        "Subj!\r\n ect!\r\n : hi\r\nbody\r\n.\r\n\u{e9} e!\r\n ight\r\nlast\r\n"
    );
    let all = ProgramText {
        escape_from: true,
        double_dots: true,
        blank_end: true,
        ..form("\n", 0)
    };
    assert_eq!(
        encoded(&all, &[b"From x\n.dot\n", b"Fro", b"m y"]),
        ">From x\n..dot\n>From y\n\n"
    );
    assert_eq!(encoded(&form("\n", 0), &[b"as it is\n\n"]), "as it is\n\n");
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        text in "[Fromx .\\n]{0,60}",
        at in 0_usize..60,
        line_max in 0_u32..9,
        flags in 0_u8..8,
    ) {
        let form = ProgramText {
            escape_from: flags & 1 != 0,
            double_dots: flags & 2 != 0,
            blank_end: flags & 4 != 0,
            ..form("\r\n", line_max)
        };
        let (a, b) = text.as_bytes().split_at(at.min(text.len()));
        prop_assert_eq!(encoded(&form, &[text.as_bytes()]), encoded(&form, &[a, b]));
        if line_max > 2 {
            let longest = encoded(&form, &[a, b]).split("\r\n").map(str::len).max();
            // A doubled dot is not counted.
            prop_assert!(longest <= Some(line_max as usize + 1));
        }
    }
}
