//! Shows what the configuration holds: values, mailers, help.

use bstr::{BStr, BString, ByteSlice};

use super::AddressTest;
use super::names::{group_id, user_id};
use super::sink::Sink;
use crate::cf::{Config, MailerDef, Opt};
use crate::rewrite::{Value, expand};
use crate::world::Users;

/// What is shown for `?` when the configuration names no help file.
const NO_HELP: &str = "Sendmail 8.17.1.9 -- HELP not implemented\n";

/// What is shown when the help file is not there.
const HELP: &str = include_str!("help.txt");

/// Topics of the help file that begin like this are about the address test.
const TOPIC: &[u8] = b"-bt";

impl AddressTest {
    /// `?`: what the help file says about the address test.
    pub(super) fn help(&mut self) {
        let options = &self.config.options;
        if !options.is_set(Opt::HelpFile) {
            self.sink.text(NO_HELP);
            return;
        }
        let path = options.text(Opt::HelpFile).to_path_lossy().into_owned();
        let text = std::fs::read(path).unwrap_or_default();
        let mut lines = text
            .lines()
            .filter_map(|line| line.strip_prefix(TOPIC))
            .map(|help| help.strip_prefix(b"\t").unwrap_or(help))
            .peekable();
        if lines.peek().is_none() {
            self.sink.text(HELP);
            return;
        }
        for line in lines {
            self.sink.text(expand(line, &self.macros));
            self.sink.text("\n");
        }
        self.sink.text("End of HELP info\n");
    }
}

/// The value of a macro as it is kept: a template with one dollar sign where
/// two were written.
pub(super) fn value(value: &Value) -> BString {
    let Value::Template(text) = value else {
        return value.text().to_owned();
    };
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        out.push(byte);
        if byte == b'$' {
            rest.next_if_eq(&b'$');
        }
    }
    out.into()
}

/// From this length of `U=user:group` on the reference's table of mailers
/// begins again, when the group is a name.
const TABLE_BEGINS_AGAIN: usize = 11;

/// `=M`: one line a mailer.
///
/// sendmail: a mailer with a long `U=user:group` takes the first place of the
/// table, and those after it the next (case `p-mailer-definitions`). The
/// mailers are found by name all the same, so this only shows here.
pub(super) fn mailers(config: &Config, users: &dyn Users, sink: &mut Sink) {
    let mut table: Vec<&MailerDef> = Vec::new();
    let mut place = 0;
    for mailer in &config.mailers {
        let (user, group) = (&mailer.user.user, &mailer.user.group);
        let named = group.first().is_some_and(|byte| !byte.is_ascii_digit());
        if named && user.len() + 1 + group.len() >= TABLE_BEGINS_AGAIN {
            place = 0;
        }
        if place < table.len() {
            table[place] = mailer;
        } else {
            table.push(mailer);
        }
        place += 1;
    }
    for (number, mailer) in table.into_iter().enumerate() {
        mailer_line(config, users, number, mailer, sink);
    }
}

fn mailer_line(
    config: &Config,
    users: &dyn Users,
    number: usize,
    mailer: &MailerDef,
    sink: &mut Sink,
) {
    sink.text(format!("mailer {number} ({}): P=", mailer.name));
    sink.shown(&mailer.path);
    for (letter, pair) in [('S', &mailer.sender), ('R', &mailer.recipient)] {
        let [envelope, header] =
            [&pair.envelope, &pair.header].map(|name| ruleset(config, BStr::new(name)));
        sink.text(format!(" {letter}={envelope}/{header}"));
    }
    let user = &mailer.user;
    let found = user_id(&user.user, users);
    let uid = found.map_or(-1, |found| i64::from(found.0));
    let gid = group_id(&user.group, users)
        .or_else(|| found.and_then(|found| found.1))
        .map_or(-1, i64::from);
    sink.text(format!(" M={} U={uid}:{gid} F=", mailer.size_max));
    sink.text(mailer.flags.iter().collect::<Vec<u8>>());
    sink.text(format!(" L={} E=", mailer.line_max));
    sink.shown(&mailer.eol);
    if !mailer.charset.is_empty() {
        sink.text(format!(" C={}", mailer.charset));
    }
    let kind = |text: &BString| -> BString {
        if text.is_empty() {
            "<undefined>".into()
        } else {
            text.clone()
        }
    };
    sink.text(format!(
        " T={}/{}/{}",
        kind(&mailer.mta_type),
        kind(&mailer.address_type),
        kind(&mailer.diagnostic_type)
    ));
    let most = if mailer.recipients_max == u64::MAX {
        0
    } else {
        mailer.recipients_max
    };
    sink.text(format!(" r={most} A="));
    for (index, word) in mailer.argv.iter().enumerate() {
        if index > 0 {
            sink.text(" ");
        }
        sink.shown(word);
    }
    sink.text("\n");
}

/// A mailer's ruleset by its name; ruleset 0 stands for none.
fn ruleset(config: &Config, name: &BStr) -> BString {
    let name = if name.is_empty() {
        BStr::new("0")
    } else {
        name
    };
    config
        .ruleset(name)
        .map_or_else(|| name.to_owned(), |ruleset| ruleset.name.clone())
}
