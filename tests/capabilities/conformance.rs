//! The address test against recorded answers of the reference: 120 sites,
//! their maps, 14,600 commands.
//!
//! Each site is compiled twice: with the reference's own templates, where they
//! are installed, for the engine alone (every line must be the same); and with
//! ours, where rules may differ but must come to the same result; these also on
//! sites of our own making, which have the arguments, combinations and settings
//! of a session that the others lack. Names come
//! from a small name server, users from a fixed list, so the answers depend on
//! nothing of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use bstr::{BString, ByteSlice};
use godwit::base::Origin;
use godwit::cf::{self, Origins};
use godwit::cli::address_test::{AddressTest, World};
use godwit::daemon::Loaded;
use godwit::map::MapWorld;
use godwit::os::{
    Chance, ResolverSettings, SystemClock, SystemDial, SystemFiles, SystemPrograms, SystemResolver,
};
use godwit::world::{HostIdentity, Nothing, Resolver, User, Users, UsersError};

use super::need;

pub(crate) mod archive;
mod compare;
mod names;
mod reference;

/// Where the reference's templates are, under its root.
const TEMPLATES: &str = "usr/share/sendmail/cf";

#[test]
fn the_engine_answers_as_the_reference_on_its_own_rules() {
    let Some(root) = need::reference("the engine on the reference's own rules") else {
        return;
    };
    let scores = run("reference", Some(&root.join("root").join(TEMPLATES)));
    check_gaps("gaps.txt", &scores.exact_misses, scores.lines);
    assert!(scores.lines > 14_000, "all cases were run");
}

#[test]
fn our_templates_come_to_the_same_results() {
    let scores = run("own", None);
    check_gaps("own-gaps.txt", &scores.result_misses, scores.lines);
    assert!(scores.lines > 50_000, "all cases were run");
}

/// Every miss must be a known gap, and every gap a miss.
fn check_gaps(file: &str, misses: &[Miss], lines: usize) {
    let gaps = gaps(file);
    let mut wrong = Vec::new();
    for miss in misses {
        if !gaps.contains_key(&miss.place) {
            wrong.push(format!("{}\n{}", miss.place, miss.text));
        }
    }
    for (place, why) in &gaps {
        if !misses.iter().any(|miss| miss.place == *place) {
            wrong.push(format!("{place} is listed as a gap ({why}) and passes"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {lines} lines differ:\n{}",
        wrong.len(),
        wrong
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Known differences: `CASE:LINE why`.
fn gaps(file: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let file = folder.join(file);
    fs::read_to_string(file)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (place, why) = line.split_once(' ').unwrap();
            (place.to_owned(), why.to_owned())
        })
        .collect()
}

#[derive(Default)]
struct Scores {
    lines: usize,
    exact_misses: Vec<Miss>,
    result_misses: Vec<Miss>,
}

#[derive(Clone)]
struct Miss {
    place: String,
    text: String,
}

/// Runs all cases, a few at a time.
fn run(what: &str, templates: Option<&Path>) -> Scores {
    // Below the build's own directory: maps in directories that anyone may
    // write to are refused.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("conformance-{what}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    archive::unpack("conformance.tar.xz", &folder);
    if templates.is_none() {
        archive::unpack("conformance-more.tar.xz", &folder);
    }
    let server = names::serve(&folder.join("zone"));
    let mut cases: Vec<PathBuf> = fs::read_dir(folder.join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    let waiting = Mutex::new(cases.into_iter());
    let scores = Mutex::new(Scores::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(case) = waiting.lock().unwrap().next() else {
                        return;
                    };
                    let one = Case {
                        folder: &folder,
                        case: &case,
                        server,
                    };
                    one.run(templates, &scores);
                }
            });
        }
    });
    let _ = fs::remove_dir_all(&folder);
    scores.into_inner().unwrap()
}

struct Case<'a> {
    folder: &'a Path,
    case: &'a Path,
    server: SocketAddr,
}

impl Case<'_> {
    fn run(&self, templates: Option<&Path>, scores: &Mutex<Scores>) {
        let name = self
            .case
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        self.put_paths_in();
        let input = fs::read(self.case.join("test.in")).unwrap();
        let golden = latin1(&fs::read(self.case.join("test.out")).unwrap());
        let input_text = latin1(&input);
        let commands: Vec<&str> = input_text
            .strip_suffix('\n')
            .unwrap_or(&input_text)
            .split('\n')
            .collect();
        let recorded = compare::recorded(&golden, &commands);
        let (startup, outputs) = self.answers(templates, &input);
        let mut scores = scores.lock().unwrap();
        if let Ok(expected) = fs::read(self.case.join("startup.out")) {
            let mut pair = [latin1(&expected), startup].map(|text| compare::trimmed(&text));
            if templates.is_none() {
                pair = pair.map(|text| compare::numberless(&text));
            }
            let [expected, got] = &pair;
            score(&mut scores, &name, 0, "(startup)", expected, got);
        }
        for (index, (command, expected)) in commands.iter().zip(&recorded).enumerate() {
            let got = compare::trimmed(outputs.get(index).map_or("", String::as_str));
            let silent = expected.trim().is_empty()
                && matches!(command.as_bytes().first(), None | Some(b'.' | b'#'));
            if silent && got.is_empty() {
                continue;
            }
            score(&mut scores, &name, index + 1, command, expected, &got);
        }
    }

    /// `@DIR@` in the case's files stands for its directory.
    fn put_paths_in(&self) {
        self.put_path_in(self.case.to_str().unwrap());
    }

    /// The same for where the directory is seen from inside.
    fn put_path_in(&self, at: &str) {
        for entry in fs::read_dir(self.case).unwrap() {
            let path = entry.unwrap().path();
            let kept = ["test.out", "startup.out", "sendmail.cf.facts"];
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_file() && !kept.contains(&name.as_str()) {
                let text = fs::read(&path).unwrap();
                fs::write(&path, text.replace("@DIR@", at)).unwrap();
            }
        }
    }

    /// Compiles the site, builds its maps, and gives what is said at the start
    /// and for each command.
    fn answers(&self, templates: Option<&Path>, input: &[u8]) -> (String, Vec<String>) {
        let cf = self.case.join("sendmail.cf");
        self.compile(templates, &cf);
        self.build_maps(&cf);
        let origin = Origin::file_only("sendmail.cf");
        let bytes = fs::read(&cf).unwrap();
        let (config, faults) = cf::read(&bytes, Origins::File(&origin));
        let mut startup = Vec::new();
        let loaded = Loaded { config, faults };
        let names = ("sendmail.cf", "sendmail.cf");
        let mut test = AddressTest::begin(loaded, self.world(), names, &mut startup).unwrap();
        let at = self.case.to_str().unwrap();
        let outputs = input
            .strip_suffix(b"\n")
            .unwrap_or(input)
            .split(|&byte| byte == b'\n')
            .map(|line| latin1(&test.command(line).0).replace(at, "@DIR@"))
            .collect();
        (latin1(&startup).replace(at, "@DIR@"), outputs)
    }

    fn compile(&self, templates: Option<&Path>, cf: &Path) {
        let mut command = self.godwit();
        match templates {
            None => {
                command.arg("compile");
            }
            Some(directory) => {
                let source = self.case.join("sendmail.mc");
                let text = fs::read(&source).unwrap();
                let own = format!("{}/", directory.display());
                let text = text.replace("/usr/share/sendmail-cf/", &own);
                command.args(["m4", &format!("-D_CF_DIR_={own}")]);
                if !text.contains_str("m4/cf.m4") {
                    command.arg(directory.join("m4/cf.m4"));
                }
                fs::write(&source, text).unwrap();
            }
        }
        // Cases with faults in them compile all the same.
        let output = command.arg("sendmail.mc").output().unwrap();
        fs::write(cf, output.stdout).unwrap();
    }

    fn build_maps(&self, cf: &Path) {
        let text = fs::read_to_string(self.case.join("case.json")).unwrap();
        let spec: serde_json::Value = serde_json::from_str(&text).unwrap();
        for map in spec["maps"].as_array().unwrap() {
            let (kind, name) = (map[0].as_str().unwrap(), map[1].as_str().unwrap());
            let mut command = self.godwit();
            command.args(["makemap", "-C"]).arg(cf).args([kind, name]);
            command.stdin(fs::File::open(self.case.join(name)).unwrap());
            command.output().unwrap();
        }
        if spec["aliases"] == true {
            let mut command = self.godwit();
            command.args(["sendmail", "-C"]).arg(cf).arg("-bi");
            command.output().unwrap();
        }
    }

    fn godwit(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_godwit"));
        command.current_dir(self.case).stdin(Stdio::null());
        command
    }

    fn world(&self) -> World {
        let resolv_conf = self.case.join("resolv.conf");
        let text = format!(
            "nameserver [127.0.0.1]:{}\nsearch example.org\n",
            self.server.port()
        );
        fs::write(&resolv_conf, text).unwrap();
        let switch = self.case.join("nsswitch.conf");
        fs::write(&switch, "hosts: files dns\n").unwrap();
        let resolver: Arc<dyn Resolver> = Arc::new(SystemResolver::new(ResolverSettings {
            resolv_conf,
            hosts: self.folder.join("hosts"),
            switch: vec![switch],
            ..ResolverSettings::default()
        }));
        let users: Arc<dyn Users> = Arc::new(FixedUsers::read(self.folder));
        World {
            host: HostIdentity {
                node: "mail.example.org".into(),
                full: "mail.example.org".into(),
                aliases: vec!["mail".into(), "localhost".into()],
                addresses: vec![IpAddr::from([127, 0, 0, 1])],
            },
            login: "root".into(),
            users: Arc::clone(&users),
            files: Arc::new(SystemFiles),
            maps: MapWorld {
                clock: Arc::new(SystemClock),
                resolver: Arc::clone(&resolver),
                users,
                programs: Arc::new(SystemPrograms),
                dial: Arc::new(SystemDial::new(resolver)),
                log: Arc::new(Nothing),
                entropy: Arc::new(Chance),
                files: Arc::new(SystemFiles),
            },
        }
    }
}

fn score(scores: &mut Scores, case: &str, line: usize, command: &str, expected: &str, got: &str) {
    scores.lines += 1;
    if expected == got {
        return;
    }
    let miss = Miss {
        place: format!("{case}:{line}"),
        text: format!("  {command}\n  expected: {expected}\n  got:      {got}"),
    };
    if compare::result(expected) != compare::result(got) {
        scores.result_misses.push(miss.clone());
    }
    scores.exact_misses.push(miss);
}

/// Bytes as characters: the recorded text is 8-bit.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The users and groups that the cases were recorded with.
struct FixedUsers {
    users: Vec<Arc<User>>,
    groups: Vec<(BString, u32)>,
}

impl FixedUsers {
    fn read(folder: &Path) -> Self {
        let lines = |name: &str| -> Vec<Vec<String>> {
            let text = fs::read_to_string(folder.join(name)).unwrap();
            let lines = text.lines();
            lines
                .map(|line| line.split(':').map(str::to_owned).collect())
                .collect()
        };
        let users = lines("passwd").into_iter().map(|fields| {
            let full = fields[4].split(',').next().unwrap_or_default();
            Arc::new(User {
                name: fields[0].as_str().into(),
                uid: fields[2].parse().unwrap(),
                gid: fields[3].parse().unwrap(),
                full_name: full.into(),
                home: fields[5].as_str().into(),
                shell: fields[6].as_str().into(),
            })
        });
        let groups = lines("group").into_iter().map(|fields| {
            (
                BString::from(fields[0].as_str()),
                fields[2].parse().unwrap(),
            )
        });
        Self {
            users: users.collect(),
            groups: groups.collect(),
        }
    }
}

impl Users for FixedUsers {
    fn user(&self, name: &[u8]) -> Result<Option<Arc<User>>, UsersError> {
        Ok(self.users.iter().find(|user| user.name == name).cloned())
    }

    fn user_by_id(&self, uid: u32) -> Result<Option<Arc<User>>, UsersError> {
        Ok(self.users.iter().find(|user| user.uid == uid).cloned())
    }

    fn group(&self, name: &[u8]) -> Result<Option<u32>, UsersError> {
        Ok(self
            .groups
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, id)| *id))
    }
}
