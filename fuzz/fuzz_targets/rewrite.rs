//! Random rules on random addresses: the run ends, within its limits. The first
//! half of the bytes is a configuration, the rest, line by line, addresses.
//! Maps answer by the length of the key.
#![no_main]

use std::sync::Arc;

use godwit::base::Origin;
use godwit::cf::{Origins, read};
use godwit::rewrite::{Answer, ClassTable, Machine, MacroTable, Program, load_classes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (rules, addresses) = data.split_at(data.len() / 2);
    let mut text = b"V10/Berkeley\nS0\n".to_vec();
    text.extend_from_slice(rules);
    let origin = Origin::file_only("fuzz.cf");
    let (config, _) = read(&text, Origins::File(&origin));
    let initial = Arc::new(MacroTable::new());
    let classes = load_classes(&config, &initial, ClassTable::new(), |_| Vec::new());
    let (program, _) = Program::compile(&config, &initial, &classes);
    let mut macros = MacroTable::of_config(&config, None);
    let mut machine = Machine::new(&program);
    let Some(ruleset) = program.ruleset(b"0") else { return };
    for address in addresses.split(|&byte| byte == b'\n').take(16) {
        let _ = machine.load(address, machine.style());
        machine.run(ruleset, &mut macros, |query, _| {
            match query.key.len() % 4 {
                0 => Answer::Found(query.key.text()),
                1 => Answer::NotFound,
                2 => Answer::TempFail,
                _ => Answer::NoSuchMap,
            }
        });
        let _ = machine.workspace().triple();
        let _ = machine.workspace().text();
    }
});
