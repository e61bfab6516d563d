//! `godwit check`: every code on its example, none where nothing is wrong, and
//! the page that lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use bstr::BString;
use godwit::admin::make::{DatabaseRequest, build_database};
use godwit::admin::{Checked, HowToCheck, check_file, table};
use godwit::base::{Diagnostic, Origin, Place, Severity};
use godwit::check::Surroundings;
use godwit::check::codes::{self, CodeRow, Example, Made, SiteFile};
use godwit::m4::{Found, Host, HostError, Message};
use godwit::map::Kind;
use godwit::mc::Templates;
use godwit::os::{SystemFiles, SystemUsers};
use godwit::world::Clock;

use crate::need;

const GODWIT: &str = env!("CARGO_BIN_EXE_godwit");

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first day of 2026, for ever.
struct NewYear;

impl Clock for NewYear {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// No files beside the library.
struct Alone;

impl Host for Alone {
    fn read(&mut self, _name: &[u8]) -> Result<Found, HostError> {
        Err(HostError::new("No such file or directory"))
    }

    fn message(&mut self, _message: &Message) {}
}

/// An `/etc/mail` of a test.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("etc/mail")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("etc/mail").join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Makes a file of an example, as old as its `turn` says.
    fn make(&self, file: &SiteFile, turn: u64) {
        let path = self.path(file.name);
        match file.made {
            Made::Text => fs::write(&path, file.text).unwrap(),
            Made::Copy(from) => {
                let from = top().join("tests/data/check").join(from);
                fs::copy(from, &path).unwrap();
            }
            Made::Database(class) => {
                let text = self.write("source-of-a-database", file.text);
                let status = Command::new(GODWIT)
                    .args(["makemap", class])
                    .arg(path.with_extension(""))
                    .stdin(Stdio::from(fs::File::open(&text).unwrap()))
                    .status();
                assert!(status.unwrap().success());
                fs::remove_file(text).unwrap();
            }
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode)).unwrap();
        let time = NewYear.now() - Duration::from_secs(1000 - turn * 10);
        let handle = fs::File::open(&path).unwrap();
        handle.set_modified(time).unwrap();
    }

    /// Checks a file of the site; with all files it names, or the text alone.
    fn check(&self, path: &Path, with_files: bool) -> Checked {
        let surroundings = Surroundings {
            files: Arc::new(SystemFiles),
            users: Arc::new(SystemUsers::default()),
            place: Place::under(self.folder.path()),
            now: NewYear.now(),
        };
        let how = HowToCheck {
            templates: Templates::BuiltIn,
            allow_commands: false,
            surroundings: with_files.then_some(&surroundings),
            clock: &NewYear,
        };
        check_file(path, &how, &mut Alone).unwrap()
    }

    /// What was found, a line each, with the folder's name left out.
    fn lines(&self, checked: &Checked, least: Severity) -> String {
        let mut text = String::new();
        for fault in &checked.faults {
            if fault.severity < least {
                continue;
            }
            let columns = match &fault.columns {
                Some(columns) => format!(":{}-{}", columns.start + 1, columns.end),
                None => String::new(),
            };
            let _ = writeln!(
                text,
                "{}{columns}: {}[{}]: {}. {}",
                fault.origin,
                fault.severity,
                fault.code,
                fault.message.trim_end_matches('.'),
                fault.help
            );
        }
        text.replace(&format!("{}/", self.folder.path().display()), "/")
    }
}

/// The whole text of an example.
fn whole(example: Example, text: &str) -> (&'static str, String) {
    match example {
        Example::Mc(_) | Example::Site(..) => (
            "example.mc",
            format!("OSTYPE(`linux')dnl\n{text}MAILER(`local')dnl\nMAILER(`smtp')dnl\n"),
        ),
        Example::WholeMc(_) => ("example.mc", text.to_owned()),
        Example::Cf(_) | Example::WithLibrary(_) => ("example.cf", format!("V10/Berkeley\n{text}")),
        Example::LongLine => ("example.cf", format!("Dx{}\n", "x".repeat(2 << 20))),
        Example::Text(_) | Example::Entry(..) => ("table", text.to_owned()),
    }
}

/// What is found in the example of a row.
fn run_example(row: &CodeRow) -> (Site, Checked) {
    let site = Site::new();
    let (text, files): (&str, &[SiteFile]) = match row.example {
        Example::Mc(text) | Example::WholeMc(text) | Example::Cf(text) => (text, &[]),
        Example::Site(text, files) => (text, files),
        Example::Text(text) | Example::WithLibrary(text) => (text, &[]),
        Example::LongLine | Example::Entry(..) => ("", &[]),
    };
    for (turn, file) in (0..).zip(files) {
        site.make(file, turn);
    }
    let (name, text) = whole(row.example, text);
    // The library's frame is not part of the example.
    let path = site.write(name, &text);
    let faults = match row.example {
        Example::Entry(table, key, value) => entry(table, key, value),
        Example::Text(_) => table_text(&path, &text),
        _ => {
            let with_files = matches!(row.example, Example::Site(..));
            let checked = site.check(&path, with_files);
            return (site, checked);
        }
    };
    let texts = BTreeMap::new();
    (site, Checked { faults, texts })
}

/// What the commands for tables say of an entry.
fn entry(table: &str, key: &str, value: &str) -> Vec<Diagnostic> {
    let kind = match table {
        "access" => table::Kind::Access,
        "alias" => table::Kind::Alias,
        "virtuser" => table::Kind::Virtuser,
        "generics" => table::Kind::Generics,
        "mailer" => table::Kind::Mailer,
        "domain" => table::Kind::Domain,
        "local-host" => table::Kind::LocalHost,
        other => panic!("no table {other}"),
    };
    let origin = Origin::internal("command line");
    table::check(kind, key.as_bytes(), value.as_bytes(), &origin, &Village)
}

/// A small site: the users root and alice, the alias staff for alice, the
/// domain example.org, the mailers local and esmtp.
struct Village;

impl table::Known for Village {
    fn user(&self, name: &[u8]) -> bool {
        matches!(name, b"root" | b"alice")
    }

    fn alias(&self, name: &[u8]) -> Option<BString> {
        (name == b"staff").then(|| "alice".into())
    }

    fn is_local_domain(&self, domain: &[u8]) -> bool {
        domain == b"example.org"
    }

    fn mailers(&self) -> Vec<String> {
        vec!["local".to_owned(), "esmtp".to_owned()]
    }
}

/// What making a database of a text says.
fn table_text(path: &Path, text: &str) -> Vec<Diagnostic> {
    let request = DatabaseRequest {
        name: &path.display().to_string(),
        text: text.as_bytes(),
        kind: Kind::Hash,
        result: &path.with_extension("db"),
        keep_case: false,
        nul: false,
        trusted: &[],
        owner: None,
    };
    build_database(&request).unwrap().faults
}

/// Every row with its example, run once.
fn examples() -> impl Iterator<Item = (&'static CodeRow, &'static Site, &'static Checked)> {
    static RUN: LazyLock<Vec<(&CodeRow, Site, Checked)>> = LazyLock::new(|| {
        let rows = codes::all();
        rows.map(|row| {
            let (site, checked) = run_example(row);
            (row, site, checked)
        })
        .collect()
    });
    RUN.iter().map(|(row, site, checked)| (*row, site, checked))
}

#[test]
fn every_code_is_found_in_its_example_and_not_in_the_cured_one() {
    let mut faults = String::new();
    for (row, site, checked) in examples() {
        if matches!(row.example, Example::WithLibrary(_)) {
            continue;
        }
        let found = checked.faults.iter().find(|fault| fault.code == row.code);
        match found {
            None => {
                let _ = writeln!(
                    faults,
                    "{}: not found, but:\n{}",
                    row.code,
                    site.lines(checked, Severity::Note)
                );
            }
            Some(fault) if fault.severity != row.severity => {
                let _ = writeln!(faults, "{}: is of severity {}", row.code, fault.severity);
            }
            Some(_) => {}
        }
        // One diagnostic a fault.
        let others: Vec<_> = checked
            .faults
            .iter()
            .filter(|fault| fault.code != row.code && fault.severity > Severity::Note)
            // Not every machine has procmail.
            .filter(|fault| fault.code != "site-mailer-program")
            .collect();
        if !others.is_empty() {
            let _ = writeln!(faults, "{}: also {others:?}", row.code);
        }
        if row.cured.is_empty() {
            continue;
        }
        let (name, text) = whole(row.example, row.cured);
        let path = site.write(name, text);
        let checked = site.check(&path, matches!(row.example, Example::Site(..)));
        let lines = site.lines(&checked, Severity::Warning);
        let lines = lines
            .lines()
            .filter(|line| !line.contains("[site-mailer-program]"));
        let lines: Vec<&str> = lines.collect();
        if !lines.is_empty() {
            let _ = writeln!(faults, "{}: cured, and still: {lines:#?}", row.code);
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn the_page_of_codes_is_what_the_table_says() {
    let page = page();
    let path = top().join("docs/diagnostics.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/diagnostics.md: run this test with UPDATE_EXPECT=1"
    );
}

/// The page, generated.
fn page() -> String {
    let mut page = String::from(HEAD);
    let parts = [
        ("m", "## The `.mc`\n"),
        ("cf-", "## The configuration\n"),
        ("site-", "## The site\n"),
        ("map-line", "## Tables\n"),
    ];
    let mut headings = parts.into_iter().peekable();
    for (row, site, checked) in examples() {
        // The first code of each kind opens its part.
        if let Some((_, heading)) = headings.next_if(|(start, _)| row.code.starts_with(start)) {
            let _ = writeln!(page, "\n{heading}");
        }
        let _ = writeln!(page, "### {}\n", row.code);
        let _ = writeln!(
            page,
            "*{}.* {} {}\n",
            capital(row.severity),
            row.what,
            row.cure
        );
        let (text, files): (&str, &[SiteFile]) = match row.example {
            Example::Mc(text) | Example::WholeMc(text) | Example::Cf(text) => (text, &[]),
            Example::Site(text, files) => (text, files),
            Example::Text(text) | Example::WithLibrary(text) => (text, &[]),
            Example::Entry(..) => ("", &[]),
            Example::LongLine => ("Dx, and then two million times x\n", &[]),
        };
        if let Example::Entry(table, key, value) = row.example {
            fenced(&mut page, &format!("godwit {table} set '{key}' '{value}'"));
        } else {
            fenced(&mut page, text);
        }
        for file in files {
            let kind = match file.made {
                Made::Text => String::new(),
                Made::Database(class) => format!(" (a {class} database of this)"),
                Made::Copy(_) => String::from(" (in words)"),
            };
            let _ = writeln!(page, "`/etc/mail/{}`{kind}:\n", file.name);
            fenced(&mut page, file.text);
        }
        if matches!(row.example, Example::WithLibrary(_)) {
            // Not every build says the same.
            continue;
        }
        let _ = writeln!(page, "Godwit says:\n");
        let faults = checked.faults.iter().filter(|fault| fault.code == row.code);
        let only = Checked {
            faults: faults.cloned().collect(),
            texts: BTreeMap::new(),
        };
        fenced(&mut page, &site.lines(&only, Severity::Note));
        if !row.cured.is_empty() {
            let _ = writeln!(page, "Better:\n");
            fenced(&mut page, row.cured);
        }
    }
    page
}

const HEAD: &str = "# Diagnostics

What `godwit check` finds, and `godwit compile` and `godwit make` too. Codes do
not change. `godwit check CODE` prints an entry of this page; the page is
generated from the same table.

* An *error* is something that cannot be used as it is written.
* A *warning* is something that works, and is surely not what was meant.
* A *note* is worth knowing; `--all` shows them.

Examples of a `.mc` stand between `OSTYPE(`linux')dnl` and the lines
`MAILER(`local')dnl` and `MAILER(`smtp')dnl`, unless they have an OSTYPE of
their own; those of a `.cf` follow its `V10` line.
";

fn capital(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Note => "Note",
    }
}

fn fenced(page: &mut String, text: &str) {
    let text = text.replace('\0', "\u{2400}").replace('\r', "\u{240d}");
    let _ = writeln!(page, "```text\n{}\n```\n", text.trim_end_matches('\n'));
}

#[test]
fn every_code_in_the_sources_is_in_the_table() {
    let known: BTreeSet<&str> = codes::all().map(|row| row.code).collect();
    assert_eq!(known.len(), codes::all().count(), "a code stands twice");
    let mut missing = BTreeSet::new();
    let mut folders = vec![top().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                // What `godwit audit` tells is not about a text, and has names
                // of its own.
                if !path.ends_with("admin/audit") {
                    folders.push(path);
                }
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            for word in text.split('"').skip(1).step_by(1) {
                let prefix = ["mc-", "m4-", "cf-", "map-", "site-", "access-", "alias-"];
                let is_code = prefix.iter().any(|prefix| word.starts_with(prefix))
                    && word.bytes().all(|byte| {
                        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
                    })
                    && !word.ends_with('-');
                if is_code && !known.contains(word) {
                    missing.insert(format!("{word} in {}", path.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    for row in codes::all() {
        for (what, sentence) in [("what", row.what), ("cure", row.cure)] {
            assert!(
                sentence.ends_with('.'),
                "{}: {what} is no sentence",
                row.code
            );
        }
    }
}

#[test]
fn the_configurations_that_come_with_godwit_raise_no_alarm() {
    let mut faults = String::new();
    for folder in ["mc", "etc-mail"] {
        for entry in fs::read_dir(top().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "mc") {
                let site = Site::new();
                let checked = site.check(&path, false);
                faults.push_str(&site.lines(&checked, Severity::Warning));
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

/// Compares with a file beside the tests; `UPDATE_EXPECT=1` writes it anew.
fn golden(name: &str, found: &str) {
    let path = top().join("tests/data/check").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, found).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == found, "{name}: now\n{found}");
}

#[test]
fn the_mistakes_of_hurried_people_are_found_each_at_its_line() {
    let site = Site::new();
    let text = fs::read(top().join("tests/data/check/mistakes.mc")).unwrap();
    let path = site.write("mistakes.mc", text);
    let checked = site.check(&path, false);
    golden("mistakes.txt", &site.lines(&checked, Severity::Warning));
}

#[test]
fn the_verdicts_on_recorded_configurations_are_what_they_were() {
    let Some(tar) = need::tool("tar", "verdicts on recorded configurations") else {
        return;
    };
    let site = Site::new();
    let archive = top().join("tests/data/conformance/facts.tar.gz");
    let status = Command::new(tar)
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(site.path(""))
        .status();
    assert!(status.unwrap().success());
    let mut cases: Vec<_> = fs::read_dir(site.path("")).unwrap().collect();
    cases.sort_by_key(|case| case.as_ref().unwrap().path());
    let mut found = String::new();
    for case in cases {
        let source = case.unwrap().path().join("sendmail.mc");
        let mut checked = site.check(&source, false);
        // What only some builds can say.
        checked.faults.retain(|fault| {
            let row = codes::all().find(|row| row.code == fault.code);
            !row.is_some_and(|row| matches!(row.example, Example::WithLibrary(_)))
        });
        found.push_str(&site.lines(&checked, Severity::Warning));
    }
    golden("recorded.txt", &found.replace("/etc/mail/", ""));
}

#[test]
fn sites_as_distributions_leave_them_raise_no_alarm() {
    // What the packages put into /etc/mail, in our words.
    let tables: &[(&str, &str)] = &[
        (
            "access",
            "# who may\nConnect:localhost.localdomain\tRELAY\nConnect:localhost\tRELAY\nConnect:127.0.0.1\tRELAY\n",
        ),
        ("mailertable", "# domains and their ways\n"),
        ("virtusertable", "# addresses\n"),
        ("domaintable", "# domains\n"),
    ];
    for name in ["debian", "redhat", "freebsd"] {
        let site = Site::new();
        for (turn, (table, text)) in (0..).zip(tables) {
            let file = |name, made| SiteFile {
                name,
                text,
                mode: 0o644,
                made,
            };
            site.make(&file(table, Made::Text), turn);
            let database: &'static str = format!("{table}.db").leak();
            site.make(&file(database, Made::Database("hash")), turn + 10);
        }
        site.write("local-host-names", "# other names of this host\n");
        site.write("trusted-users", "# users that may name others\nroot\n");
        site.write("relay-domains", "example.org\n");
        site.write("aliases", "postmaster: root\n");
        let source = top().join("mc").join(format!("{name}.mc"));
        let path = site.write("sendmail.mc", fs::read(source).unwrap());
        let mut checked = site.check(&path, true);
        // This machine may lack their programs, and their users.
        checked
            .faults
            .retain(|fault| !matches!(fault.code, "site-mailer-program" | "cf-mailer-user"));
        assert_eq!(site.lines(&checked, Severity::Warning), "", "{name}");
    }
}

#[test]
fn what_the_reference_ships_raises_no_alarm() {
    let Some(reference) = need::reference("checks of what the reference ships") else {
        return;
    };
    let root = reference.join("root");
    let site = Site::new();
    for file in [
        "usr/share/sendmail/cf/debian/sendmail.mc",
        "usr/share/sendmail/cf/debian/submit.mc",
        "etc/mail/submit.cf",
    ] {
        let path = root.join(file);
        if !path.exists() {
            continue;
        }
        let mut checked = site.check(&path, false);
        // Files that only a running Debian has.
        checked
            .faults
            .retain(|fault| !fault.message.starts_with("cannot open `/etc/mail/m4/"));
        assert_eq!(site.lines(&checked, Severity::Warning), "", "{file}");
    }
}

/// Runs `godwit check` in a folder of its own.
fn run(site: &Site, arguments: &[&str]) -> std::process::Output {
    Command::new(GODWIT)
        .arg("--root")
        .arg(site.folder.path())
        .arg("check")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_exit_status_tells_how_bad_it_is() {
    let site = Site::new();
    let frame =
        |line: &str| format!("OSTYPE(`linux')dnl\n{line}MAILER(`local')dnl\nMAILER(`smtp')dnl\n");
    let good = site.write("good.mc", frame("")).display().to_string();
    let warns = site
        .write("warns.mc", frame("FEATURE(`redirect')ndl\n"))
        .display()
        .to_string();
    let fails = site
        .write("fails.mc", frame("FEATURE(`redirekt')dnl\n"))
        .display()
        .to_string();
    for (arguments, status) in [
        (vec!["--text", &good], 0),
        (vec!["--text", "--strict", &good], 0),
        (vec!["--text", &warns], 0),
        (vec!["--text", "--strict", &warns], 65),
        (vec!["--text", &fails], 65),
        (vec!["--text", &good, &fails, &warns], 65),
        (vec!["/no/such/file.mc"], 66),
        (vec!["--no-such-flag"], 64),
        (vec!["mc-dnl"], 0),
        (vec!["--explain", "mc-dln"], 64),
    ] {
        let output = run(&site, &arguments);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        // Reports stand on standard error, or as JSON on standard output.
        assert!(output.stdout.is_empty() || arguments == ["mc-dnl"]);
    }
    let said = text(&run(&site, &["--text", &fails]).stderr);
    assert_eq!(
        said,
        format!(
            "{fails}: line 2: there is no FEATURE(`redirekt'). Did you mean `redirect'? [mc-unknown-feature]\n"
        )
    );
    assert!(text(&run(&site, &["--explain", "mc-dln"]).stderr).contains("did you mean mc-dnl?"));
}

#[test]
fn json_has_one_object_a_line() {
    let site = Site::new();
    let path = site.write(
        "a.mc",
        "OSTYPE(`linux')dnl\nFEATURE(`redirect')ndl\nMAILER(`smtp')dnl\n",
    );
    let output = run(&site, &["--json", "--text", &path.display().to_string()]);
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let fault = lines
        .iter()
        .find(|fault| fault["code"] == "mc-dnl")
        .unwrap();
    assert_eq!(fault["line"], 2);
    assert_eq!(fault["column"], 20);
    assert_eq!(fault["end_column"], 23);
    assert_eq!(fault["severity"], "warning");
    assert_eq!(fault["file"], path.display().to_string());
    assert!(fault["help"].as_str().unwrap().starts_with("Write `dnl'"));
}

#[test]
fn a_site_is_checked_without_being_named() {
    let site = Site::new();
    assert_eq!(run(&site, &[]).status.code(), Some(66));
    site.write(
        "sendmail.mc",
        "OSTYPE(`linux')dnl\nFEATURE(`use_cw_file')dnl\nMAILER(`smtp')dnl\n",
    );
    let output = run(&site, &[]);
    assert_eq!(output.status.code(), Some(65));
    let said = text(&output.stderr);
    assert!(said.contains("local-host-names is not there"), "{said}");
    // The same text elsewhere says nothing of this host.
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("sendmail.mc");
    fs::copy(site.path("sendmail.mc"), &copy).unwrap();
    let output = run(&site, &[&copy.display().to_string()]);
    assert_eq!(
        (output.status.code(), text(&output.stderr)),
        (Some(0), String::new())
    );
    // Unless it is asked for.
    let output = run(&site, &["--site", &copy.display().to_string()]);
    assert_eq!(output.status.code(), Some(65));
}
