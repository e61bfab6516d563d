//! Any bytes as the source of a map: every line is an entry or a fault, and
//! what is an entry goes into a database and comes out of it.

#![no_main]

use godwit::dbfile::Duplicates;
use godwit::dbfile::cdb::{self, Cdb};
use godwit::map::{Line, Source, Syntax};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((options, text)) = bytes.split_first() else {
        return;
    };
    let syntax = Syntax {
        keep_case: options & 1 != 0,
        empty_values: options & 2 != 0,
        delimiter: (options & 4 != 0).then_some(b':'),
        ..Syntax::default()
    };
    let mut records = cdb::records(false);
    let mut entries = Vec::new();
    let mut source = Source::new(text, syntax);
    let mut last = 0;
    while let Some((number, line)) = source.read().expect("in memory") {
        assert!(number > last);
        last = number;
        if let Line::Entry { key, value } = line {
            assert!(!value.is_empty() || syntax.empty_values);
            records
                .insert(key, value, Duplicates::Replace)
                .expect("it fits");
            entries.push((key.to_vec(), value.to_vec()));
        }
    }
    let mut file = Vec::new();
    cdb::write(&records, &mut file).expect("it fits");
    let file = Cdb::open(file.as_slice(), file.len() as u64, 1 << 20).expect("we wrote it");
    for (key, _) in &entries {
        let last = entries.iter().rev().find(|entry| entry.0 == *key);
        let found = file.get(key).expect("sound");
        assert_eq!(found, last.map(|entry| entry.1.clone()));
    }
});
