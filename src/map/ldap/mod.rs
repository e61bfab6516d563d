//! Map class `ldap`: a directory server, asked with a filter.
//!
//! One connection a map, opened when it is first needed and again when it was
//! lost; searches share it. *Not found* is what a server says; everything
//! else that goes wrong is *try again*. Referrals are not followed.

mod line;

use std::collections::VecDeque;
use std::io::Read;

use bstr::{BString, ByteSlice};
use ldap3::asn1::StructureTag;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, ResultEntry, Scope, SearchOptions};
use tokio::sync::Mutex;

use super::answer::{Lookup, Outcome, Scope as Asker};
use super::fault::Faults;
use super::registry::{Ask, Backend, Maps, Opened, Opening};
use line::{Attribute, Bind, Kind, LdapLine};

/// Searches that one lookup may lead to, through attributes that name others.
const SEARCHES_MAX: usize = 100;
/// A file with a password is not read further.
const SECRET_BYTES_MAX: u64 = 4096;
/// Values that one lookup gathers.
const VALUES_MAX: usize = 10_000;

/// Result codes of the protocol (RFC 4511, appendix A).
const SIZE_LIMIT: u32 = 4;
const NO_SUCH_OBJECT: u32 = 32;

/// A directory.
struct LdapMap {
    name: BString,
    line: LdapLine,
    connection: Mutex<Option<Ldap>>,
    faults: Faults,
}

/// One search.
struct Search {
    base: String,
    scope: Scope,
    filter: String,
    /// The attributes of a URL; those of the line without.
    attributes: Option<Vec<Attribute>>,
}

/// Opens an `ldap` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let line = LdapLine::parse(
        opening.before.clone(),
        &opening.settings.ldap_default_spec,
        &opening.definition.arguments,
    );
    let name = opening.definition.name.clone();
    for fault in line.faults.clone() {
        opening.fault("map-ldap", format!("{fault} in map {name}"));
    }
    if line.broken {
        return Some(Opened::unusable(line.common));
    }
    let leads_on = |attribute: &Attribute| attribute.kind != Kind::Normal;
    if line.attributes.iter().all(leads_on) && !line.attributes.is_empty() {
        let message =
            format!("LDAP recursion requested in {name} but no returnable attribute given");
        opening.fault("map-ldap", message);
        return Some(Opened::unusable(line.common));
    }
    if line.filter.is_empty() {
        opening.fault("map-ldap", format!("No filter given in map {name}"));
        return Some(Opened::unusable(line.common));
    }
    Some(Opened {
        common: line.common.clone(),
        backend: Box::new(LdapMap {
            name,
            line,
            connection: Mutex::new(None),
            faults: Faults::default(),
        }),
    })
}

impl LdapMap {
    /// The filter with the key and arguments filled in: `%s` the key as it
    /// is, `%0` the key and `%1` to `%9` the arguments, made harmless.
    fn filter(&self, key: &[u8], arguments: &[&[u8]]) -> String {
        let mut out = String::new();
        let mut rest = self.line.filter.iter().peekable();
        while let Some(&byte) = rest.next() {
            let next = rest.peek().copied().copied();
            match (byte, next) {
                (b'%', Some(b's')) => push(&mut out, key, b""),
                (b'%', Some(digit @ b'0'..=b'9')) if digit == b'0' || self.line.several => {
                    let argument = match digit {
                        b'0' => Some(&key),
                        digit => arguments.get(usize::from(digit - b'0')),
                    };
                    push(&mut out, argument.copied().unwrap_or_default(), b"*()\\\0");
                }
                (b'%', Some(b'%')) => out.push('%'),
                _ => {
                    push(&mut out, &[byte], b"");
                    continue;
                }
            }
            rest.next();
        }
        out
    }

    /// A connection that is open: the one there is, or a new one.
    async fn connection(&self, maps: &Maps) -> Result<Ldap, String> {
        let mut kept = self.connection.lock().await;
        if let Some(ldap) = kept.as_mut()
            && !ldap.is_closed()
        {
            return Ok(ldap.clone());
        }
        *kept = None;
        let mut last = String::new();
        for uri in &self.line.uris {
            match self.connect(maps, uri).await {
                Ok(ldap) => {
                    *kept = Some(ldap.clone());
                    return Ok(ldap);
                }
                Err(error) => {
                    last = format!(
                        "ldap_init/ldap_bind failed to {uri} in map {}: {error}",
                        self.name
                    );
                }
            }
        }
        Err(last)
    }

    /// Opens a connection and says who we are.
    async fn connect(&self, maps: &Maps, uri: &str) -> Result<Ldap, LdapError> {
        let settings = LdapConnSettings::new().set_conn_timeout(self.line.connect_max);
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, uri).await?;
        ldap3::drive!(connection);
        if let Bind::Simple { dn, secret } = &self.line.bind {
            let mut text = Vec::new();
            if !secret.is_empty() {
                let file = maps.world().files.open(&secret.to_path_lossy())?;
                file.take(SECRET_BYTES_MAX).read_to_end(&mut text)?;
            }
            let password = text.lines().next().unwrap_or_default().to_str_lossy();
            ldap.with_timeout(self.line.connect_max)
                .simple_bind(dn, &password)
                .await?
                .success()?;
        }
        Ok(ldap)
    }

    /// Searches, and what the search leads to; the values found, or none when
    /// there is no entry.
    async fn gather(
        &self,
        ldap: &mut Ldap,
        first: Search,
    ) -> Result<Option<Vec<BString>>, LdapError> {
        let mut values = Vec::new();
        let mut entries = 0;
        let mut searches = VecDeque::from([first]);
        for number in 0..SEARCHES_MAX {
            let Some(search) = searches.pop_front() else {
                break;
            };
            let found = self.search(ldap, &search).await?;
            if number == 0 {
                entries = found.len();
            }
            for entry in found {
                self.take(&search, entry, &mut values, &mut searches);
            }
        }
        let wanted = if self.line.single {
            entries == 1
        } else {
            entries > 0
        };
        let nothing = values.is_empty() && !self.line.common.match_only;
        Ok((wanted && !nothing).then_some(values))
    }

    /// One search.
    async fn search(&self, ldap: &mut Ldap, search: &Search) -> Result<Vec<Entry>, LdapError> {
        let options = SearchOptions::new()
            .deref(self.line.deref)
            .typesonly(self.line.names_only)
            .timelimit(self.line.search_seconds)
            .sizelimit(self.line.entries_max);
        let attributes = search.attributes.as_ref().unwrap_or(&self.line.attributes);
        let mut names: Vec<&str> = attributes.iter().map(|of| of.name.as_str()).collect();
        if attributes.iter().any(|of| !of.classes.is_empty()) {
            names.push("objectClass");
        }
        let found = ldap
            .with_timeout(self.line.connect_max)
            .with_search_options(options)
            .search(&search.base, search.scope, &search.filter, names)
            .await?;
        match found.1.rc {
            0 | SIZE_LIMIT => {}
            NO_SUCH_OBJECT => return Ok(Vec::new()),
            _ => return Err(LdapError::from(found.1)),
        }
        let entries = found.0.into_iter();
        let entries = entries.filter(|entry| !entry.is_ref() && !entry.is_intermediate());
        Ok(entries.map(in_order).collect())
    }

    /// Takes what counts out of an entry.
    fn take(
        &self,
        search: &Search,
        found: Entry,
        values: &mut Vec<BString>,
        searches: &mut VecDeque<Search>,
    ) {
        let named = search.attributes.as_ref().unwrap_or(&self.line.attributes);
        if named.is_empty() {
            for (name, texts) in found {
                self.put(&name, texts, values);
            }
            return;
        }
        let classes: Vec<BString> = found
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("objectClass"))
            .flat_map(|(_, texts)| texts.clone())
            .collect();
        // sendmail: in the order of the server, not of `-v`.
        for (name, texts) in found {
            let attribute = named.iter().find(|of| name.eq_ignore_ascii_case(&of.name));
            let Some(attribute) = attribute else {
                continue;
            };
            let is_class = |class: &String| {
                let mut own = classes.iter();
                own.any(|own| own.eq_ignore_ascii_case(class.as_bytes()))
            };
            if !attribute.classes.is_empty() && !attribute.classes.iter().any(is_class) {
                continue;
            }
            match attribute.kind {
                Kind::Normal => self.put(&name, texts, values),
                kind => searches.extend(texts.iter().filter_map(|text| self.follow(kind, text))),
            }
        }
    }

    /// Puts the values of an attribute to the others.
    fn put(&self, name: &str, texts: Vec<BString>, values: &mut Vec<BString>) {
        if self.line.names_only {
            values.push(name.into());
            return;
        }
        for text in texts
            .into_iter()
            .take(VALUES_MAX.saturating_sub(values.len()))
        {
            values.push(match self.line.name_separator {
                Some(separator) => bstr::concat([name.as_bytes(), &[separator], &text]).into(),
                None => text,
            });
        }
    }

    /// The search that a value stands for.
    fn follow(&self, kind: Kind, text: &BString) -> Option<Search> {
        let text = text.to_str().ok()?;
        match kind {
            Kind::Normal => None,
            Kind::Dn => Some(Search {
                base: text.to_owned(),
                scope: Scope::Base,
                filter: "(objectClass=*)".to_owned(),
                attributes: None,
            }),
            Kind::Filter => Some(Search {
                base: self.line.base.clone(),
                scope: self.line.scope,
                filter: text.to_owned(),
                attributes: None,
            }),
            Kind::Url => self.url(text),
        }
    }

    /// The search of an LDAP URL (RFC 4516), on the map's own server.
    fn url(&self, text: &str) -> Option<Search> {
        let (_, rest) = text.split_once("://")?;
        let (_, rest) = rest.split_once('/')?;
        let mut parts = rest.split('?');
        let base = unescape(parts.next()?)?;
        let names = parts.next().unwrap_or_default();
        let scope = match parts.next().unwrap_or_default() {
            "one" => Scope::OneLevel,
            "sub" => Scope::Subtree,
            _ => Scope::Base,
        };
        let filter = match parts.next().unwrap_or_default() {
            "" => "(objectClass=*)".to_owned(),
            filter => unescape(filter)?,
        };
        let attribute = |name: &str| Attribute {
            name: name.to_owned(),
            kind: Kind::Normal,
            classes: Vec::new(),
        };
        let names = names.split(',').filter(|name| !name.is_empty());
        let attributes: Vec<Attribute> = names.map(attribute).collect();
        Some(Search {
            base,
            scope,
            filter,
            attributes: (!attributes.is_empty()).then_some(attributes),
        })
    }

    /// Asks, and once more when the connection turns out to be lost.
    async fn ask(&self, maps: &Maps, filter: &str) -> Result<Option<Vec<BString>>, String> {
        let mut again = true;
        loop {
            let mut ldap = self.connection(maps).await?;
            let first = Search {
                base: self.line.base.clone(),
                scope: self.line.scope,
                filter: filter.to_owned(),
                attributes: None,
            };
            match self.gather(&mut ldap, first).await {
                Ok(found) => return Ok(found),
                Err(LdapError::FilterParsing) => {
                    return Err(format!(
                        "Error in ldap_search in map {}: bad filter {filter}",
                        self.name
                    ));
                }
                Err(error) => {
                    let is_answer = matches!(error, LdapError::LdapResult { .. });
                    if !is_answer {
                        *self.connection.lock().await = None;
                    }
                    if is_answer || !std::mem::take(&mut again) {
                        return Err(format!(
                            "Error in ldap_search in map {}: {error}",
                            self.name
                        ));
                    }
                }
            }
        }
    }
}

/// The attributes of an entry and their values, in the server's order.
type Entry = Vec<(String, Vec<BString>)>;

/// Takes an entry apart (RFC 4511, section 4.5.2): what is no such thing has
/// no attributes.
fn in_order(entry: ResultEntry) -> Entry {
    let mut parts = entry.0.expect_constructed().unwrap_or_default().into_iter();
    let attributes = parts.nth(1).and_then(|tag| tag.expect_constructed());
    let attribute = |tag: StructureTag| {
        let mut parts = tag.expect_constructed()?.into_iter();
        let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
        let values = parts.next()?.expect_constructed()?.into_iter();
        let values = values.filter_map(|value| value.expect_primitive().map(BString::from));
        Some((name, values.collect()))
    };
    let attributes = attributes.unwrap_or_default().into_iter();
    attributes.filter_map(attribute).collect()
}

/// Puts `text` into a filter; bytes of `harmful`, and those that are no
/// ASCII, as RFC 4515 writes them.
fn push(out: &mut String, text: &[u8], harmful: &[u8]) {
    for &byte in text {
        if byte.is_ascii() && !harmful.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("\\{byte:02x}"));
        }
    }
}

/// `%2C` and the like as the bytes that they stand for.
fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

impl Backend for LdapMap {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Asker<'_>,
    ) -> Lookup<'a, Outcome> {
        let common = &self.line.common;
        let key = match common.keep_case {
            true => ask.key.to_vec(),
            false => ask.key.to_ascii_lowercase(),
        };
        let filter = self.filter(&key, ask.arguments);
        let key: BString = ask.key.into();
        let arguments: Vec<BString> = ask.arguments.iter().map(|text| (*text).into()).collect();
        Lookup::Pending(Box::pin(async move {
            match self.ask(maps, &filter).await {
                Ok(Some(values)) => {
                    let value = match self.line.delimiter {
                        Some(delimiter) => bstr::join([delimiter], &values),
                        None => values.into_iter().next().unwrap_or_default().into(),
                    };
                    let arguments: Vec<&[u8]> =
                        arguments.iter().map(|text| text.as_slice()).collect();
                    let ask = Ask {
                        key: &key,
                        arguments: &arguments,
                    };
                    Outcome::Found(common.result(ask, value))
                }
                Ok(None) => Outcome::NO_HOST,
                Err(text) => {
                    self.faults.tell(maps.world(), &text);
                    match common.optional {
                        true => Outcome::NO_HOST,
                        false => Outcome::TempFail,
                    }
                }
            }
        }))
    }
}
