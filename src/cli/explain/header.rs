//! `godwit explain header`: how sender and recipient look on leaving, in the
//! envelope and in the header.

use std::process::ExitCode;

use bstr::{BString, ByteSlice};
use serde_json::json;

use super::story::Story;
use super::{Desk, answered};
use crate::base::Sysexit;
use crate::cli::desk::{Failure, print_json};
use crate::cli::output::{complain, print};
use crate::rewrite::Recorder;
use crate::route::{Resolution, Role};

/// Whose message it is.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The sender, as the header has it: `Alice <alice@example.org>`.
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// The recipient.
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// The mailer; without it, the one that the recipient's mail goes to.
    #[arg(long, value_name = "NAME")]
    mailer: Option<String>,
}

const ROLES: [(Role, &str); 4] = [
    (Role::EnvelopeSender, "envelope sender"),
    (Role::HeaderSender, "From:"),
    (Role::EnvelopeRecipient, "envelope recipient"),
    (Role::HeaderRecipient, "To:"),
];

/// Explains it.
pub(super) fn explain(desk: &Desk<'_>, arguments: Arguments) -> Result<ExitCode, Failure> {
    let open = desk.open()?;
    let places = desk.places();
    let site = &open.site;
    let story = Story {
        open: &open,
        places: &places,
    };
    let mut macros = site.layer();
    let bare = |text: &str| -> BString {
        crate::route::rewriting::crack(text.as_bytes(), b"")
            .address
            .into()
    };
    let (mailer, host) = match &arguments.mailer {
        Some(name) => {
            let found = site.mailer_named(name.as_bytes());
            let missing = || (Sysexit::Usage, format!("there is no mailer {name}"));
            (found.ok_or_else(missing)?, BString::default())
        }
        None => {
            let to = bare(&arguments.to);
            let resolved = site.resolve(&to, &mut macros);
            match open.runtime.block_on(resolved) {
                Resolution::Mailer(target) => (target.mailer, target.host),
                Resolution::Refused(reply) | Resolution::Later(reply) => {
                    complain(format!("{}: {}", arguments.to, reply.to_line()));
                    return Ok(answered(false));
                }
                Resolution::Discard => {
                    complain(format!("{}: thrown away by the rules", arguments.to));
                    return Ok(answered(false));
                }
            }
        }
    };
    let mailer_name = site.mailer(mailer).name.clone();
    let mut rows = Vec::new();
    for (role, what) in ROLES {
        let given: BString = match role {
            Role::EnvelopeSender => bare(&arguments.from),
            Role::HeaderSender => arguments.from.as_str().into(),
            Role::EnvelopeRecipient => bare(&arguments.to),
            Role::HeaderRecipient => arguments.to.as_str().into(),
        };
        let mut recorder = Recorder::default();
        let rewritten = site.rewrite_traced(mailer, &given, role, None, &mut macros, &mut recorder);
        let rewritten = open.runtime.block_on(rewritten);
        rows.push((what, given, rewritten, recorder));
    }
    if desk.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(what, given, rewritten, recorder)| {
                let answers = story.answers(recorder);
                json!({
                    "what": what, "given": given.to_str_lossy(),
                    "leaves_as": rewritten.text.to_str_lossy(),
                    "later": rewritten.temporary,
                    "answers": answers.iter().map(|answer| answer.json()).collect::<Vec<_>>(),
                })
            })
            .collect();
        print_json(&json!({ "mailer": mailer_name.to_str_lossy(), "addresses": rows }));
        return Ok(answered(true));
    }
    let mut out = format!("by mailer {mailer_name}");
    if !host.is_empty() {
        out.push_str(&format!(" to {host}"));
    }
    out.push('\n');
    let mut out = out.into_bytes();
    for (what, given, rewritten, recorder) in &rows {
        let later = if rewritten.temporary {
            " (a map cannot be asked now)"
        } else {
            ""
        };
        let line = format!("  {what:20}{given} -> {}{later}\n", rewritten.text);
        out.extend_from_slice(line.as_bytes());
        for answer in story.answers(recorder) {
            out.extend_from_slice(format!("    {}\n", answer.line()).as_bytes());
        }
        if desk.verbose {
            for line in story.steps(recorder, 4) {
                out.extend_from_slice(&line);
                out.push(b'\n');
            }
        }
    }
    print(out);
    Ok(answered(true))
}
