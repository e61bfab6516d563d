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
                  t 'sendmail -C /case/work/ldap.cf -bt < ldap.q; true'\n";
    world.check(&files, script);
}
