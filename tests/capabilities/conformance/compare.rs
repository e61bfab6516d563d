//! How close an answer is to the recorded one.

/// What was recorded for each command of `commands`.
pub(super) fn recorded(golden: &str, commands: &[&str]) -> Vec<String> {
    let lines: Vec<&str> = golden.split('\n').collect();
    let mut outputs = Vec::new();
    let mut at = 0;
    for (index, command) in commands.iter().enumerate() {
        let echo = format!("> {command}");
        while lines.get(at).is_some_and(|line| *line != echo) {
            at += 1;
        }
        at += 1;
        let next = commands.get(index + 1).map(|next| format!("> {next}"));
        let end = (at..lines.len())
            .find(|&line| next.as_deref() == Some(lines[line]))
            .unwrap_or(lines.len());
        let output = lines.get(at..end).unwrap_or_default().join("\n");
        outputs.push(output.trim_end_matches('\n').to_owned());
        at = end;
    }
    outputs
}

/// What a program printed in address test mode: what it said before the first
/// prompt, and for each command.
pub(super) fn answers(raw: &str, commands: &[&str]) -> (String, Vec<String>) {
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    for line in raw.split('\n') {
        let mut rest = line;
        loop {
            if let Some(after) = rest.strip_prefix("> ") {
                parts.push(Vec::new());
                rest = after;
                continue;
            }
            // `/expand' ends its answer without a line end.
            let asked = parts.len().checked_sub(2).and_then(|at| commands.get(at));
            let expands = asked.is_some_and(|command| command.starts_with("/expand"));
            match rest.split_once("> ") {
                Some((value, after)) if expands && parts.last().is_some_and(Vec::is_empty) => {
                    parts.last_mut().unwrap().push(value);
                    parts.push(Vec::new());
                    rest = after;
                }
                _ => break,
            }
        }
        parts.last_mut().unwrap().push(rest);
    }
    let banner = |line: &&str| {
        !line.is_empty()
            && !line.starts_with("ADDRESS TEST MODE")
            && !line.starts_with("Enter <ruleset>")
    };
    let mut parts = parts.into_iter();
    let head: Vec<&str> = parts.next().unwrap_or_default();
    let head: Vec<&str> = head.into_iter().filter(banner).collect();
    (head.join("\n"), parts.map(|part| part.join("\n")).collect())
}

/// Text without blanks at the ends of lines and without empty lines at its
/// end.
pub(super) fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    lines.join("\n").trim_end_matches('\n').to_owned()
}

/// A startup message without the number of the line of the `.cf` that it
/// names: our templates write another file, with the same lines in other
/// places. (And with the dollar sign of a rule that it quotes, for which the
/// reference prints the control byte that it keeps it as.)
pub(super) fn numberless(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let Some((file, rest)) = line.split_once(".cf: line ") else {
            return line.to_owned();
        };
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let said = rest[digits..].replace('\u{1}', "$");
        format!("{file}.cf: line N{said}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Of a trace only what the outermost rulesets return.
pub(super) fn result(output: &str) -> String {
    let mut kept = Vec::new();
    let mut depth = 0_usize;
    for line in output.split('\n') {
        match trace(line) {
            None if depth == 0 => kept.push(line.to_owned()),
            None => {}
            Some(Trace::Input) => depth += 1,
            Some(Trace::Returns(value)) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    kept.push(format!("=> {}", value.trim()));
                }
            }
        }
    }
    kept.join("\n")
}

enum Trace<'l> {
    Input,
    Returns(&'l str),
}

/// `NAME, 16 wide, then "   input:" or " returns:"`.
fn trace(line: &str) -> Option<Trace<'_>> {
    let rest = |what: &str| {
        let at = line.find(what)?;
        (at >= 16).then(|| &line[at + what.len()..])
    };
    if rest("   input:").is_some() {
        return Some(Trace::Input);
    }
    rest(" returns:").map(Trace::Returns)
}
