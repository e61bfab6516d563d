//! Small changes, tried: the configuration as it would be with one entry more
//! or less is asked the same question.
//!
//! Nothing of the site is touched: a changed table lies in a directory of its
//! own, which goes with the value.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use super::Desk;
use super::relay::{Asked, End, Question, judge};
use super::story::Answered;
use crate::admin::make::{DatabaseRequest, build_database};
use crate::admin::table::Kind;
use crate::base::Origin;
use crate::cf::{ClassDef, ClassSource, Opt};
use crate::cli::desk::OpenSite;
use crate::cli::tables::{Table, Use};
use crate::daemon::Loaded;

/// One change.
enum Turn {
    /// An entry of the access table.
    Set(BString, &'static str),
    /// An entry of it less.
    Remove(BString),
    /// A word of class `R`: a domain whose mail is passed on.
    Relay(BString),
    /// A word of class `w`: a name of this host.
    LocalHost(BString),
    /// The client logs in.
    Login,
}

impl Turn {
    fn text(&self) -> String {
        match self {
            Turn::Set(key, value) => format!("godwit access set {key} {value}"),
            Turn::Remove(key) => format!("godwit access rm {key}"),
            Turn::Relay(domain) => format!("godwit relay set {domain}"),
            Turn::LocalHost(domain) => format!("godwit local-host set {domain}"),
            Turn::Login => "the client logs in (SMTP AUTH)".to_owned(),
        }
    }
}

/// What would turn the answer round, each alone, tried one by one.
pub(super) fn turns(
    desk: &Desk<'_>,
    question: &Question,
    steps: &[Asked],
    answers: &[Answered],
) -> Vec<String> {
    let accepted = steps.last().is_some_and(|step| step.end == End::Accepted);
    let Some(scratch) = Scratch::new() else {
        return Vec::new();
    };
    candidates(question, accepted, answers)
        .into_iter()
        .filter(|turn| try_it(desk, question, turn, &scratch.0).is_some_and(|now| now != accepted))
        .map(|turn| turn.text())
        .collect()
}

fn candidates(question: &Question, accepted: bool, answers: &[Answered]) -> Vec<Turn> {
    let key = |tag: &str, text: &[u8]| BString::from([tag.as_bytes(), text].concat());
    let domain = |address: &BString| -> BString {
        let domain = address
            .rsplit_once_str("@")
            .map_or(&b""[..], |(_, domain)| domain);
        domain.into()
    };
    let mut turns: Vec<Turn> = answers
        .iter()
        .filter(|answer| answer.map.eq_ignore_ascii_case(b"access") && answer.place.is_some())
        .map(|answer| Turn::Remove(answer.key.clone()))
        .collect();
    let to_domain = domain(&question.to);
    if accepted {
        turns.push(Turn::Set(
            key("Connect:", question.address.as_bytes()),
            "REJECT",
        ));
        if !question.from.is_empty() {
            turns.push(Turn::Set(key("From:", &question.from), "REJECT"));
        }
        turns.push(Turn::Set(key("To:", &question.to), "REJECT"));
        return turns;
    }
    if !to_domain.is_empty() {
        turns.push(Turn::Relay(to_domain.clone()));
        turns.push(Turn::Set(key("To:", &to_domain), "RELAY"));
        turns.push(Turn::LocalHost(to_domain));
    }
    turns.push(Turn::Set(
        key("Connect:", question.address.as_bytes()),
        "RELAY",
    ));
    if !question.from.is_empty() {
        turns.push(Turn::Set(key("From:", &question.from), "OK"));
    }
    if question.login.is_none() {
        turns.push(Turn::Login);
    }
    turns
}

/// Whether the question would be answered yes; `None` when it cannot be tried.
fn try_it(desk: &Desk<'_>, question: &Question, turn: &Turn, scratch: &Path) -> Option<bool> {
    let mut loaded = desk.loaded.clone();
    let mut question = question.clone();
    match turn {
        Turn::Set(..) | Turn::Remove(_) => access(desk, turn, &mut loaded, scratch)?,
        Turn::Relay(domain) => class(&mut loaded, "R", domain),
        Turn::LocalHost(domain) => class(&mut loaded, "w", domain),
        Turn::Login => question.login = Some("somebody".to_owned()),
    }
    let open = OpenSite::new(loaded, desk.place).ok()?;
    let steps = open.runtime.block_on(judge(&open, &question));
    Some(steps.last()?.end == End::Accepted)
}

fn class(loaded: &mut Loaded, name: &str, word: &BString) {
    loaded.config.classes.push(ClassDef {
        name: name.into(),
        source: ClassSource::Words(word.clone()),
        place: u32::MAX,
        origin: Origin::internal("trial"),
    });
}

/// The access table with one entry more or less, in the scratch directory.
fn access(desk: &Desk<'_>, turn: &Turn, loaded: &mut Loaded, scratch: &Path) -> Option<()> {
    let name = b"access";
    loaded.config.map(name)?;
    let table = Table::find(desk.place, Kind::Access, "access", &desk.config_file, None).ok()?;
    let Use::Database {
        kind,
        keep_case,
        nul,
    } = table.used
    else {
        return None;
    };
    let mut text = table.read_or_new().ok()?;
    match turn {
        Turn::Set(key, value) => text.set(key, value.as_bytes()),
        Turn::Remove(key) => text.remove(key),
        Turn::Relay(_) | Turn::LocalHost(_) | Turn::Login => return None,
    };
    let copy = scratch.join("access");
    let result = kind.file(&copy);
    let built = build_database(&DatabaseRequest {
        name: "access",
        text: text.text(),
        kind,
        result: &result,
        keep_case,
        nul,
        trusted: &[nix::unistd::geteuid().as_raw()],
        owner: None,
    });
    built.ok()?.commit().ok()?;
    let old = table.source.to_string_lossy().into_owned();
    let new = copy.to_string_lossy().into_owned();
    let maps = loaded.config.maps.iter_mut();
    for map in maps.filter(|map| map.name.eq_ignore_ascii_case(name)) {
        map.args = map.args.replace(old.as_bytes(), new.as_bytes()).into();
    }
    // The scratch directory lies where all may write, and is ours alone.
    let origin = Origin::internal("trial");
    let word = b"MapInUnsafeDirPath";
    loaded
        .config
        .options
        .set(Opt::DontBlameSendmail, word, &origin)
        .ok()
}

/// A directory for whoever runs us alone.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Option<Self> {
        let name = format!("godwit-explain.{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One that is there already is not ours.
        DirBuilder::new().mode(0o700).create(&path).ok()?;
        Some(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind holds nothing that was not readable before.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
