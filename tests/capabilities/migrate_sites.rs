//! `godwit migrate` on whole sites: in the style of Debian, of Red Hat, of
//! FreeBSD, and made by hand. The old `.cf` files are the reference's where
//! its library is; what the report lists is what differs, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::need;
use crate::site::GODWIT;

/// A copy of a sample site, and where it is staged.
struct Sample {
    dir: tempfile::TempDir,
    name: &'static str,
}

impl Sample {
    fn new(name: &'static str) -> Self {
        let base = match nix::unistd::geteuid().is_root() {
            true => "/var/lib",
            false => env!("CARGO_TARGET_TMPDIR"),
        };
        let dir = tempfile::Builder::new()
            .prefix("godwit-sample.")
            .tempdir_in(base)
            .expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
        let sample = Self { dir, name };
        fs::create_dir(sample.mail()).expect("made");
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/migrate");
        for entry in fs::read_dir(data.join(name)).expect("there").flatten() {
            fs::copy(entry.path(), sample.mail().join(entry.file_name())).expect("copied");
        }
        if name == "debian" {
            fs::create_dir(sample.mail().join("m4")).expect("made");
            for file in ["m4/dialup.m4", "m4/provider.m4"] {
                fs::write(sample.mail().join(file), "").expect("written");
            }
        }
        sample
    }

    fn mail(&self) -> PathBuf {
        self.dir.path().join("mail")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.mail().join(name), text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.mail().join(name)).expect("there")
    }

    /// Makes an old `.cf` with the reference's library, as its m4 would on
    /// the site's own machine; false when that is not here.
    fn old_cf(&self, mc: &str, cf: &str) -> bool {
        let what = "old .cf files of sample sites";
        let Some(tree) = need::reference(what).map(|folder| folder.join("root")) else {
            return false;
        };
        if need::tool("unshare", what).is_none() || !need::root(what) {
            return false;
        }
        let library = "/usr/share/sendmail/cf/m4/cf.m4";
        if !tree.join(library.trim_start_matches('/')).is_file() {
            need::left_out(what, "the reference has no m4 library");
            return false;
        }
        // A file that is missing on the site is missing there too.
        let script = "set -e; mount --make-rprivate /; mount --bind \"$2\" \"$1/etc/mail\"; \
             exec chroot \"$1\" /usr/bin/m4 \"$3\" \"/etc/mail/$4\"";
        let output = Command::new("unshare")
            .args(["-m", "/bin/sh", "-c", script, "sh"])
            .arg(&tree)
            .arg(self.mail())
            .args([library, mc])
            .stdin(Stdio::null())
            .output()
            .expect("unshare starts");
        assert!(output.stdout.len() > 10_000, "{mc}: {output:?}");
        self.write(cf, &output.stdout);
        true
    }

    /// Migrates; the exit code and the report.
    fn migrate(&self, to: &str) -> (Option<i32>, Value) {
        let output = Command::new(GODWIT)
            .args(["migrate", "--json", "--to"])
            .arg(self.dir.path().join(to))
            .arg(self.mail())
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_str(&text);
        (
            output.status.code(),
            report.unwrap_or_else(|error| panic!("{}: {error}: {text}{said}", self.name)),
        )
    }
}

/// The findings of a report, without where.
fn found(report: &Value) -> BTreeSet<String> {
    let differences = report["differences"].as_array().expect("a list");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    differences
        .iter()
        .map(|found| {
            format!(
                "{}: {} {}",
                word(&found["file"]),
                word(&found["what"]),
                word(&found["name"])
            )
        })
        .collect()
}

fn treated(report: &Value) -> Vec<String> {
    let list = report["treated"].as_array().expect("a list");
    list.iter().map(|found| found.to_string()).collect()
}

/// The old `.cf` of the reference differs in nothing.
fn nothing_differs(name: &'static str, files: &[(&str, &str)]) -> Option<(Sample, Value)> {
    let sample = Sample::new(name);
    for (mc, cf) in files {
        if !sample.old_cf(mc, cf) {
            return None;
        }
    }
    let (_, report) = sample.migrate("staged");
    assert_eq!(found(&report), BTreeSet::new(), "{report:#}");
    assert_eq!(treated(&report), Vec::<String>::new(), "{report:#}");
    assert!(report["tried"].as_u64() > Some(6), "{report:#}");
    Some((sample, report))
}

#[test]
fn a_site_in_the_style_of_debian() {
    let files = [("sendmail.mc", "sendmail.cf"), ("submit.mc", "submit.cf")];
    if let Some((_, report)) = nothing_differs("debian", &files) {
        assert_eq!(report["clean"], true, "{report:#}");
    }
}

#[test]
fn a_site_in_the_style_of_red_hat_whose_cf_was_edited() {
    let Some((sample, report)) = nothing_differs("redhat", &[("sendmail.mc", "sendmail.cf")])
    else {
        return;
    };
    assert_eq!(report["clean"], true, "{report:#}");
    // What was edited in the old .cf itself, years ago, and nowhere else.
    let cf = sample.read("sendmail.cf");
    let edited = cf.replace("O MaxHopCount=30", "O MaxHopCount=17").replace(
        "O PrivacyOptions=authwarnings,novrfy,noexpn,restrictqrun",
        "O PrivacyOptions=authwarnings",
    ) + "\nCwforgotten.example\nDXsomething\nH?D?X-Old: $j\n\
           SLocal_check_rcpt\nR<closed@tonk.example>\t$#error $@ 5.7.1 $: \"550 Closed\"\n";
    sample.write("sendmail.cf", edited);
    sample.write(
        "virtusertable",
        sample.read("virtusertable")
            + "closed@tonk.example root\nlost@tonk.example lost@forgotten.example\n",
    );
    let (code, report) = sample.migrate("edited");
    assert_eq!(code, Some(1));
    let expected = [
        "sendmail.cf: class w",
        "sendmail.cf: header x-old",
        "sendmail.cf: macro X",
        "sendmail.cf: option MaxHopCount",
        "sendmail.cf: option PrivacyOptions",
        "sendmail.cf: ruleset local_check_rcpt",
    ];
    assert_eq!(
        found(&report),
        expected.map(str::to_owned).into(),
        "{report:#}"
    );
    let addresses: Vec<&str> = report["treated"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|found| found["address"].as_str())
        .collect();
    assert_eq!(
        addresses,
        [
            "closed@tonk.example",
            "lost@forgotten.example",
            "lost@tonk.example"
        ],
        "{report:#}"
    );
    let text = report["treated"].to_string();
    assert!(text.contains("550 5.7.1 Closed"), "{text}");
    assert!(text.contains("decided by "), "{text}");
}

#[test]
fn a_site_in_the_style_of_freebsd_is_named_after_its_host() {
    let files = [
        ("server.example.org.mc", "sendmail.cf"),
        ("server.example.org.submit.mc", "submit.cf"),
    ];
    let sample = match nothing_differs("freebsd", &files) {
        Some((sample, _)) => sample,
        None => {
            let sample = Sample::new("freebsd");
            sample.migrate("staged");
            sample
        }
    };
    let staged = sample.dir.path().join("staged/etc/mail");
    for cf in ["sendmail.cf", "submit.cf"] {
        assert!(staged.join(cf).is_file(), "{cf}");
    }
}

#[test]
fn a_site_made_by_hand_with_two_instances() {
    let sample = Sample::new("hand");
    let has_old = sample.old_cf("sendmail.mc", "sendmail.cf") && sample.old_cf("in.mc", "in.cf");
    let (code, report) = sample.migrate("staged");
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(
        report["missing"][0],
        "sendmail.mc includes /opt/company/policy.m4"
    );
    assert_eq!(
        report["missing"].as_array().map(Vec::len),
        Some(1),
        "{report:#}"
    );
    let compiled = report["compiled"].to_string();
    for part in ["sendmail.mc: compiled", "in.mc: compiled"] {
        assert!(compiled.contains(part), "{compiled}");
    }
    let faults = report["faults"].to_string();
    assert!(faults.contains("confPRIVACY_FLAG"), "{faults}");
    assert_eq!(found(&report), BTreeSet::new(), "{report:#}");
    assert_eq!(treated(&report), Vec::<String>::new(), "{report:#}");
    if has_old {
        assert!(
            compiled.contains("the old in.cf is in.cf.sendmail"),
            "{compiled}"
        );
    }
    // Its own rules are in force, and its lists are found in the stage.
    let root = sample.dir.path().join("staged");
    let ask = |words: &[&str]| {
        let output = Command::new(GODWIT)
            .arg("--root")
            .arg(&root)
            .args(words)
            .output()
            .expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = ask(&["explain", "route", "--no-dns", "helpdesk@hand.example"]);
    assert!(said.contains("mailer local, user root"), "{said}");
    let said = ask(&["explain", "option", "MaxHopCount"]);
    assert!(said.contains("21"), "{said}");
    for report in ["report.txt", "report.html", "report.json"] {
        assert!(root.join(report).is_file(), "{report}");
    }
}

#[test]
fn a_staged_root_is_a_server_that_starts() {
    let sample = Sample::new("redhat");
    let port = crate::site::free_port();
    let mc = sample
        .read("sendmail.mc")
        .replace("Port=smtp", &format!("Port={port}"))
        .replace("FEATURE(local_procmail", "dnl FEATURE(local_procmail")
        .replace("define(`confUSERDB_SPEC'", "dnl define(`confUSERDB_SPEC'")
        .replace("MAILER(procmail)dnl", "MAILER(local)dnl");
    sample.write("sendmail.mc", mc);
    let (_, report) = sample.migrate("staged");
    let root = sample.dir.path().join("staged");
    let mut child = Command::new(GODWIT)
        .arg("--root")
        .arg(&root)
        .arg("run")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let end = std::time::Instant::now() + crate::site::PATIENCE;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    while std::net::TcpStream::connect(address).is_err() {
        let gone = child.try_wait().ok().flatten();
        if gone.is_some() || std::time::Instant::now() > end {
            let _ = child.kill();
            panic!("{gone:?} {report:#}");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut session = crate::dialogue::Dialogue::open(address);
    session.expect("EHLO client.example.com", "250");
    session.expect("MAIL FROM:<a@b.example>", "250");
    session.expect(
        "RCPT TO:<dl@tonk.example>",
        "553 5.3.0 <dl@tonk.example>... No such user",
    );
    session.expect("RCPT TO:<someone@tonk.example>", "250");
    session.expect("QUIT", "221");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("an id"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it runs");
    assert!(child.wait().expect("it ends").success());
}
