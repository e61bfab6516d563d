//! What is kept is found again, and a damaged database is put aside.

use super::*;

fn all(store: &SledStore) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    let scanned = store.scan("hosts", &mut |key, value| {
        all.push((key.to_vec(), value.to_vec()));
    });
    scanned.unwrap();
    all
}

#[test]
fn what_is_kept_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let store = SledStore::open(&path).unwrap();
    for (key, value) in [("b", "2"), ("a", "1"), ("c", "3")] {
        store
            .put("hosts", key.as_bytes(), value.as_bytes())
            .unwrap();
    }
    store.put("rates", b"a", b"else").unwrap();
    store.remove("hosts", b"b").unwrap();
    drop(store);
    let store = SledStore::open(&path).unwrap();
    let expected = [("a", "1"), ("c", "3")];
    let expected = expected.map(|(key, value)| (key.into(), value.into()));
    assert_eq!(all(&store), expected);
    let other = SledStore::open(&path);
    let kind = other.err().map(|error| error.kind());
    assert_eq!(kind, Some(io::ErrorKind::WouldBlock), "one at a time");
}

#[test]
fn a_damaged_database_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    drop(SledStore::open(&path).unwrap());
    std::fs::write(path.join("conf"), "no configuration of a database").unwrap();
    let store = SledStore::open(&path).unwrap();
    store.put("hosts", b"a", b"1").unwrap();
    assert_eq!(all(&store).len(), 1);
    assert!(folder.path().join("state.damaged").exists());
}
