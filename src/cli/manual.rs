//! `godwit manual` and `godwit completions`: manual pages and completions of
//! shells, made of the same tables as the commands themselves.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, Command, CommandFactory, Parser, ValueEnum};

use super::desk::arguments;
use super::output::{exit, fail, print};
use super::{PERSONALITIES, Run};
use crate::base::Sysexit;

/// Print the manual page of a command, for man(1).
#[derive(Parser)]
#[command(name = "godwit manual", disable_version_flag = true)]
#[command(after_help = "Example:
  godwit manual make | man -l -

Exit status: 0; 64 there is no such page.")]
struct Manual {
    /// The command.
    #[arg(value_name = "COMMAND")]
    name: String,
}

/// Print completions for a shell.
#[derive(Parser)]
#[command(name = "godwit completions", disable_version_flag = true)]
#[command(after_help = "Example:
  godwit completions bash > /etc/bash_completion.d/godwit

Exit status: 0.")]
struct Completions {
    /// The shell.
    shell: Shell,
}

/// The date of the pages, as man(7) has it.
const DATE: &str = "2026-11-22";

#[derive(ValueEnum, Clone, Copy)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The commands that have tables of their own, and those tables.
fn commands() -> Vec<(&'static str, Command)> {
    let tables = [
        "alias",
        "access",
        "virtuser",
        "generics",
        "mailer",
        "domain",
        "local-host",
        "relay",
    ];
    let mut all = vec![
        ("audit", super::audit::command()),
        ("completions", Completions::command()),
        ("explain", super::explain::command()),
        ("make", super::make::command()),
        ("manual", Manual::command()),
        ("migrate", super::migrate::command()),
        ("queue", super::queue::command()),
        ("trace", super::trace::command()),
    ];
    all.extend(tables.map(|name| (name, super::tables::command())));
    all
}

/// `godwit manual`.
pub(super) fn manual(given: Vec<OsString>) -> ExitCode {
    let asked: Manual = match arguments("godwit manual", given) {
        Ok(asked) => asked,
        Err(code) => return code,
    };
    let found = commands().into_iter().find(|(name, _)| *name == asked.name);
    match found {
        Some((name, command)) => {
            print(page(name, command));
            exit(Sysexit::Ok)
        }
        None => {
            let names: Vec<&str> = commands().iter().map(|(name, _)| *name).collect();
            let text = format!("godwit manual: there are pages of {}", names.join(", "));
            fail(Sysexit::Usage, text)
        }
    }
}

/// One page, in man(7).
fn page(name: &str, mut command: Command) -> String {
    let about = command.get_about().map(ToString::to_string);
    let mut out = format!(
        ".\\\" Made by `godwit manual {name}`.\n.TH GODWIT\\-{} 8 {DATE}\n.SH NAME\ngodwit\\-{} \\- {}\n",
        escaped(&name.to_uppercase()),
        escaped(name),
        escaped(about.unwrap_or_default().trim_end_matches('.'))
    );
    command.build();
    out.push_str(&format!(".SH SYNOPSIS\n.B godwit {}\n", escaped(name)));
    if command.has_subcommands() {
        out.push_str(".I COMMAND\n.RI [ ARGUMENT ...]\n");
    } else {
        for arg in shown(&command) {
            out.push_str(&format!("{}\n", escaped(&synopsis(arg))));
        }
    }
    out.push_str(".SH OPTIONS\n");
    options(&command, &mut out);
    if command.has_subcommands() {
        out.push_str(".SH COMMANDS\n");
        for sub in command
            .get_subcommands()
            .filter(|sub| sub.get_name() != "help")
        {
            let words: Vec<String> = shown(sub)
                .filter(|arg| !arg.is_global_set())
                .map(synopsis)
                .collect();
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            let title = format!("{} {}", sub.get_name(), words.join(" "));
            out.push_str(&format!(
                ".SS {}\n{}\n",
                escaped(title.trim_end()),
                escaped(&about)
            ));
            options(sub, &mut out);
        }
    }
    let after = command.get_after_help().map(ToString::to_string);
    for part in after.unwrap_or_default().split("\n\n") {
        section(part, &mut out);
    }
    out.push_str(".SH SEE ALSO\n.BR godwit (8)\n");
    out
}

/// A part of the text behind the options: examples, exit status, others.
fn section(part: &str, out: &mut String) {
    let (title, rest) = match part.split_once(':') {
        Some((title @ ("Examples" | "Example" | "Exit status" | "Targets"), rest)) => (title, rest),
        _ => ("Notes", part),
    };
    out.push_str(&format!(".SH {}\n", title.to_uppercase()));
    let rest = rest.trim_matches('\n');
    let is_list = rest.lines().all(|line| line.starts_with("  "));
    if is_list {
        out.push_str(".nf\n");
    }
    for line in rest.lines() {
        out.push_str(&escaped(line.trim()));
        out.push('\n');
    }
    if is_list {
        out.push_str(".fi\n");
    }
}

/// The arguments that people are told of.
fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && arg.get_id() != "help")
}

fn options(command: &Command, out: &mut String) {
    for arg in shown(command) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        out.push_str(&format!(
            ".TP\n.B {}\n{}\n",
            escaped(&heading(arg)),
            escaped(&help)
        ));
    }
}

/// `-C, --directory DIR`, or the name of what stands alone.
fn heading(arg: &Arg) -> String {
    let mut names = Vec::new();
    names.extend(arg.get_short().map(|short| format!("-{short}")));
    names.extend(arg.get_long().map(|long| format!("--{long}")));
    let value = value(arg);
    match names.as_slice() {
        [] => value,
        _ if takes_value(arg) => format!("{} {value}", names.join(", ")),
        _ => names.join(", "),
    }
}

fn synopsis(arg: &Arg) -> String {
    match arg.get_long() {
        None if arg.is_required_set() => format!("{} ...", value(arg)),
        None => format!("[{} ...]", value(arg)),
        Some(long) if takes_value(arg) => format!("[--{long} {}]", value(arg)),
        Some(long) => format!("[--{long}]"),
    }
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn value(arg: &Arg) -> String {
    match arg.get_value_names() {
        Some([first, ..]) => first.to_string(),
        _ => arg.get_id().to_string().to_uppercase(),
    }
}

/// Text as man(7) wants it.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = text.lines().map(|line| match line.chars().next() {
        // A control line would begin so.
        Some('.' | '\'') => format!("\\&{line}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `godwit completions`.
pub(super) fn completions(given: Vec<OsString>) -> ExitCode {
    let asked: Completions = match arguments("godwit completions", given) {
        Ok(asked) => asked,
        Err(code) => return code,
    };
    let names: Vec<&str> = PERSONALITIES
        .iter()
        .filter(|row| !matches!(row.run, Run::Hidden(_)))
        .map(|row| row.name)
        .collect();
    print(match asked.shell {
        Shell::Bash => bash(&names),
        Shell::Zsh => format!(
            "autoload -U +X bashcompinit && bashcompinit\n{}",
            bash(&names)
        ),
        Shell::Fish => fish(&names),
    });
    exit(Sysexit::Ok)
}

/// What may stand behind a command: its subcommands and options.
fn words(mut command: Command) -> Vec<String> {
    command.build();
    let subs = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned());
    let mut words: Vec<String> = subs.filter(|name| name != "help").collect();
    let mut add = |command: &Command| {
        for long in command.get_arguments().filter_map(Arg::get_long) {
            let word = format!("--{long}");
            if !words.contains(&word) {
                words.push(word);
            }
        }
    };
    add(&command);
    command.get_subcommands().for_each(add);
    words
}

fn bash(names: &[&str]) -> String {
    let mut cases = String::new();
    for (name, command) in commands() {
        let words = words(command).join(" ");
        cases.push_str(&format!("    {name}) words=\"{words}\" ;;\n"));
    }
    format!(
        "_godwit() {{\n  local cur=\"${{COMP_WORDS[COMP_CWORD]}}\" at=1 words=\n  \
         [ \"${{COMP_WORDS[1]}}\" = --root ] && at=3\n  \
         if [ \"$COMP_CWORD\" -le \"$at\" ]; then\n    words=\"--root {}\"\n  else\n  \
         case \"${{COMP_WORDS[$at]}}\" in\n{cases}  esac\n  fi\n  \
         COMPREPLY=( $(compgen -W \"$words\" -- \"$cur\") )\n  \
         [ \"${{#COMPREPLY[@]}}\" -gt 0 ] || COMPREPLY=( $(compgen -f -- \"$cur\") )\n}}\n\
         complete -F _godwit godwit\n",
        names.join(" ")
    )
}

fn fish(names: &[&str]) -> String {
    let mut out = format!(
        "complete -c godwit -n __fish_use_subcommand -a '{}'\n\
         complete -c godwit -n __fish_use_subcommand -l root -r\n",
        names.join(" ")
    );
    for (name, command) in commands() {
        for word in words(command) {
            let condition = format!("-n '__fish_seen_subcommand_from {name}'");
            out.push_str(&match word.strip_prefix("--") {
                Some(long) => format!("complete -c godwit {condition} -l {long}\n"),
                None => format!("complete -c godwit {condition} -a {word}\n"),
            });
        }
    }
    out
}
