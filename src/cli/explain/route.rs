//! `godwit explain route`: mailer, host and user of an address, and the way
//! there: virtual user, mailertable, alias, list, `.forward`, MX.

use std::collections::HashSet;
use std::process::ExitCode;

use bstr::{BString, ByteSlice};
use serde_json::{Value, json};

use super::story::Story;
use super::{Desk, answered};
use crate::cf::Opt;
use crate::cli::desk::{Failure, print_json, read_list};
use crate::cli::output::print;
use crate::envelope::{Kind, list};
use crate::rewrite::{MacroTable, Recorder};
use crate::route::{Resolution, Target};
use crate::world::ResolveError;

/// Addresses followed for one question.
const FOLLOWED_MAX: usize = 10_000;

/// Whose way.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Addresses.
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// Do not ask for MX records and addresses.
    #[arg(long)]
    no_dns: bool,
}

/// Explains it.
pub(super) fn explain(desk: &Desk<'_>, arguments: Arguments) -> Result<ExitCode, Failure> {
    let open = desk.open()?;
    let places = desk.places();
    let depth_max = open.site.config.options.number(Opt::MaxAliasRecursion);
    let mut all_good = true;
    for address in &arguments.addresses {
        let mut walk = Walk {
            desk,
            story: Story {
                open: &open,
                places: &places,
            },
            macros: open.site.layer(),
            asks_dns: !arguments.no_dns,
            depth_max: usize::try_from(depth_max).unwrap_or(10),
            seen: HashSet::new(),
            lines: Vec::new(),
            ends: Vec::new(),
            good: true,
        };
        let runtime = &open.runtime;
        runtime.block_on(walk.all(address.as_bytes().into()));
        all_good &= walk.good;
        if desk.json {
            print_json(&json!({ "address": address, "ends": walk.ends }));
        } else {
            let mut out = Vec::new();
            for line in &walk.lines {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
            print(out);
        }
    }
    Ok(answered(all_good))
}

/// One address still to be followed.
struct Open {
    text: BString,
    kind: Kind,
    depth: usize,
    /// The name it was expanded from: it is not expanded again.
    from: Option<BString>,
}

/// Follows one address to all its ends.
struct Walk<'a> {
    desk: &'a Desk<'a>,
    story: Story<'a>,
    macros: MacroTable,
    asks_dns: bool,
    depth_max: usize,
    seen: HashSet<(BString, bool)>,
    lines: Vec<BString>,
    ends: Vec<Value>,
    good: bool,
}

impl Walk<'_> {
    async fn all(&mut self, address: BString) {
        let mut open = vec![Open {
            text: address,
            kind: Kind::Mailbox,
            depth: 0,
            from: None,
        }];
        let mut followed = 0;
        while let Some(next) = open.pop() {
            followed += 1;
            let mut further = match next.kind {
                _ if followed > FOLLOWED_MAX => return,
                _ if next.depth > self.depth_max => {
                    self.bad(&next, "aliases go deeper than MaxAliasRecursion allows");
                    continue;
                }
                Kind::Mailbox => self.mailbox(&next).await,
                Kind::Include => self.include(&next),
                Kind::Program => {
                    self.end(&next, "program", "", &next.text);
                    Vec::new()
                }
                Kind::File => {
                    self.end(&next, "file", "", &next.text);
                    Vec::new()
                }
            };
            further.reverse();
            open.extend(further);
        }
    }

    fn say(&mut self, depth: usize, text: impl AsRef<[u8]>) {
        let mut line = BString::from("  ".repeat(depth));
        line.extend_from_slice(text.as_ref());
        self.lines.push(line);
    }

    fn bad(&mut self, at: &Open, why: &str) {
        self.good = false;
        self.say(at.depth, format!("{}: {why}", at.text));
        let address = at.text.to_str_lossy();
        self.ends
            .push(json!({ "address": address, "refused": why }));
    }

    fn end(&mut self, at: &Open, mailer: &str, host: &str, user: &[u8]) {
        let user = user.as_bstr();
        let host_text = match host {
            "" => String::new(),
            host => format!(", host {host}"),
        };
        self.say(
            at.depth,
            format!("{}: mailer {mailer}{host_text}, user {user}", at.text),
        );
        self.ends.push(json!({
            "address": at.text.to_str_lossy(), "mailer": mailer, "host": host,
            "user": user.to_str_lossy(),
        }));
    }

    async fn mailbox(&mut self, at: &Open) -> Vec<Open> {
        let story = self.story;
        let site = &story.open.site;
        let mut recorder = Recorder::default();
        let resolution = site
            .resolve_traced(&at.text, &mut self.macros, &mut recorder)
            .await;
        let answers = story.answers(&recorder);
        if !answers.is_empty() || self.desk.verbose {
            self.say(at.depth, &at.text);
        }
        for answer in &answers {
            self.say(at.depth + 1, answer.line());
        }
        if self.desk.verbose {
            self.lines.extend(story.steps(&recorder, 2 * at.depth + 4));
        }
        match resolution {
            Resolution::Mailer(target) => self.target(at, target).await,
            Resolution::Refused(reply) => {
                self.bad(at, &format!("refused: {}", reply.to_line()));
                if let Some(rule) = story.decided(&recorder) {
                    let place = story.rule_place(rule);
                    self.say(at.depth + 1, format!("by the rule at {place}"));
                }
                Vec::new()
            }
            Resolution::Later(reply) => {
                self.bad(at, &format!("not now: {}", reply.to_line()));
                Vec::new()
            }
            Resolution::Discard => {
                self.end(at, "discard", "", b"");
                Vec::new()
            }
        }
    }

    /// What becomes of a target: an alias, a user, another host.
    async fn target(&mut self, at: &Open, target: Target) -> Vec<Open> {
        let story = self.story;
        let site = &story.open.site;
        let mailer = site.mailer(target.mailer);
        let bare = target.user.starts_with(b"\\");
        let is_own = at.from.as_ref().is_some_and(|from| *from == target.user);
        if mailer.flags.has(b'A') && !bare && !is_own {
            match site.alias(&target).await {
                Ok(Some(value)) => return self.alias(at, &target.user, &value),
                Ok(None) => {}
                Err(reply) => {
                    self.bad(at, &format!("not now: {}", reply.to_line()));
                    return Vec::new();
                }
            }
        }
        if mailer.flags.has(b'5')
            && !bare
            && let Some(resolution) = site.localaddr(&target, &mut self.macros).await
        {
            match resolution {
                Resolution::Mailer(mapped) if mapped != target => {
                    return self.leaf(at, &mapped).await;
                }
                Resolution::Refused(reply) | Resolution::Later(reply) => {
                    self.bad(at, &format!("refused: {}", reply.to_line()));
                    return Vec::new();
                }
                _ => {}
            }
        }
        self.leaf(at, &target).await
    }

    fn alias(&mut self, at: &Open, name: &BString, value: &[u8]) -> Vec<Open> {
        let shown = bstr::join(" ", value.fields());
        let place = self.story.places.alias(&self.story.open.site.config, name);
        let place = place.map_or_else(String::new, |place| format!("    {place}"));
        self.say(
            at.depth,
            format!("{}: alias {name} -> {}{place}", at.text, shown.as_bstr()),
        );
        if !self.seen.insert((name.clone(), true)) {
            self.say(at.depth + 1, "(as above)");
            return Vec::new();
        }
        self.items(list::split(value), at, name)
    }

    fn items(&self, items: Vec<list::Item>, at: &Open, from: &BString) -> Vec<Open> {
        items
            .into_iter()
            .map(|item| Open {
                text: item.text,
                kind: item.kind,
                depth: at.depth + 1,
                from: Some(from.clone()),
            })
            .collect()
    }

    fn include(&mut self, at: &Open) -> Vec<Open> {
        let bare = list::unquote(&at.text);
        let path = bare[b":include:".len()..]
            .trim()
            .to_path_lossy()
            .into_owned();
        match read_list(&path) {
            Ok((text, _)) => {
                self.say(at.depth, format!("{}: the list holds", at.text));
                let items = list::lines(&text).flat_map(|(_, line)| list::split(line));
                self.items(items.collect(), at, &at.text)
            }
            Err(error) => {
                let why = crate::map::errno_text(&error);
                self.bad(at, &format!("cannot be read: {why}"));
                Vec::new()
            }
        }
    }

    /// A user here, or a host elsewhere.
    async fn leaf(&mut self, at: &Open, target: &Target) -> Vec<Open> {
        let story = self.story;
        let site = &story.open.site;
        let mailer = site.mailer(target.mailer);
        let name = mailer.name.to_str_lossy().into_owned();
        if mailer.flags.has(b'w') {
            let user = target.user.strip_prefix(b"\\").unwrap_or(&target.user);
            let found = match site.local_user(user) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    self.bad(at, "refused: 550 5.1.1 User unknown");
                    return Vec::new();
                }
                Err(error) => {
                    self.bad(at, &format!("not now: {error}"));
                    return Vec::new();
                }
            };
            let is_own = at.from.as_ref().is_some_and(|from| *from == target.user);
            if !target.user.starts_with(b"\\") && !is_own {
                for path in site.forward_paths(&found, target, &mut self.macros) {
                    let Ok((text, _)) = read_list(&path) else {
                        continue;
                    };
                    let items: Vec<_> = list::lines(&text)
                        .flat_map(|(_, line)| list::split(line))
                        .collect();
                    if items.is_empty() {
                        continue;
                    }
                    let text = format!(
                        "{}: user {}, forwards by {}",
                        at.text,
                        found.name,
                        path.display()
                    );
                    self.say(at.depth, text);
                    return self.items(items, at, &target.user);
                }
            }
        }
        let host = target.host.to_str_lossy().into_owned();
        self.end(at, &name, &host, &target.user);
        if mailer.path.eq_ignore_ascii_case(b"[IPC]") && self.asks_dns {
            self.hosts(at.depth + 1, &host, mailer.flags.has(b'0'))
                .await;
        }
        Vec::new()
    }

    /// The hosts that would be tried.
    async fn hosts(&mut self, depth: usize, host: &str, without_mx: bool) {
        let resolver = &self.story.open.resolver;
        for host in host.split(':') {
            let name = host.trim_end_matches('.');
            if name.starts_with('[') || without_mx {
                self.say(depth, format!("to {name} itself"));
                continue;
            }
            match resolver.mx(name).await {
                Ok(mut records) if !records.is_empty() => {
                    records.sort_by_key(|record| record.preference);
                    for record in records {
                        let text = match record.exchange.as_str() {
                            "" => "the domain says that it takes no mail (null MX)".to_owned(),
                            exchange => format!("MX {} {exchange}", record.preference),
                        };
                        self.say(depth, text);
                    }
                }
                Ok(_) | Err(ResolveError::NoData | ResolveError::NoSuchName) => {
                    match resolver.addresses(name).await {
                        Ok(found) if !found.is_empty() => {
                            self.say(depth, format!("no MX; to {name} itself"));
                        }
                        Err(ResolveError::Temporary) => {
                            self.say(depth, format!("{name}: nobody can say now"));
                        }
                        _ => self.say(depth, format!("{name}: no such host")),
                    }
                }
                Err(ResolveError::Temporary) => {
                    self.say(
                        depth,
                        format!("{name}: no answer to the question for its MX"),
                    );
                }
            }
        }
    }
}
