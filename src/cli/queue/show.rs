//! Messages shown: in lines, in groups, in full, as they are.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use bstr::{BString, ByteSlice};
use serde_json::{Value, json};

use super::select::Waiting;
use crate::base::Sysexit;
use crate::cf::Opt;
use crate::cli::desk::{Failure, print_json};
use crate::cli::output::{exit, print};
use crate::daemon::Loaded;
use crate::queue::directory::FileKind;

/// The columns of ages, in minutes, as qshape has them.
const AGES_MIN: [u64; 8] = [5, 10, 20, 40, 80, 160, 320, 640];

/// What messages are counted by.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Why they wait.
    Reason,
    /// The recipients' domains, by age.
    Age,
    /// The recipients' domains.
    Host,
    /// The senders' domains.
    Sender,
}

/// Lists them.
pub(super) fn list(loaded: &Loaded, found: &[Waiting], by: Option<By>, json: bool) -> ExitCode {
    let now = SystemTime::now();
    match by {
        None => {
            for waiting in found {
                line(loaded, waiting, now, json);
            }
            if !json {
                print(format!("{} messages\n", found.len()));
            }
        }
        Some(By::Age) => ages(found, now, json),
        Some(by) => groups(found, by, json),
    }
    exit(Sysexit::Ok)
}

fn line(loaded: &Loaded, waiting: &Waiting, now: SystemTime, json: bool) {
    let envelope = &waiting.file.envelope;
    if json {
        return print_json(&described(loaded, waiting, now));
    }
    let recipients: Vec<BString> = envelope.recipients.iter().map(|r| r.shown()).collect();
    let state = match waiting.kind {
        FileKind::Quarantined => "held",
        _ => "waits",
    };
    print(format!(
        "{} {state}, {} old, {} bytes, {} attempts\n  {} -> {}\n  {}\n",
        waiting.id,
        short(waiting.age(now)),
        waiting.size,
        envelope.attempts,
        envelope.shown_sender(),
        bstr::join(", ", recipients).as_bstr(),
        waiting.reason(),
    ));
    if let Some(next) = next(loaded, waiting, now) {
        print(format!("  {next}\n"));
    }
}

/// When it is tried again, in words.
fn next(loaded: &Loaded, waiting: &Waiting, now: SystemTime) -> Option<String> {
    if waiting.kind == FileKind::Quarantined {
        return None;
    }
    let rest = loaded.config.options.interval(Opt::MinQueueAge);
    let since = waiting
        .file
        .envelope
        .last_attempt
        .and_then(|last| now.duration_since(last).ok());
    Some(match since {
        Some(since) if since < rest => format!(
            "tried {} ago; next with the first run of the queue in {} or later (MinQueueAge)",
            short(since),
            short(rest - since)
        ),
        Some(since) => format!(
            "tried {} ago; next with the next run of the queue",
            short(since)
        ),
        None => "next with the next run of the queue".to_owned(),
    })
}

/// A time in one unit.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn described(loaded: &Loaded, waiting: &Waiting, now: SystemTime) -> Value {
    let envelope = &waiting.file.envelope;
    let recipients: Vec<Value> = envelope
        .recipients
        .iter()
        .map(|recipient| {
            let reason = match &recipient.state {
                crate::envelope::RecipientState::Queued { reason } => reason.clone(),
                _ => None,
            };
            json!({
                "address": recipient.shown().to_str_lossy(),
                "reason": reason.map(|reason| reason.to_str_lossy().into_owned()),
            })
        })
        .collect();
    json!({
        "id": waiting.id.to_string(),
        "held": waiting.kind == FileKind::Quarantined,
        "age_s": waiting.age(now).as_secs(),
        "size_bytes": waiting.size,
        "attempts": envelope.attempts,
        "sender": envelope.shown_sender().to_str_lossy(),
        "recipients": recipients,
        "reason": waiting.reason().to_str_lossy(),
        "next": next(loaded, waiting, now),
    })
}

fn groups(found: &[Waiting], by: By, json: bool) {
    let mut counts: BTreeMap<BString, usize> = BTreeMap::new();
    for waiting in found {
        let keys = match by {
            By::Reason => vec![waiting.reason()],
            By::Host | By::Age => distinct(waiting.hosts()),
            By::Sender => {
                let sender = &waiting.file.envelope.sender;
                let domain = sender.rsplit_once_str("@").map(|(_, domain)| domain);
                vec![domain.map_or_else(|| waiting.file.envelope.shown_sender(), BString::from)]
            }
        };
        for key in keys {
            *counts.entry(key).or_default() += 1;
        }
    }
    let mut counts: Vec<(BString, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (key, count) in counts {
        if json {
            print_json(&json!({ "messages": count, "key": key.to_str_lossy() }));
        } else {
            print(format!("{count:6}  {key}\n"));
        }
    }
}

/// Domains by age, as qshape shows them.
fn ages(found: &[Waiting], now: SystemTime, json: bool) {
    let mut rows: BTreeMap<BString, [usize; AGES_MIN.len() + 1]> = BTreeMap::new();
    for waiting in found {
        let minutes = waiting.age(now).as_secs() / 60;
        let column = AGES_MIN.iter().position(|age| minutes < *age);
        for host in distinct(waiting.hosts()) {
            rows.entry(host).or_default()[column.unwrap_or(AGES_MIN.len())] += 1;
        }
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.iter().sum::<usize>()));
    if json {
        for (host, row) in rows {
            print_json(&json!({
                "host": host.to_str_lossy(), "below_min": AGES_MIN, "messages": row,
            }));
        }
        return;
    }
    let mut text = format!("{:>24}      T", "");
    for age in AGES_MIN {
        text.push_str(&format!(" {age:>5}"));
    }
    text.push_str(&format!(
        " {:>5}\n",
        format!("{}+", AGES_MIN[AGES_MIN.len() - 1])
    ));
    for (host, row) in rows {
        text.push_str(&format!("{host:>24}  {:>5}", row.iter().sum::<usize>()));
        for count in row {
            text.push_str(&format!(" {count:>5}"));
        }
        text.push('\n');
    }
    print(text);
}

fn distinct(mut names: Vec<BString>) -> Vec<BString> {
    names.sort();
    names.dedup();
    names
}

/// All about each.
pub(super) fn details(found: &[Waiting], json: bool) -> ExitCode {
    let now = SystemTime::now();
    let loaded = Loaded {
        config: crate::cf::Config::default(),
        faults: Vec::new(),
    };
    for waiting in found {
        if json {
            let mut value = described(&loaded, waiting, now);
            let fields: Vec<String> = waiting
                .file
                .header
                .fields()
                .iter()
                .map(|field| format!("{}:{}", field.name, field.value))
                .collect();
            value["header"] = json!(fields);
            print_json(&value);
            continue;
        }
        line(&loaded, waiting, now, false);
        let mut text = Vec::new();
        for recipient in &waiting.file.envelope.recipients {
            if let crate::envelope::RecipientState::Queued {
                reason: Some(reason),
            } = &recipient.state
            {
                text.extend_from_slice(format!("  {}: {reason}\n", recipient.shown()).as_bytes());
            }
        }
        for (name, value) in &waiting.file.envelope.macros {
            text.extend_from_slice(format!("  ${name} = {value}\n").as_bytes());
        }
        text.push(b'\n');
        print(text);
        print(header(waiting));
        print("\n");
    }
    exit(Sysexit::Ok)
}

/// The header as it stands.
fn header(waiting: &Waiting) -> Vec<u8> {
    let mut text = Vec::new();
    for field in waiting.file.header.fields() {
        text.extend_from_slice(&field.name);
        text.push(b':');
        text.extend_from_slice(&field.value);
        if !text.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    text
}

/// Writes header and body of each to standard output; of several, as mbox.
pub(super) fn export(found: &[Waiting]) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let several = found.len() > 1;
    for waiting in found {
        let path = waiting.directory.file(FileKind::Data, waiting.id);
        let body = std::fs::read(&path).map_err(|error| {
            let why = crate::map::errno_text(&error);
            (Sysexit::NoInput, format!("{}: {why}", path.display()))
        })?;
        let mut text = header(waiting);
        text.push(b'\n');
        text.extend_from_slice(&body);
        let written = if several {
            mbox(&mut out, waiting, &text)
        } else {
            out.write_all(&text)
        };
        // Nobody reads any more.
        if written.is_err() {
            break;
        }
    }
    let _ = out.flush();
    Ok(exit(Sysexit::Ok))
}

fn mbox(out: &mut impl Write, waiting: &Waiting, text: &[u8]) -> std::io::Result<()> {
    let envelope = &waiting.file.envelope;
    let sender = match envelope.sender.is_empty() {
        true => "MAILER-DAEMON".into(),
        false => envelope.sender.clone(),
    };
    let date = jiff::Timestamp::try_from(envelope.created).unwrap_or_default();
    let date = date.strftime("%a %b %e %H:%M:%S %Y");
    out.write_all(format!("From {sender} {date}\n").as_bytes())?;
    for line in text.lines_with_terminator() {
        let quotes = line.trim_start_with(|c| c == '>').starts_with(b"From ");
        if quotes {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
    }
    out.write_all(b"\n")
}
