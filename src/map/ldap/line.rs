//! The `K` line of an LDAP map: where the directory is, what is asked, what of
//! an answer counts.

use std::time::Duration;

use bstr::{BString, ByteSlice};
use ldap3::{DerefAliases, Scope};

use crate::map::kline::{Common, leading_number, quoted_word};

/// What the value of an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The answer, or a part of it.
    Normal,
    /// The name of an entry that is looked at next.
    Dn,
    /// A filter that is searched with next.
    Filter,
    /// An LDAP URL that is searched next.
    Url,
}

/// One attribute of `-v`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Only of entries that have one of these classes; of all when empty.
    pub(super) classes: Vec<String>,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Bind {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A name, and the password in a file.
    Simple { dn: String, secret: BString },
}

/// An LDAP map as its line defines it.
#[derive(Clone, Debug)]
pub(super) struct LdapLine {
    pub(super) common: Common,
    pub(super) uris: Vec<String>,
    pub(super) base: String,
    pub(super) scope: Scope,
    pub(super) deref: DerefAliases,
    pub(super) filter: BString,
    pub(super) attributes: Vec<Attribute>,
    pub(super) bind: Bind,
    /// `-1`: one entry, or nothing.
    pub(super) single: bool,
    /// `-K`: `%1` to `%9` in the filter are arguments.
    pub(super) several: bool,
    /// `-n`: the names of attributes instead of their values.
    pub(super) names_only: bool,
    /// `-z`: all values, with this between; the first one without.
    pub(super) delimiter: Option<u8>,
    /// `-V`: names before values, with this between.
    pub(super) name_separator: Option<u8>,
    /// `-l`: seconds a search may take; 0 for no limit.
    pub(super) search_seconds: i32,
    /// `-Z`: entries that a search may give; 0 for no limit.
    pub(super) entries_max: i32,
    /// `-c`: how long connecting may take.
    pub(super) connect_max: Duration,
    /// What is wrong with the line.
    pub(super) faults: Vec<String>,
    /// It is so wrong that the map cannot be used.
    pub(super) broken: bool,
}

/// How long connecting may take, without `-c`.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// What a line says before it is put together.
#[derive(Default)]
struct Words {
    hosts: Vec<String>,
    uris: Vec<String>,
    port: Option<String>,
    dn: String,
    secret: BString,
    method: BString,
}

impl LdapLine {
    /// Reads a line behind the flags of option LDAPDefaultSpec.
    pub(super) fn parse(common: Common, defaults: &[u8], arguments: &[u8]) -> Self {
        let mut line = Self {
            common,
            uris: Vec::new(),
            base: String::new(),
            scope: Scope::Subtree,
            deref: DerefAliases::Never,
            filter: BString::default(),
            attributes: Vec::new(),
            bind: Bind::Anonymous,
            single: false,
            several: false,
            names_only: false,
            delimiter: None,
            name_separator: None,
            search_seconds: 0,
            entries_max: 0,
            connect_max: CONNECT_MAX,
            faults: Vec::new(),
            broken: false,
        };
        let mut words = Words::default();
        line.read(defaults, &mut words);
        line.read(arguments, &mut words);
        line.settle(words);
        line
    }

    /// Reads flags.
    fn read(&mut self, text: &[u8], words: &mut Words) {
        let mut rest = text.trim_start();
        while let Some(after) = rest.strip_prefix(b"-") {
            let Some((&flag, after)) = after.split_first() else {
                break;
            };
            let next = if b"bcdhHklMpPrsvVwZz".contains(&flag) {
                let (value, next) = quoted_word(after.trim_start());
                let before = self.faults.len();
                self.own(flag, value, words);
                self.broken |= self.faults.len() > before;
                next
            } else {
                let (value, next) = quoted_word(after);
                self.common_flag(flag, value);
                next
            };
            rest = next.trim_start();
        }
    }

    /// A flag without a value, or one that every class has.
    fn common_flag(&mut self, flag: u8, value: &[u8]) {
        match flag {
            b'1' => self.single = true,
            b'n' => self.names_only = true,
            b'K' => self.several = true,
            // Referrals are never followed; NUL bytes are nobody's here.
            b'R' | b'N' | b'O' | b'A' | b'2' | b'x' => {}
            _ if self.common.flag(flag, value) => {}
            _ => self
                .faults
                .push(format!("Illegal option {} map", char::from(flag))),
        }
    }

    /// A flag of this class alone.
    fn own(&mut self, flag: u8, value: &[u8], words: &mut Words) {
        let text = || value.to_str_lossy().into_owned();
        match flag {
            b'b' => self.base = text(),
            b'c' => self.connect_max = seconds(value).unwrap_or(CONNECT_MAX),
            b'd' => words.dn = text(),
            b'h' => words.hosts = text().split_whitespace().map(str::to_owned).collect(),
            b'H' => words.uris = text().split_whitespace().map(str::to_owned).collect(),
            b'k' => self.filter = without_spaces(value),
            b'l' => self.search_seconds = number(value),
            b'M' => words.method = value.to_ascii_lowercase().into(),
            b'p' => words.port = Some(text()),
            b'P' => words.secret = value.into(),
            b'r' => match value.to_ascii_lowercase().as_slice() {
                b"never" => self.deref = DerefAliases::Never,
                b"always" => self.deref = DerefAliases::Always,
                b"search" => self.deref = DerefAliases::Searching,
                b"find" => self.deref = DerefAliases::Finding,
                _ => self.faults.push(format!(
                    "Deref must be [never|always|search|find] (not {})",
                    text()
                )),
            },
            b's' => match value.to_ascii_lowercase().as_slice() {
                b"base" => self.scope = Scope::Base,
                b"one" => self.scope = Scope::OneLevel,
                b"sub" => self.scope = Scope::Subtree,
                _ => self
                    .faults
                    .push(format!("Scope must be [base|one|sub] (not {})", text())),
            },
            b'v' => self.attributes = attributes(&text(), &mut self.faults),
            b'V' => self.name_separator = separator(value),
            b'z' => self.delimiter = separator(value),
            b'Z' => self.entries_max = number(value),
            // `-w`: version 3 is spoken, which every server knows.
            _ => {}
        }
    }

    /// Puts together what several flags say.
    fn settle(&mut self, words: Words) {
        self.uris = words.uris;
        if self.uris.is_empty() {
            let port = words.port.as_deref().unwrap_or("389");
            let mut hosts = words.hosts;
            if hosts.is_empty() {
                hosts.push("localhost".to_owned());
            }
            let uri = |host: &String| match host.rsplit_once(':') {
                Some((_, digits)) if digits.parse::<u16>().is_ok() => format!("ldap://{host}"),
                _ => format!("ldap://{host}:{port}"),
            };
            self.uris = hosts.iter().map(uri).collect();
        }
        match words.method.as_slice() {
            b"" | b"none" | b"simple" | b"ldap_auth_none" | b"ldap_auth_simple" => {}
            other => self.faults.push(format!(
                "Authentication method {} is not available here",
                other.as_bstr()
            )),
        }
        if !words.dn.is_empty() && !words.method.ends_with(b"none") {
            self.bind = Bind::Simple {
                dn: words.dn,
                secret: words.secret,
            };
        }
    }
}

/// A filter without white space between its parts, which some servers' tools
/// let people write.
fn without_spaces(filter: &[u8]) -> BString {
    let mut out = BString::default();
    for (at, &byte) in filter.iter().enumerate() {
        let next = filter[at..].trim_start().first();
        let between = matches!(out.last(), Some(b'(' | b')' | b'&' | b'|' | b'!'));
        let gap = byte.is_ascii_whitespace() && between && matches!(next, Some(b'(' | b')' | b'&'));
        if !gap {
            out.push(byte);
        }
    }
    out
}

fn number(value: &[u8]) -> i32 {
    i32::try_from(leading_number(value)).unwrap_or(0)
}

fn seconds(value: &[u8]) -> Option<Duration> {
    let seconds = u64::try_from(leading_number(value)).ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// The byte that `-z` or `-V` names.
fn separator(value: &[u8]) -> Option<u8> {
    match value {
        [b'\\', b'n', ..] => Some(b'\n'),
        [b'\\', b't', ..] => Some(b'\t'),
        [b'\\', ..] => Some(b'\\'),
        value => value.first().copied(),
    }
}

/// The attributes of `-v`: `name[:type[:class|class…]]`, commas between.
fn attributes(text: &str, faults: &mut Vec<String>) -> Vec<Attribute> {
    let mut all = Vec::new();
    for item in text.split(',').filter(|item| !item.trim().is_empty()) {
        let mut parts = item.trim().splitn(3, ':');
        let name = parts.next().unwrap_or_default().to_owned();
        let kind = match parts.next().map(str::to_ascii_uppercase).as_deref() {
            None | Some("NORMAL" | "") => Kind::Normal,
            Some("DN") => Kind::Dn,
            Some("FILTER") => Kind::Filter,
            Some("URL") => Kind::Url,
            Some(other) => {
                faults.push(format!("Unknown attribute type {other}"));
                continue;
            }
        };
        let classes = parts.next().unwrap_or_default().split('|');
        all.push(Attribute {
            name,
            kind,
            classes: classes
                .filter(|class| !class.is_empty())
                .map(str::to_owned)
                .collect(),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_and_what() {
        let line = LdapLine::parse(
            Common::default(),
            b"-h \"one two:3389\" -b dc=old",
            b"-1 -K -k (&(objectClass=x)(mail=%0)) -v \"cn,member:DN:group|list,sub:URL\" \
              -b \"ou=a b,dc=x\" -s one -z, -V= -o -m -a.X -l 5 -Z7 -d cn=me -Msimple -P /etc/secret",
        );
        assert_eq!(line.uris, ["ldap://one:389", "ldap://two:3389"]);
        assert_eq!(line.base, "ou=a b,dc=x");
        assert_eq!(line.filter, "(&(objectClass=x)(mail=%0))");
        assert_eq!(line.attributes[1].kind, Kind::Dn);
        assert_eq!(line.attributes[1].classes, ["group", "list"]);
        assert_eq!(line.attributes[2].kind, Kind::Url);
        assert_eq!(line.scope, Scope::OneLevel);
        assert_eq!(
            (line.delimiter, line.name_separator),
            (Some(b','), Some(b'='))
        );
        assert!(line.single && line.common.optional && line.common.match_only);
        assert_eq!(line.common.suffix, ".X");
        assert_eq!((line.search_seconds, line.entries_max), (5, 7));
        let bind = Bind::Simple {
            dn: "cn=me".into(),
            secret: "/etc/secret".into(),
        };
        assert_eq!(line.bind, bind);
        assert_eq!(line.faults, [""; 0]);
        let line = LdapLine::parse(
            Common::default(),
            b"",
            b"-H \"ldapi://%2Frun%2Fldapi ldaps://b\" -s all -Mkrbv4 -y -v a:b",
        );
        assert_eq!(line.uris, ["ldapi://%2Frun%2Fldapi", "ldaps://b"]);
        assert_eq!(line.faults.len(), 4);
    }
}
