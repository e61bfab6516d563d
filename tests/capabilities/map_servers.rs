//! Maps that ask a server, against the real one, beside the reference where it
//! has the class.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::map_reference::World;
use crate::need;

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a server and waits until its socket is there.
    fn start(command: &mut Command, socket: &Path) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(Stdio::null()).spawn().expect("it starts");
        let server = Self(child);
        let begun = Instant::now();
        while !socket.exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no socket");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

/// OpenLDAP's server with a few people, at `ldapi` in `folder`.
fn directory(slapd: &Path, folder: &Path) -> Server {
    let tree: PathBuf = slapd.ancestors().nth(3).expect("a root").into();
    let schema = tree.join("etc/ldap/schema");
    let data = folder.join("ldap-data");
    fs::create_dir(&data).expect("made");
    let conf = folder.join("slapd.conf");
    let text = format!(
        "include {schema}/core.schema\ninclude {schema}/cosine.schema\n\
         include {schema}/inetorgperson.schema\nmodulepath {modules}\nmoduleload back_mdb\n\
         database mdb\nsuffix dc=example\nrootdn cn=admin,dc=example\nrootpw secret\n\
         directory {data}\naccess to dn.subtree=ou=hidden,dc=example by users read\n\
         access to * by * read\n",
        schema = schema.display(),
        modules = tree.join("usr/lib/ldap").display(),
        data = data.display(),
    );
    fs::write(&conf, text).expect("written");
    let ldif = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/maps/reference/people.ldif");
    // By its first argument the program is slapadd.
    let status = Command::new(slapd)
        .args(["-Ta", "-f"])
        .arg(&conf)
        .arg("-l")
        .arg(ldif)
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    assert!(status.status.success(), "{status:?}");
    let socket = folder.join("ldapi");
    let url = format!(
        "ldapi://{}",
        socket.display().to_string().replace('/', "%2F")
    );
    let mut command = Command::new(slapd);
    command.arg("-f").arg(&conf).args(["-h", &url, "-d", "0"]);
    Server::start(&mut command, &socket)
}

#[test]
fn ldap_answers_as_the_reference_answers() {
    let what = "class ldap beside the reference";
    if !cfg!(feature = "ldap") {
        return need::left_out(what, "this build has no feature ldap");
    }
    let Some(slapd) = need::tool("slapd", what) else {
        return;
    };
    let Some(world) = World::new(what) else {
        return;
    };
    let _server = directory(&slapd, world.folder());
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/maps/reference");
    let read = |name: &str| fs::read(data.join(name)).expect("there");
    let files = ["ldap.cf", "ldap.q"].map(|name| (name.to_owned(), read(name)));
    let script = "printf 'secret\\n' > /case/secret; chmod 600 /case/secret\n\
                  t 'sendmail -C /case/room/ldap.cf -bt < ldap.q; true'\n";
    world.check(&files, script);
}

/// What `-bt` says of some queries with some `K` lines.
fn ask(folder: &Path, maps: &str, queries: &str) -> String {
    let cf = folder.join("maps.cf");
    let text = format!(
        "V10/Berkeley\nCwlocalhost\nDjmail.example.org\nO OperatorChars=.:%@!^/[]+\n\
         O DontBlameSendmail=MapInUnsafeDirPath\nMlocal, P=/bin/true, F=lsD, A=true\n\
         Mprog, P=/bin/sh, F=lsD, A=sh\n{maps}\nSask\nR$- $*\t$: $(m $1 $@ $2 $: none $)\n"
    );
    fs::write(&cf, text).expect("written");
    let queries_file = folder.join("queries");
    fs::write(&queries_file, queries).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_godwit"))
        .args(["sendmail", "-bt", "-C"])
        .arg(&cf)
        .stdin(fs::File::open(&queries_file).expect("there"))
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let lines = said.lines().filter(|line| !line.contains(" input: "));
    // The two lines of greeting, and the prompt.
    let lines = lines.skip(2).map(|line| line.trim_start_matches("> "));
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn redis_is_asked_by_key_field_and_database() {
    let what = "class redis";
    let Some(program) = need::tool("redis-server", what) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a directory");
    let socket = folder.path().join("socket");
    let mut command = Command::new(program);
    command.args([
        "--port",
        "0",
        "--save",
        "",
        "--requirepass",
        "pass word",
        "--unixsocket",
    ]);
    let server = Server::start(command.arg(&socket).current_dir(folder.path()), &socket);
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).expect("it listens");
    let filled = "AUTH \"pass word\"\r\nSET alice bob\r\nSET mail:alice \"%0 is %1\"\r\n\
                  HSET carol shell /bin/sh\r\nLPUSH list x\r\nSELECT 3\r\nSET alice three\r\n\
                  SET empty \"\"\r\nQUIT\r\n";
    std::io::Write::write_all(&mut stream, filled.as_bytes()).expect("taken");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut stream, &mut said).expect("it answers");
    fs::write(folder.path().join("secret"), "pass word\n").expect("written");
    let at = format!(
        "-P {}/secret local:{}",
        folder.path().display(),
        socket.display()
    );
    let maps = format!(
        "Kr redis -a.X {at}\nKf redis -v shell {at}\nKn redis -n 3 {at}\nKm redis -k \"mail:%0\" {at}\n\
         Ko redis -o local:/nosuch\nKx redis -T.T local:/nosuch\nKnp redis local:{}\n",
        socket.display()
    );
    let queries = "/map r ALICE\n/map r bob\n/map r list\n/map r alice\n/map f carol\n/map f alice\n\
                   /map n alice\n/map n empty\n/map n none\n/map np alice\nask alice one\n\
                   ask none one\n/map o alice\n/map x alice\n";
    assert_eq!(
        ask(folder.path(), &maps, queries),
        "map_lookup: r (ALICE) returns bob.X (0)\n\
         map_lookup: r (bob) no match (0)\n\
         map_lookup: r (list) no match (75)\n\
         map_lookup: r (alice) returns bob.X (0)\n\
         map_lookup: f (carol) returns /bin/sh (0)\n\
         map_lookup: f (alice) no match (75)\n\
         map_lookup: n (alice) returns three (0)\n\
         map_lookup: n (empty) returns  (0)\n\
         map_lookup: n (none) no match (0)\n\
         map_lookup: np (alice) no match (75)\n\
         ask              returns: alice is one\n\
         ask              returns: none\n\
         map_lookup: o (alice) no match (0)\n\
         map_lookup: x (alice) no match (75)"
    );
    drop(server);
    let gone = ask(folder.path(), &maps, "/map r alice\n");
    assert_eq!(gone, "map_lookup: r (alice) no match (75)");
}

/// What both SQL classes answer, whatever the server.
const SQL_QUERIES: &str = "/map m ALICE\n/map m bob\n/map m o'hara\n/map m none\n/map z user\n\
    /map n user\n/map b x\n/map o x\nask alice one\nask alice' --\n";
const SQL_ANSWERS: &str = "map_lookup: m (ALICE) returns ALICE at  (0)\n\
    map_lookup: m (bob) returns %x (0)\n\
    map_lookup: m (o'hara) returns it's (0)\n\
    map_lookup: m (none) no match (0)\n\
    map_lookup: z (user) returns alice,bob,o'hara (0)\n\
    map_lookup: n (user) returns alice (0)\n\
    map_lookup: b (x) no match (75)\n\
    map_lookup: o (x) no match (0)\n\
    ask              returns: alice at one\n\
    ask              returns: none";
const SQL_TABLE: &str = "CREATE TABLE t (k text, v text);\
    INSERT INTO t VALUES ('alice', '%0 at %1'), ('bob', '%x'), ('o''hara', 'it''s'), ('nil', NULL);";

/// The maps that [`SQL_QUERIES`] asks.
fn sql_maps(class: &str, place: &str, nowhere: &str) -> String {
    format!(
        "Km {class} -k \"SELECT v FROM t WHERE k = %0\" {place}\n\
         Kz {class} -z, -k \"SELECT k FROM t WHERE v IS NOT NULL AND %0 = 'user' ORDER BY k\" {place}\n\
         Kn {class} -k \"SELECT k FROM t WHERE k LIKE 'a%%' AND %0 <> 'x' ORDER BY %0\" {place}\n\
         Kb {class} -k \"SELECT nonsense\" {place}\n\
         Ko {class} -o -k \"SELECT %0\" {nowhere}\n"
    )
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_is_asked_and_noticed_when_it_is_replaced() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("maps.sqlite");
    let connection = rusqlite::Connection::open(&path).expect("made");
    connection.execute_batch(SQL_TABLE).expect("filled");
    drop(connection);
    let maps = sql_maps("sqlite", &path.display().to_string(), "/nosuch/file");
    assert_eq!(ask(folder.path(), &maps, SQL_QUERIES), SQL_ANSWERS);
    fs::write(&path, "garbage, and nothing else").expect("written");
    let said = ask(folder.path(), &maps, "/map m alice\n");
    assert_eq!(said, "map_lookup: m (alice) no match (75)");
}

/// A program of PostgreSQL, which Debian keeps out of the search path.
fn postgres_tool(name: &str, what: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let paths = versions
        .flatten()
        .map(|version| version.path().join("bin").join(name));
    let found = paths.filter(|path| path.is_file()).max();
    found.or_else(|| need::tool(name, what))
}

#[test]
fn pgsql_is_asked_through_its_socket() {
    let what = "class pgsql";
    if !cfg!(feature = "pgsql") {
        return need::left_out(what, "this build has no feature pgsql");
    }
    let tools = ["initdb", "postgres"].map(|name| postgres_tool(name, what));
    let [Some(initdb), Some(postgres)] = tools else {
        return;
    };
    // The server refuses to run as root.
    if !need::root(what) || need::tool("setpriv", what).is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory");
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).expect("given away");
    let data = folder.path().join("data");
    let as_nobody = |program: &Path| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(program).current_dir(folder.path());
        command
    };
    let made = as_nobody(&initdb)
        .args([
            "-A",
            "trust",
            "-U",
            "mail",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
            "-D",
        ])
        .arg(&data)
        .output()
        .expect("it starts");
    assert!(made.status.success(), "{made:?}");
    let filled = folder.path().join("fill.sql");
    // The server in its one-user mode takes a statement a line.
    fs::write(&filled, SQL_TABLE.replace(';', ";\n")).expect("written");
    let filling = as_nobody(&postgres)
        .args(["--single", "-D"])
        .arg(&data)
        .arg("postgres")
        .stdin(fs::File::open(&filled).expect("there"))
        .output()
        .expect("it starts");
    assert!(filling.status.success(), "{filling:?}");
    let socket = folder.path().join(".s.PGSQL.5432");
    let mut command = as_nobody(&postgres);
    command
        .arg("-D")
        .arg(&data)
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"]);
    let server = Server::start(command.arg(folder.path()), &socket);
    std::thread::sleep(Duration::from_millis(500));
    let place = format!("host={} user=mail dbname=postgres", folder.path().display());
    let maps = sql_maps("pgsql", &place, "host=/nosuch user=mail");
    assert_eq!(ask(folder.path(), &maps, SQL_QUERIES), SQL_ANSWERS);
    drop(server);
}
