//! What `mc` adds to the macro processor: the library, and places.

use bstr::ByteSlice;

use super::*;
use crate::m4::{Found, Host, HostError, Message};

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

/// The faults as `LINE CODE: MESSAGE HELP`.
fn faults(text: &str) -> Vec<String> {
    let compiled = compiled(text);
    let line = |fault: &Diagnostic| {
        let help = if fault.help.is_empty() { "" } else { " " };
        let (line, message) = (fault.origin.line(), &fault.message);
        format!("{line} {}: {message}{help}{}", fault.code, fault.help)
    };
    compiled.faults.iter().map(line).collect()
}

/// With a system before it and mailers after it.
fn faults_of(line: &str) -> Vec<String> {
    faults(&format!(
        "OSTYPE(`linux')dnl\n{line}\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"
    ))
}

#[test]
fn a_name_that_nobody_has_is_said_with_the_one_that_was_meant() {
    let cases = [
        (
            "FEATURE(`acess_db')",
            "2 mc-unknown-feature: there is no FEATURE(`acess_db') Did you mean `access_db'?",
        ),
        (
            "MAILER(`procmial')",
            "2 mc-unknown-mailer: there is no MAILER(`procmial') Did you mean `procmail'?",
        ),
        (
            "OSTYPE(`hpux99')",
            "2 mc-unknown-ostype: there is no OSTYPE(`hpux99') Did you mean `hpux9'?",
        ),
        (
            "DOMAIN(`our-site')",
            "2 mc-unknown-domain: there is no DOMAIN(`our-site') \
             A file of your own belongs beside the .mc, in domain/our-site.m4.",
        ),
        (
            "HACK(`our-hack')",
            "2 mc-unknown-hack: there is no HACK(`our-hack') \
             A file of your own belongs beside the .mc, in hack/our-hack.m4.",
        ),
    ];
    for (line, fault) in cases {
        assert!(
            faults_of(line).contains(&fault.to_owned()),
            "{:?}",
            faults_of(line)
        );
    }
}

#[test]
fn what_the_library_complains_of_stands_at_the_line_that_caused_it() {
    assert_eq!(
        faults_of("dnl\nFEATURE(`delay_checks', `enemy')dnl"),
        ["3 mc-error: illegal argument enemy for FEATURE(delay_checks)"]
    );
    assert_eq!(
        faults_of("FEATURE(`access_db', `hash /etc/mail/access')dnl"),
        ["2 mc-warning: missing -T<TMPF> in argument of \
          FEATURE(`access_db', hash /etc/mail/access)"]
    );
    // Found only when everything has been read: it belongs to the whole.
    let without_system = faults("MAILER(`local')dnl\n");
    assert!(
        without_system[0].starts_with("0 mc-error: "),
        "{without_system:?}"
    );
}

#[test]
fn defines_without_an_effect_are_found() {
    assert_eq!(
        faults_of("define(`confTO_INDENT', `0')dnl"),
        ["2 mc-define-unread: nothing reads `confTO_INDENT' Did you mean `confTO_IDENT'?"]
    );
    assert_eq!(
        faults_of("define(`confTO_IDENT', `0')dnl\ndefine(`confTO_IDENT', `5s')dnl"),
        [
            "2 mc-define-overridden: `confTO_IDENT' is defined again at line 3, \
          before anything reads it Take one of the two out."
        ]
    );
    let late = faults(
        "OSTYPE(`linux')dnl\nMAILER(`local')dnl\nFEATURE(`local_procmail')dnl\n\
         define(`LOCAL_SHELL_PATH', `/bin/sh')dnl\n",
    );
    assert_eq!(late.len(), 2, "{late:?}");
    assert!(
        late[0].starts_with("3 mc-define-late: this sets `LOCAL_MAILER_"),
        "{late:?}"
    );
    assert!(
        late[1].starts_with("4 mc-define-late: `LOCAL_SHELL_PATH' comes too late"),
        "{late:?}"
    );
    // Neither a value that a feature not in use would read, nor one that the
    // site itself reads, nor the order of mail filters.
    for fine in [
        "define(`UUCP_MAILER_MAX', `2000000')dnl",
        "define(`our_name', `x.example')dnl\nMASQUERADE_AS(our_name)dnl",
        "INPUT_MAIL_FILTER(`a', `S=local:/a')dnl\nINPUT_MAIL_FILTER(`b', `S=local:/b')dnl\n\
         define(`confINPUT_MAIL_FILTERS', `b,a')dnl",
    ] {
        assert_eq!(faults_of(fine), Vec::<String>::new(), "{fine}");
    }
}

/// One folder of a site.
struct Folder(&'static [(&'static str, &'static str)]);

impl Host for Folder {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        let found = self.0.iter().find(|(path, _)| path.as_bytes() == name);
        let (path, text) = found.ok_or_else(|| HostError::new("No such file or directory"))?;
        Ok(Found {
            path: (*path).into(),
            bytes: text.as_bytes().to_vec(),
        })
    }

    fn message(&mut self, _message: &Message) {}
}

#[test]
fn the_sites_own_folders_are_searched() {
    let mut site = Folder(&[
        (
            "/etc/mail/domain/ours.m4",
            "define(`confTO_IDENT', `7s')dnl\n",
        ),
        (
            "/opt/cf/feature/ours.m4",
            "define(`confMAX_HOP', `17')dnl\n",
        ),
        ("hack/ours.m4", "define(`confFOO', `17')dnl\n"),
        (
            "/etc/mail/feature/redirect.m4",
            "define(`confMAX_HOP', `18')dnl\n",
        ),
    ]);
    let text = "include(`/opt/cf/m4/cf.m4')dnl\nOSTYPE(`linux')dnl\nDOMAIN(`ours')dnl\n\
                FEATURE(`ours')dnl\nHACK(`ours')dnl\nFEATURE(`redirect')dnl\n\
                MAILER(`smtp')dnl\n";
    let request = Request {
        name: "/etc/mail/sendmail.mc",
        text: text.as_bytes(),
        templates: Templates::BuiltIn,
        allow_commands: false,
    };
    let compiled = compile(&request, &mut site);
    assert!(!compiled.failed(), "{:?}", compiled.faults);
    assert!(compiled.text.contains_str("\nO Timeout.ident=7s\n"));
    // What the library has is the library's.
    assert!(compiled.text.contains_str("\nO MaxHopCount=17\n"));
    // A fault in a site's file is shown at the call.
    let fault = &compiled.faults[0];
    assert_eq!((fault.code, fault.origin.line()), ("mc-define-unread", 5));
}
