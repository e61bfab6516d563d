//! The alias files: programs in them, names that must be there, accounts that
//! nobody reads.

use bstr::{BString, ByteSlice};

use super::{Finding, Scope, finding};
use crate::admin::table::{Form, TableText};
use crate::base::Severity;
use crate::cf::Opt;
use crate::envelope::Kind;
use crate::envelope::list::split;
use crate::map::KLine;
use crate::map::aliases::AliasSpec;

/// Names that every site answers for, and why.
const REQUIRED: [(&str, &str); 3] = [
    ("postmaster", "RFC 5321 wants it answered"),
    (
        "MAILER-DAEMON",
        "reports come from it, and answers go to it",
    ),
    (
        "abuse",
        "RFC 2142: complaints about mail from here go to it",
    ),
];

/// Accounts of the system: below this id.
const SYSTEM_IDS: std::ops::Range<u32> = 1..1000;

/// Looks at them.
pub(super) fn look(scope: &Scope<'_>, findings: &mut Vec<Finding>) {
    let texts = texts(scope);
    if texts.is_empty() {
        return;
    }
    for (file, text) in &texts {
        for entry in text.entries() {
            programs(file, entry.key, entry.value, entry.line, findings);
        }
    }
    let known = |name: &str| {
        texts
            .iter()
            .any(|(_, text)| text.get(name.as_bytes()).is_some())
    };
    for (name, why) in REQUIRED {
        if !known(name) {
            findings.push(finding(
                Severity::Warning,
                "alias-missing",
                name,
                format!("there is no alias {name}: {why}"),
                format!("godwit alias set {name} root"),
            ));
        }
    }
    if !known("root") {
        findings.push(finding(
            Severity::Note,
            "root-mail",
            "root",
            "root's mail goes to no person",
            "godwit alias set root SOMEBODY",
        ));
    }
    pseudo_accounts(scope, &known, findings);
}

/// The alias files that there are.
fn texts(scope: &Scope<'_>) -> Vec<(String, TableText)> {
    let values = scope.config.options.all(Opt::AliasFile).iter();
    values
        .flat_map(|value| AliasSpec::parse_list(&value.text))
        .filter_map(|spec| {
            let path: BString = KLine::parse(&spec.arguments).file;
            let text = std::fs::read(path.to_path_lossy()).ok()?;
            Some((path.to_string(), TableText::new(Form::Aliases, text)))
        })
        .collect()
}

fn programs(file: &str, name: &[u8], list: &[u8], line: u32, findings: &mut Vec<Finding>) {
    for item in split(list) {
        if item.kind != Kind::Program {
            continue;
        }
        let decodes = item.text.contains_str("uudecode") || name.eq_ignore_ascii_case(b"decode");
        let (severity, code, why) = if decodes {
            (
                Severity::Error,
                "decode-alias",
                "anybody can have files written here by mail",
            )
        } else {
            (
                Severity::Note,
                "program-alias",
                "anybody who can send mail here runs this program",
            )
        };
        findings.push(finding(
            severity,
            code,
            format!("{file}:{line}"),
            format!("{} is the program {}: {why}", name.as_bstr(), item.text),
            format!("godwit alias rm {}", name.as_bstr()),
        ));
    }
}

/// System accounts whose mail nobody gets.
fn pseudo_accounts(scope: &Scope<'_>, known: &dyn Fn(&str) -> bool, findings: &mut Vec<Finding>) {
    let mut unread = Vec::new();
    for line in scope.passwd.lines() {
        let mut fields = line.split(|byte| *byte == b':');
        let (Some(name), _, Some(id)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let (Ok(name), Ok(id)) = (name.to_str(), id.to_str_lossy().parse::<u32>()) else {
            continue;
        };
        if (SYSTEM_IDS.contains(&id) || name == "nobody") && !known(name) {
            unread.push(name.to_owned());
        }
    }
    if !unread.is_empty() {
        let first = unread[0].clone();
        findings.push(finding(
            Severity::Note,
            "pseudo-accounts",
            unread.join(" "),
            "mail for these system accounts goes to mailboxes that nobody reads",
            format!("godwit alias set {first} root, and so on"),
        ));
    }
}
