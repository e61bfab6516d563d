//! How fast addresses are rewritten.
//!
//! `cargo bench --bench rewrite` compiles a site with access database,
//! mailertable, smart host and masquerading, and measures
//!
//! * in the process: canonify and parse of an ordinary address, without a
//!   trace, in nanoseconds and in memory allocations;
//! * the same with a [`Recorder`] that keeps everything: what explaining costs
//!   when it is on, and that it costs nothing when it is off;
//! * the address test (`sendmail -bt` with `3,0`), traces and all, and `-bv` of
//!   2,000 addresses in one process, in addresses a second of CPU time; beside
//!   them, when it is installed and this runs as root, the reference on the same
//!   `.cf` and the same addresses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
// The allocator that counts needs it; it only passes on.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use godwit::base::Origin;
use godwit::cf::{self, Origins};
use godwit::rewrite::{Answer, ClassTable, Machine, MacroTable, Program, Recorder, load_classes};

const SITE: &str = "\
OSTYPE(`linux')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
FEATURE(`nocanonify')dnl
FEATURE(`access_db')dnl
FEATURE(`mailertable')dnl
define(`SMART_HOST', `relay:[127.0.0.2]')dnl
MASQUERADE_AS(`example.org')dnl
FEATURE(`masquerade_envelope')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
";

/// Addresses of the address test's run.
const LINES: usize = 100_000;

/// Addresses of one `-bv`.
const VERIFIED: usize = 2_000;

/// How often each program runs.
const ROUNDS: usize = 3;

/// Counts what is allocated.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let own = configuration(folder.path(), None);
    in_process("own templates", &own);
    // `-- process`: this alone, for a profiler.
    if std::env::args().any(|argument| argument == "process") {
        return;
    }
    let reference = PathBuf::from("/opt/oracle/sendmail/root");
    let tree = reference.join("usr/share/sendmail/cf");
    if !tree.is_dir() {
        address_test("own templates", &own, folder.path(), None);
        println!("the reference is not installed: nothing to compare with");
        return;
    }
    let theirs = configuration(folder.path(), Some(&tree));
    in_process("the reference's templates", &theirs);
    let root = nix::unistd::geteuid().is_root().then_some(reference);
    address_test("own templates", &own, folder.path(), None);
    address_test(
        "the reference's templates",
        &theirs,
        folder.path(),
        root.as_deref(),
    );
    verify(
        "the reference's templates",
        &theirs,
        folder.path(),
        root.as_deref(),
    );
}

/// The `.cf` of the site, with our templates or those under a directory.
fn configuration(folder: &Path, templates: Option<&Path>) -> Vec<u8> {
    let source = folder.join("bench.mc");
    std::fs::write(&source, SITE).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_godwit"));
    match templates {
        None => command.arg("compile"),
        Some(directory) => command
            .arg("m4")
            .arg(format!("-D_CF_DIR_={}/", directory.display()))
            .arg(directory.join("m4/cf.m4")),
    };
    let output = command
        .arg(&source)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the site compiles");
    // Databases that know nothing: what they cost is measured elsewhere.
    let lines = output.stdout.split_inclusive(|&byte| byte == b'\n');
    let lines = lines.map(|line| match line {
        line if line.starts_with(b"Kaccess ") => &b"Kaccess null\n"[..],
        line if line.starts_with(b"Kmailertable ") => &b"Kmailertable null\n"[..],
        line => line,
    });
    lines.collect::<Vec<_>>().concat()
}

/// An address of many.
fn address(number: usize) -> String {
    let user = number.wrapping_mul(7_919) % 1_000_000;
    let (host, domain) = (
        number.wrapping_mul(31) % 1000,
        number.wrapping_mul(17) % 500,
    );
    format!("user{user}@host{host}.domain{domain}.example")
}

fn in_process(what: &str, text: &[u8]) {
    let (config, _) = cf::read(text, Origins::File(&Origin::file_only("bench.cf")));
    let mut initial = MacroTable::new();
    initial.set(b"w", "mail");
    initial.set(b"j", "mail.example.org");
    initial.set(b"m", "example.org");
    let initial = Arc::new(initial);
    let mut classes = ClassTable::new();
    classes.extend(
        b"w",
        [
            &b"mail.example.org"[..],
            b"mail",
            b"localhost",
            b"[127.0.0.1]",
        ],
    );
    let classes = load_classes(&config, &initial, classes, |_| Vec::new());
    let (program, _) = Program::compile(&config, &initial, &classes);
    let mut macros = MacroTable::of_config(&config, Some(Arc::clone(&initial)));
    let addresses: Vec<String> = (0..1000).map(address).collect();
    let rulesets = [
        program.ruleset(b"3").unwrap(),
        program.ruleset(b"0").unwrap(),
    ];
    let mut machine = Machine::new(&program);
    let mut one = |address: &str| {
        let _ = machine.load(address.as_bytes(), machine.style());
        for ruleset in rulesets {
            machine.run(ruleset, &mut macros, |_, _| Answer::NotFound);
        }
        assert!(machine.workspace().is_resolved());
    };
    addresses.iter().for_each(|address| one(address));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    addresses.iter().for_each(|address| one(address));
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let mut best = f64::MAX;
    for _ in 0..20 {
        let begin = Instant::now();
        addresses.iter().for_each(|address| one(address));
        best = best.min(begin.elapsed().as_nanos() as f64 / addresses.len() as f64);
    }
    println!(
        "canonify and parse, {what}: {best:.0} ns, {:.1} allocations an address",
        allocations as f64 / addresses.len() as f64
    );
    let mut recorded = f64::MAX;
    for _ in 0..5 {
        let begin = Instant::now();
        for address in &addresses {
            let mut machine = Machine::with_trace(&program, Recorder::default());
            let _ = machine.load(address.as_bytes(), machine.style());
            for ruleset in rulesets {
                machine.run(ruleset, &mut macros, |_, _| Answer::NotFound);
            }
        }
        recorded = recorded.min(begin.elapsed().as_nanos() as f64 / addresses.len() as f64);
    }
    println!("the same, recorded: {recorded:.0} ns");
}

/// `-bv` of many addresses in one process, as the baseline has it.
fn verify(what: &str, text: &[u8], folder: &Path, reference: Option<&Path>) {
    let cf = folder.join("bench.cf");
    std::fs::write(&cf, text).unwrap();
    let addresses: Vec<String> = (0..VERIFIED).map(address).collect();
    let nothing = folder.join("nothing");
    std::fs::write(&nothing, "").unwrap();
    let mut own = Command::new(env!("CARGO_BIN_EXE_godwit"));
    own.arg("sendmail").arg("-C").arg(&cf).arg("-bv");
    own.args(&addresses);
    let theirs = reference.map(|root| {
        std::fs::copy(&cf, root.join("tmp/godwit-bench.cf")).unwrap();
        let mut command = Command::new("chroot");
        let arguments = ["/usr/sbin/sendmail", "-C", "/tmp/godwit-bench.cf", "-bv"];
        command.arg(root).args(arguments).args(&addresses);
        command
    });
    compare(
        &format!("-bv, {what}"),
        (&mut own, &nothing, VERIFIED),
        theirs.map(|command| (command, nothing.as_path(), VERIFIED)),
    );
    if let Some(root) = reference {
        let _ = std::fs::remove_file(root.join("tmp/godwit-bench.cf"));
    }
}

fn address_test(what: &str, text: &[u8], folder: &Path, reference: Option<&Path>) {
    let cf = folder.join("bench.cf");
    std::fs::write(&cf, text).unwrap();
    let many = lines(folder, "3,0 ", LINES);
    // The reference gets fewer: it would take half a minute.
    let few = lines(folder, "3,0 ", LINES / 10);
    let mut own = Command::new(env!("CARGO_BIN_EXE_godwit"));
    own.arg("sendmail").arg("-C").arg(&cf).arg("-bt");
    let theirs = reference.map(|root| {
        std::fs::copy(&cf, root.join("tmp/godwit-bench.cf")).unwrap();
        let mut command = Command::new("chroot");
        let arguments = ["/usr/sbin/sendmail", "-C", "/tmp/godwit-bench.cf", "-bt"];
        command.arg(root).args(arguments);
        command
    });
    compare(
        &format!("-bt 3,0, {what}"),
        (&mut own, &many, LINES),
        theirs.map(|command| (command, few.as_path(), LINES / 10)),
    );
    if let Some(root) = reference {
        let _ = std::fs::remove_file(root.join("tmp/godwit-bench.cf"));
    }
}

/// Writes addresses, one a line, each after `before`.
fn lines(folder: &Path, before: &str, count: usize) -> PathBuf {
    let mut text = String::new();
    for number in 0..count {
        let _ = writeln!(text, "{before}{}", address(number));
    }
    let path = folder.join(format!("lines-{count}"));
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs both in turn, and takes the best of each: a busy machine slows them by
/// turns.
fn compare(
    what: &str,
    own: (&mut Command, &Path, usize),
    mut theirs: Option<(Command, &Path, usize)>,
) {
    let (mut best, mut their_best) = (0_f64, 0_f64);
    for _ in 0..ROUNDS {
        best = best.max(rate(own.0, own.1, own.2));
        if let Some((command, input, count)) = &mut theirs {
            their_best = their_best.max(rate(command, input, *count));
        }
    }
    println!("{what}: {best:.0} addresses a CPU second");
    if theirs.is_some() {
        println!(
            "{what}, the reference: {their_best:.0} addresses a CPU second; {:.1} times",
            best / their_best
        );
    }
}

/// Addresses a second of the CPU time of a command.
fn rate(command: &mut Command, input: &Path, count: usize) -> f64 {
    let before = children_seconds();
    let mut child = command
        .stdin(std::fs::File::open(input).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Through a pipe, as scripts read it; reading is not counted.
    let mut output = child.stdout.take().unwrap();
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    let status = child.wait().unwrap();
    let spent = children_seconds() - before;
    if !status.success() {
        println!("it ended with {status}");
    }
    count as f64 / spent
}

fn children_seconds() -> f64 {
    let usage =
        nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}
