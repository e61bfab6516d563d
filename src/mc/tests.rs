//! What `mc` adds to the macro processor: the library, and places.

use super::*;
use crate::m4::{Found, Host, HostError};

/// No files at all.
struct Empty;

impl Host for Empty {
    fn read(&mut self, _name: &[u8]) -> Result<Found, HostError> {
        Err(HostError::new("No such file or directory"))
    }

    fn message(&mut self, _message: &Message) {}
}

fn compiled(text: &str) -> Compiled {
    let request = Request {
        name: "site.mc",
        text: text.as_bytes(),
        templates: Templates::BuiltIn,
        allow_commands: false,
    };
    compile(&request, &mut Empty)
}

#[test]
fn the_library_comes_first_however_it_is_asked_for() {
    let plain = "OSTYPE(`linux')dnl\nMAILER(`local')dnl\n";
    let included = format!("divert(-1)\ninclude(`/usr/share/any/m4/cf.m4')\n{plain}");
    let (one, other) = (compiled(plain), compiled(&included));
    assert!(!one.failed(), "{:?}", one.faults);
    assert!(one.text.contains_str("\nMlocal,"));
    let body = |compiled: &Compiled| -> Vec<BString> {
        let lines = compiled.text.lines();
        let lines = lines.filter(|line| !line.is_empty() && line[0] != b'#');
        lines.map(BString::from).collect()
    };
    assert_eq!(body(&one), body(&other));
    let rules = one.text.lines().count();
    assert_eq!(one.origins.len(), rules);
}

#[test]
fn faults_stand_at_the_line_of_the_source() {
    let broken = compiled("OSTYPE(`linux')dnl\ndivert(0)dnl\ndefine(`x', `open\n");
    assert!(broken.failed());
    let fault = &broken.faults[0];
    assert_eq!(fault.origin.file(), "site.mc");
    assert!(fault.message.contains("end of file in string"), "{fault:?}");
    let missing = compiled("OSTYPE(`linux')dnl\n\ninclude(`/nowhere/site.m4')dnl\n");
    let fault = &missing.faults[0];
    assert_eq!((fault.origin.file(), fault.origin.line()), ("site.mc", 3));
}

#[test]
fn what_is_no_source_is_refused() {
    assert_eq!(compiled("# x\nV10/Berkeley\n").faults[0].code, "mc-is-cf");
    let nul = compiled("OSTYPE(`linux')dnl\nx\0y\n");
    assert_eq!(
        (nul.faults[0].code, nul.faults[0].origin.line()),
        ("mc-nul-byte", 2)
    );
}
