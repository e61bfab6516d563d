//! Diagnostics as people and programs read them: with the line underlined on
//! a terminal, in sendmail's one-line form elsewhere, as JSON.

use std::collections::BTreeMap;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use bstr::ByteSlice;
use serde::Serialize;

use super::compile::one_line;
use crate::base::{Diagnostic, Severity};

/// The texts that faults are in, by name.
pub(super) type Texts = BTreeMap<String, Vec<u8>>;

/// How they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A line each.
    OneLine,
    /// The place underlined; with colours or without.
    Rich {
        /// Whether with colours.
        colours: bool,
    },
    /// A JSON object a line.
    Json,
}

/// One fault as text, with a line end.
pub(super) fn render(fault: &Diagnostic, texts: &Texts, form: Form) -> String {
    match form {
        Form::OneLine => format!("{} [{}]\n", one_line(fault), fault.code),
        Form::Rich { colours } => format!("{}\n", rich(fault, texts, colours)),
        Form::Json => format!("{}\n", json(fault)),
    }
}

#[derive(Serialize)]
struct Json<'f> {
    file: &'f str,
    line: u32,
    /// From 1, as editors count; none for the whole line.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<usize>,
    severity: String,
    code: &'f str,
    message: &'f str,
    help: &'f str,
}

fn json(fault: &Diagnostic) -> String {
    let columns = fault.columns.as_ref();
    let object = Json {
        file: fault.origin.file(),
        line: fault.origin.line(),
        column: columns.map(|columns| columns.start + 1),
        end_column: columns.map(|columns| columns.end + 1),
        severity: fault.severity.to_string(),
        code: fault.code,
        message: &fault.message,
        help: &fault.help,
    };
    serde_json::to_string(&object).unwrap_or_default()
}

fn rich(fault: &Diagnostic, texts: &Texts, colours: bool) -> String {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(fault.message.as_str()).id(fault.code);
    let origin = &fault.origin;
    let line = texts
        .get(origin.file())
        .and_then(|text| line_of(text, origin.line()));
    let shown = line.map(|line| line.to_str_lossy().into_owned());
    let group = match (&shown, line) {
        (Some(shown), Some(line)) => {
            let span = span(fault, line, shown);
            let snippet = Snippet::source(shown.as_str())
                .line_start(usize::try_from(origin.line()).unwrap_or(1))
                .path(origin.file())
                .annotation(AnnotationKind::Primary.span(span));
            title.element(snippet)
        }
        _ => title.element(annotate_snippets::Origin::path(origin.to_string())),
    };
    let group = if fault.help.is_empty() {
        group
    } else {
        group.element(Level::HELP.message(fault.help.as_str()))
    };
    let renderer = if colours {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

/// The line of a text, from 1.
fn line_of(text: &[u8], line: u32) -> Option<&[u8]> {
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    text.lines().nth(index)
}

/// The bytes of the shown line that a fault is about: the whole line when it
/// does not say.
fn span(fault: &Diagnostic, line: &[u8], shown: &str) -> std::ops::Range<usize> {
    let whole = {
        let start = shown.len() - shown.trim_start().len();
        start..shown.trim_end().len().max(start)
    };
    let Some(columns) = &fault.columns else {
        return whole;
    };
    // Bytes that are no UTF-8 are longer when they are shown.
    let at = |column: usize| line[..column.min(line.len())].to_str_lossy().len();
    let (start, end) = (at(columns.start), at(columns.end));
    if shown.is_char_boundary(start) && shown.is_char_boundary(end) && start <= end {
        start..end
    } else {
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Origin;

    fn fault() -> Diagnostic {
        Diagnostic::warning("mc-dnl", Origin::new("site.mc", 2), "not `dnl'")
            .at(2..5)
            .help("Write it.")
    }

    fn texts(line: &[u8]) -> Texts {
        let text = [b"one\n", line, b"\nthree\n"].concat();
        Texts::from([("site.mc".to_owned(), text)])
    }

    #[test]
    fn a_place_is_underlined() {
        let text = render(&fault(), &texts(b"x)ndl"), Form::Rich { colours: false });
        expect_test::expect![[r#"
            warning[mc-dnl]: not `dnl'
             --> site.mc:2:3
              |
            2 | x)ndl
              |   ^^^
              |
              = help: Write it.
        "#]]
        .assert_eq(&text);
        // Latin-1 before it moves nothing.
        let text = render(&fault(), &texts(b"\xe9)ndl"), Form::Rich { colours: false });
        assert!(text.contains("\n  |   ^^^\n"), "{text}");
        // The line may be gone by now.
        let text = render(&fault(), &Texts::new(), Form::Rich { colours: false });
        assert!(text.contains("site.mc:2"), "{text}");
    }

    #[test]
    fn one_line_and_json_say_the_same() {
        assert_eq!(
            render(&fault(), &Texts::new(), Form::OneLine),
            "site.mc: line 2: not `dnl' (warning). Write it. [mc-dnl]\n"
        );
        assert_eq!(
            render(&fault(), &Texts::new(), Form::Json),
            "{\"file\":\"site.mc\",\"line\":2,\"column\":3,\"end_column\":6,\
             \"severity\":\"warning\",\"code\":\"mc-dnl\",\"message\":\"not `dnl'\",\
             \"help\":\"Write it.\"}\n"
        );
    }
}
