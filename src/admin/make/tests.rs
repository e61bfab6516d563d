use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::base::Origin;
use crate::cf::{self, Origins};

fn touch(path: &Path, text: &str, age_s: u64) {
    fs::write(path, text).unwrap();
    let time = SystemTime::now() - Duration::from_secs(age_s);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

fn config(text: &str) -> Config {
    let origin = Origin::file_only("test.cf");
    cf::read(text.as_bytes(), Origins::File(&origin)).0
}

#[test]
fn a_configuration_is_stale_when_what_it_includes_is_newer() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    touch(
        &path("sendmail.mc"),
        "dnl include(`no')\ninclude(`/usr/share/sendmail/cf/m4/cf.m4')\nsinclude(`local.m4')\n",
        100,
    );
    touch(&path("local.m4"), "", 100);
    touch(&path("sendmail.cf"), "", 50);
    let item = &configurations(dir.path())[0];
    assert_eq!(item.name, "sendmail.cf");
    assert_eq!(item.sources, [path("sendmail.mc"), path("local.m4")]);
    assert_eq!(item.stale(), None);
    touch(&path("local.m4"), "", 10);
    assert_eq!(item.stale(), Some(Why::Newer(path("local.m4"))));
    fs::remove_file(path("sendmail.cf")).unwrap();
    assert_eq!(item.stale(), Some(Why::Missing));
}

#[test]
fn databases_are_those_named_known_or_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for name in ["access", "other", "odd", "plain", "aliases", "userdb"] {
        touch(&path(name), "", 100);
    }
    touch(&path("odd.db"), "", 50);
    let at = dir.path().display();
    let config = config(&format!(
        "Kother btree -f -N {at}/other\nKother2 hash {at}/other\nKgone hash {at}/gone\n\
         Kelse hash /nonexistent/x\nO AliasFile={at}/aliases\n"
    ));
    let items = databases(dir.path(), &config, &Place::default());
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(
        names,
        ["access.db", "odd.db", "other.db", "userdb.db", "aliases.db"]
    );
    assert_eq!(
        items[2].product,
        Product::Database {
            kind: Kind::Btree,
            keep_case: true,
            nul: true
        }
    );
    assert_eq!(items[4].product, Product::Aliases);
}
