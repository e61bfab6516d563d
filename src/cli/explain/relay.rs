//! `godwit explain relay`: whether this client may send from here to there,
//! which rule and line say so, and what would turn it round.

use std::net::IpAddr;
use std::process::ExitCode;

use bstr::{BString, ByteSlice};
use serde_json::json;

use super::story::Story;
use super::{Desk, answered, trial};
use crate::base::{Reply, Sysexit};
use crate::cli::desk::{Failure, OpenSite, print_json};
use crate::cli::output::print;
use crate::envelope::{Verified, verify};
use crate::rewrite::{MacroTable, Recorder};
use crate::route::{Resolution, Verdict};

/// Who sends what.
#[derive(clap::Args, Clone)]
pub(in crate::cli) struct Arguments {
    /// The client's address; `ADDRESS,NAME` when its name is not to be looked
    /// up.
    #[arg(long, value_name = "ADDRESS[,NAME]", default_value = "127.0.0.1")]
    client: String,
    /// The sender; empty for a report.
    #[arg(long, value_name = "ADDRESS", default_value = "postmaster")]
    from: String,
    /// The recipient.
    #[arg(long, value_name = "ADDRESS", default_value = "postmaster")]
    to: String,
    /// The client has logged in as this user.
    #[arg(long, value_name = "USER")]
    login: Option<String>,
}

/// A client that no configuration knows (RFC 5737).
const STRANGER: &str = "203.0.113.77";

/// A question that is put to the rules.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) address: String,
    pub(super) name: BString,
    resolve: &'static str,
    pub(super) from: BString,
    pub(super) to: BString,
    pub(super) login: Option<String>,
}

/// How it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Taken.
    Accepted,
    /// Refused with this reply.
    Refused(Reply),
    /// Taken and thrown away.
    Discarded,
    /// Taken and held.
    Quarantined(BString),
}

/// One step of the dialogue, and what the rules did.
pub(super) struct Asked {
    /// The ruleset, or what else was asked.
    pub(super) what: &'static str,
    pub(super) recorder: Recorder,
    pub(super) end: End,
}

impl End {
    pub(super) fn word(&self) -> &'static str {
        match self {
            End::Accepted => "accepted",
            End::Refused(_) => "refused",
            End::Discarded => "discarded",
            End::Quarantined(_) => "quarantined",
        }
    }

    fn text(&self) -> String {
        match self {
            End::Refused(reply) => format!("refused: {}", reply.to_line()),
            End::Quarantined(why) => format!("quarantined: {why}"),
            End::Accepted | End::Discarded => self.word().to_owned(),
        }
    }

    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accept | Verdict::Other { .. } => End::Accepted,
            Verdict::Discard => End::Discarded,
            Verdict::Quarantine(why) => End::Quarantined(why),
            Verdict::Reject(reply) => End::Refused(reply),
        }
    }
}

/// How a stranger ends who sends from one address to another, in words.
pub(in crate::cli) async fn of_stranger(open: &OpenSite, from: &[u8], to: &[u8]) -> String {
    let question = Question {
        address: STRANGER.to_owned(),
        name: "stranger.invalid".into(),
        resolve: "OK",
        from: from.into(),
        to: to.into(),
        login: None,
    };
    let steps = judge(open, &question).await;
    steps.last().map(|step| step.end.text()).unwrap_or_default()
}

/// Puts the question to the rules, step by step as a session does, and gives
/// every step up to the one that ends it.
pub(super) async fn judge(open: &OpenSite, question: &Question) -> Vec<Asked> {
    let site = &open.site;
    let mut macros = site.layer();
    macros.set(b"client_addr", question.address.as_str());
    macros.set(b"client_name", question.name.clone());
    macros.set(b"client_ptr", question.name.clone());
    macros.set(b"client_resolve", question.resolve);
    macros.set(b"s", question.name.clone());
    macros.set(b"_", format!("{} [{}]", question.name, question.address));
    macros.set(b"r", "ESMTP");
    if let Some(user) = &question.login {
        macros.set(b"auth_type", "PLAIN");
        macros.set(b"auth_authen", user.as_str());
    }
    let mut steps = Vec::new();
    let address = question.address.as_bytes();
    let arguments: [&[u8]; 2] = [&question.name, address];
    if ask(open, "check_relay", &arguments, &mut macros, &mut steps).await {
        return steps;
    }
    let from = bracketed(&question.from);
    macros.set(b"f", question.from.clone());
    set_target(open, &question.from, "mail", &mut macros).await;
    if ask(open, "check_mail", &[&from], &mut macros, &mut steps).await {
        return steps;
    }
    let to = bracketed(&question.to);
    if let Some(reply) = set_target(open, &question.to, "rcpt", &mut macros).await {
        steps.push(Asked {
            what: "the recipient's address",
            recorder: Recorder::default(),
            end: End::Refused(reply),
        });
        return steps;
    }
    if ask(open, "check_rcpt", &[&to], &mut macros, &mut steps).await {
        return steps;
    }
    let mut recorder = Recorder::default();
    let resolved = site.resolve_traced(&to, &mut macros, &mut recorder).await;
    let end = match resolved {
        Resolution::Mailer(target) => {
            match verify::verify_target(site, target, &mut macros).await {
                Verified::Refused(reply) => End::Refused(reply),
                Verified::Discard => End::Discarded,
                Verified::Deliverable(_) | Verified::Later(_) => End::Accepted,
            }
        }
        Resolution::Refused(reply) => End::Refused(reply),
        Resolution::Discard => End::Discarded,
        Resolution::Later(_) => End::Accepted,
    };
    steps.push(Asked {
        what: "the recipient's way",
        recorder,
        end,
    });
    steps
}

/// Asks one ruleset; true when the session ends with it.
async fn ask(
    open: &OpenSite,
    ruleset: &'static str,
    arguments: &[&[u8]],
    macros: &mut MacroTable,
    steps: &mut Vec<Asked>,
) -> bool {
    let mut recorder = Recorder::default();
    let verdict = open
        .site
        .check_traced(ruleset, arguments, macros, &mut recorder)
        .await;
    let end = End::of(verdict);
    let is_over = end != End::Accepted;
    steps.push(Asked {
        what: ruleset,
        recorder,
        end,
    });
    is_over
}

/// Sets `{mail_mailer}` and its kin as a session does; the refusal of an
/// address that cannot be at all.
async fn set_target(
    open: &OpenSite,
    address: &[u8],
    role: &str,
    macros: &mut MacroTable,
) -> Option<Reply> {
    if address.is_empty() {
        return None;
    }
    match open.site.resolve(address, macros).await {
        Resolution::Mailer(target) => {
            let mailer = open.site.mailer(target.mailer).name.clone();
            let mut set = |part: &str, value: BString| {
                macros.set(format!("{role}_{part}").as_bytes(), value);
            };
            set("mailer", mailer);
            set("host", target.host);
            set("addr", target.user);
            None
        }
        Resolution::Refused(reply) => Some(reply),
        Resolution::Later(_) | Resolution::Discard => None,
    }
}

fn bracketed(address: &[u8]) -> Vec<u8> {
    match address.starts_with(b"<") {
        true => address.to_vec(),
        false => [b"<", address, b">"].concat(),
    }
}

/// Looks the client up as a session does.
fn question(open: &OpenSite, arguments: &Arguments) -> Result<Question, Failure> {
    let (address, name) = match arguments.client.split_once(',') {
        Some((address, name)) => (address, Some(name)),
        None => (arguments.client.as_str(), None),
    };
    let bare = address.trim_matches(['[', ']']);
    let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
    let ip: IpAddr = bare
        .parse()
        .map_err(|_| (Sysexit::Usage, format!("--client {address} is no address")))?;
    let shown = match ip {
        IpAddr::V4(_) => ip.to_string(),
        IpAddr::V6(ip) => format!("IPv6:{}", uncompressed(ip)),
    };
    let (name, resolve) = match name {
        Some(name) => (BString::from(name), "OK"),
        None => open.runtime.block_on(async {
            let unknown = BString::from(format!("[{shown}]"));
            let Ok(name) = open.resolver.name_of(ip).await else {
                return (unknown, "FAIL");
            };
            match open.resolver.addresses(&name).await {
                Ok(found) if found.contains(&ip) => (BString::from(name), "OK"),
                _ => (unknown, "FORGED"),
            }
        }),
    };
    let trimmed = |text: &str| BString::from(text.trim_matches(['<', '>']));
    Ok(Question {
        address: shown,
        name,
        resolve,
        from: trimmed(&arguments.from),
        to: trimmed(&arguments.to),
        login: arguments.login.clone(),
    })
}

/// As rules see it: without option UseCompressedIPv6Addresses.
fn uncompressed(ip: std::net::Ipv6Addr) -> String {
    let parts: Vec<String> = ip
        .segments()
        .iter()
        .map(|part| format!("{part:x}"))
        .collect();
    parts.join(":")
}

/// Explains it.
pub(in crate::cli) fn explain(desk: &Desk<'_>, arguments: Arguments) -> Result<ExitCode, Failure> {
    let open = desk.open()?;
    let places = desk.places();
    let question = question(&open, &arguments)?;
    let steps = open.runtime.block_on(judge(&open, &question));
    let story = Story {
        open: &open,
        places: &places,
    };
    let accepted = steps.last().is_some_and(|step| step.end == End::Accepted);
    let answers: Vec<_> = steps
        .iter()
        .flat_map(|step| story.answers(&step.recorder))
        .collect();
    let turns = trial::turns(desk, &question, &steps, &answers);
    if desk.json {
        let steps: Vec<_> = steps.iter().map(|step| step_json(&story, step)).collect();
        print_json(&json!({
            "client": question.address, "name": question.name.to_str_lossy(),
            "from": question.from.to_str_lossy(), "to": question.to.to_str_lossy(),
            "accepted": accepted, "steps": steps, "would_turn_it": turns,
        }));
        return Ok(answered(accepted));
    }
    tell(desk, &story, &question, &steps, &turns);
    Ok(answered(accepted))
}

fn step_json(story: &Story<'_>, step: &Asked) -> serde_json::Value {
    let rule = (step.end != End::Accepted)
        .then(|| story.decided(&step.recorder))
        .flatten();
    let answers = story.answers(&step.recorder);
    json!({
        "asked": step.what,
        "end": step.end.text(),
        "rule": rule.map(|rule| story.rule_place(rule)),
        "answers": answers.iter().map(|answer| answer.json()).collect::<Vec<_>>(),
    })
}

fn tell(
    desk: &Desk<'_>,
    story: &Story<'_>,
    question: &Question,
    steps: &[Asked],
    turns: &[String],
) {
    let mut out = Vec::new();
    let mut say = |text: &[u8]| {
        out.extend_from_slice(text);
        out.push(b'\n');
    };
    let Some(last) = steps.last() else { return };
    say(format!(
        "{} [{}], from <{}> to <{}>: {}",
        question.name,
        question.address,
        question.from,
        question.to,
        last.end.text()
    )
    .as_bytes());
    for step in steps {
        say(format!("  {}: {}", step.what, step.end.word()).as_bytes());
        for answer in story.answers(&step.recorder) {
            say(format!("    {}", answer.line()).as_bytes());
        }
        if step.end != End::Accepted
            && let Some(rule) = story.decided(&step.recorder)
        {
            say(format!("    by the rule at {}", story.rule_place(rule)).as_bytes());
            say(format!("      {}", story.rule_text(rule)).as_bytes());
            let misses = story.misses(&step.recorder);
            if !misses.is_empty() {
                let misses: Vec<String> = misses
                    .iter()
                    .map(|(map, key)| format!("{map} {key}"))
                    .collect();
                say(format!("    nothing in: {}", misses.join(", ")).as_bytes());
            }
        }
        if desk.verbose {
            for line in story.steps(&step.recorder, 4) {
                say(&line);
            }
        }
    }
    if !turns.is_empty() {
        say(b"  each of these alone would turn it round:");
        for turn in turns {
            say(format!("    {turn}").as_bytes());
        }
    }
    print(out);
}
