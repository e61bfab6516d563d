//! The tools that make and show databases, against what the reference said.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::expect_file;

/// A directory with the tools in the search path, as the recordings had it.
struct Bench {
    dir: tempfile::TempDir,
}

/// What the recordings call the directory.
const CASE: &str = "/case";

/// Helpers that scenarios are written with.
const HELPERS: &str = r#"
t() { printf '$ %s\n' "$*"; eval "$*" > .o 2>&1 < /dev/null; r=$?; cat .o; printf '[exit %s]\n\n' "$r"; }
note() { printf '### %s\n\n' "$*"; }
quiet() { eval "$*" > /dev/null 2>&1; }
umask 022; LC_ALL=C; export LC_ALL
"#;

impl Bench {
    fn new() -> Self {
        let bench = Self {
            dir: tempfile::tempdir().expect("a directory"),
        };
        std::fs::create_dir(bench.case()).expect("made");
        std::fs::create_dir(bench.bin()).expect("made");
        // Whoever runs the tests is trusted, and the way to here is not
        // what is tested.
        let uid = nix::unistd::getuid();
        let plain = format!("O DontBlameSendmail=MapInUnsafeDirPath\nO TrustedUser={uid}\n");
        std::fs::write(bench.dir.path().join("plain.cf"), plain).expect("written");
        for tool in ["makemap", "editmap"] {
            bench.tool(tool, &format!("{tool} -C {}/plain.cf", bench.path()));
        }
        let cf = format!("{}/case/sendmail.cf", bench.path());
        bench.tool("praliases", &format!("praliases -C {cf}"));
        bench.tool("sendmail", &format!("sendmail -C {cf}"));
        bench.tool("newaliases", &format!("newaliases -C {cf}"));
        bench.configure(uid.as_raw());
        bench
    }

    fn path(&self) -> String {
        self.dir.path().display().to_string()
    }

    fn case(&self) -> PathBuf {
        self.dir.path().join("case")
    }

    fn bin(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    /// Puts a program into the search path.
    fn tool(&self, name: &str, call: &str) {
        let path = self.bin().join(name);
        let godwit = env!("CARGO_BIN_EXE_godwit");
        std::fs::write(&path, format!("#!/bin/sh\nexec {godwit} {call} \"$@\"\n"))
            .expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("set");
    }

    /// Compiles the configuration and copies the data.
    fn configure(&self, uid: u32) {
        let data = data();
        let mc = std::fs::read_to_string(data.join("site.mc")).expect("there");
        let mc = mc.replace(CASE, &self.case().display().to_string());
        let mc = format!("define(`confTRUSTED_USER', `{uid}')dnl\n{mc}");
        std::fs::write(self.case().join("site.mc"), mc).expect("written");
        let status = Command::new(env!("CARGO_BIN_EXE_godwit"))
            .args(["compile", "site.mc", "-o", "sendmail.cf"])
            .current_dir(self.case())
            .status()
            .expect("it starts");
        assert!(status.success());
        std::fs::copy(data.join("aliases"), self.case().join("aliases")).expect("copied");
    }

    /// Plays a scenario, and gives what it printed.
    fn play(&self, scenario: &str) -> String {
        let case = self.case().display().to_string();
        let script = std::fs::read_to_string(data().join(scenario)).expect("there");
        let script = format!("{HELPERS}{}", script.replace(CASE, &case));
        let mut child = Command::new("sh")
            .arg("-s")
            .current_dir(self.case())
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(script.as_bytes()).expect("taken");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&output.stdout).replace(&case, CASE)
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/maps")
}

fn check(name: &str) {
    let bench = Bench::new();
    let golden = data().join(format!("{name}.txt"));
    expect_file![golden].assert_eq(&bench.play(&format!("{name}.sh")));
}

#[test]
fn makemap_editmap_and_praliases_say_what_the_reference_says() {
    check("makemap");
}

#[test]
fn odd_sources_and_files_are_met_as_the_reference_meets_them() {
    check("makemap-more");
}

#[test]
fn newaliases_says_what_the_reference_says() {
    check("newaliases");
}

#[test]
fn newaliases_warns_of_circles_and_loose_ends_when_asked() {
    let bench = Bench::new();
    std::fs::write(
        bench.case().join("aliases"),
        "a: b\nb: a, root\nc: \\nobody-there, x@y.example, |prog\nd: nobody-there\n",
    )
    .expect("written");
    let script = "newaliases -v -OCheckAliases=true; newaliases -v";
    std::fs::write(bench.case().join("script"), script).expect("written");
    let output = Command::new("sh")
        .arg("script")
        .current_dir(bench.case())
        .env("PATH", format!("{}:/usr/bin:/bin", bench.bin().display()))
        .stdin(Stdio::null())
        .output()
        .expect("sh starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        said,
        "WARNING: alias loop: a -> b -> a\n\
         WARNING: alias d: nobody-there is neither a user nor an alias\n"
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains(": 4 aliases, "));
}

#[test]
fn alias_names_and_lines_are_read_as_the_reference_reads_them() {
    check("newaliases-more");
}
