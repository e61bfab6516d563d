//! What a migration found, as text, HTML and JSON.

use serde_json::{Value, json};

use super::Difference;
use crate::base::Diagnostic;

/// An address that the two configurations treat differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treated {
    /// The address.
    pub address: String,
    /// Where it was found.
    pub found_in: String,
    /// What the old configuration does with it.
    pub old: String,
    /// What the new one does.
    pub new: String,
    /// The rules that decide: the old one's, then the new one's.
    pub reason: String,
}

/// Everything that a migration found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Where the site came from, and where it is staged.
    pub from: String,
    /// Where it is staged.
    pub to: String,
    /// Files that were copied.
    pub files: usize,
    /// What each configuration was made of: `sendmail.cf` and `sendmail.mc`.
    pub compiled: Vec<String>,
    /// Faults of the sources, at their lines.
    pub faults: Vec<Diagnostic>,
    /// Included files that are not there.
    pub missing: Vec<String>,
    /// What differs between old and new configuration, by the `.cf`'s name.
    pub differences: Vec<(String, Difference)>,
    /// How many addresses were tried.
    pub tried: usize,
    /// Addresses that are treated differently.
    pub treated: Vec<Treated>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether anything needs a look.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
            && self.treated.is_empty()
            && self.missing.is_empty()
            && !self.faults.iter().any(Diagnostic::is_error)
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{}: {} files staged in {}\n",
            self.from, self.files, self.to
        );
        for line in self.compiled.iter().chain(&self.notes) {
            out.push_str(&format!("{line}\n"));
        }
        for (title, lines) in self.sections() {
            out.push_str(&format!("\n{title}\n"));
            for line in lines {
                out.push_str(&format!("  {}\n", line.replace('\n', "\n    ")));
            }
        }
        if self.is_clean() {
            out.push_str("\nNothing differs.\n");
        }
        out
    }

    /// The findings, under their titles; without those that have none.
    fn sections(&self) -> Vec<(String, Vec<String>)> {
        let difference = |(file, found): &(String, Difference)| {
            let shown = |text: &str| match text {
                "" => "(not there)".to_owned(),
                text => text.to_owned(),
            };
            format!(
                "{file}: {} {}\nold: {}\nnew: {}",
                found.what,
                found.name,
                shown(&found.old),
                shown(&found.new)
            )
        };
        let treated = |found: &Treated| {
            format!(
                "{} ({})\nold: {}\nnew: {}\n{}",
                found.address, found.found_in, found.old, found.new, found.reason
            )
        };
        let sections = vec![
            (
                "Included files that are not there".to_owned(),
                self.missing.clone(),
            ),
            (
                "What the sources have to be looked at for".to_owned(),
                self.faults.iter().map(ToString::to_string).collect(),
            ),
            (
                "What the new configuration has differently".to_owned(),
                self.differences.iter().map(difference).collect(),
            ),
            (
                format!(
                    "Addresses that are treated differently, of {} tried",
                    self.tried
                ),
                self.treated.iter().map(treated).collect(),
            ),
        ];
        sections
            .into_iter()
            .filter(|(_, lines)| !lines.is_empty())
            .collect()
    }

    /// For browsers.
    pub fn html(&self) -> String {
        let mut out = String::from(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <title>Migration</title></head><body>\n",
        );
        out.push_str(&format!(
            "<h1>{}</h1>\n<p>{} files staged in {}</p>\n",
            escaped(&self.from),
            self.files,
            escaped(&self.to)
        ));
        for line in self.compiled.iter().chain(&self.notes) {
            out.push_str(&format!("<p>{}</p>\n", escaped(line)));
        }
        for (title, lines) in self.sections() {
            out.push_str(&format!("<h2>{}</h2>\n<ul>\n", escaped(&title)));
            for line in lines {
                let line = escaped(&line).replace('\n', "<br>");
                out.push_str(&format!("<li>{line}</li>\n"));
            }
            out.push_str("</ul>\n");
        }
        if self.is_clean() {
            out.push_str("<p>Nothing differs.</p>\n");
        }
        out.push_str("</body></html>\n");
        out
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let differences: Vec<Value> = self
            .differences
            .iter()
            .map(|(file, found)| {
                json!({
                    "file": file, "what": found.what, "name": found.name,
                    "old": found.old, "new": found.new,
                })
            })
            .collect();
        let treated: Vec<Value> = self
            .treated
            .iter()
            .map(|found| {
                json!({
                    "address": found.address, "found_in": found.found_in,
                    "old": found.old, "new": found.new, "reason": found.reason,
                })
            })
            .collect();
        let faults: Vec<String> = self.faults.iter().map(ToString::to_string).collect();
        json!({
            "from": self.from, "to": self.to, "files": self.files,
            "compiled": self.compiled, "notes": self.notes, "missing": self.missing,
            "faults": faults, "differences": differences, "tried": self.tried,
            "treated": treated, "clean": self.is_clean(),
        })
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
