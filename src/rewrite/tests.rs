//! Rulesets run over addresses: what they return.

use std::sync::Arc;

use bstr::BString;

use super::*;
use crate::base::Origin;
use crate::cf::{self, Origins};

/// Runs `ruleset` over `input`; the only map is `up`, which answers the key in
/// upper case, `busy`, which cannot be asked, and `no`, which knows nothing.
fn run(cf: &str, ruleset: &str, input: &str) -> (String, Status) {
    let file = Origin::file_only("test.cf");
    let text = format!("V10/Berkeley\nO OperatorChars=.:%@!^/[]+\n{cf}");
    let (config, faults) = cf::read(text.as_bytes(), Origins::File(&file));
    assert_eq!(faults, [], "the configuration is read");
    let mut classes = ClassTable::new();
    classes.extend(b"x", [&b"one"[..], b"one.two", b"one.two.three"]);
    let (program, faults) = Program::compile(&config, &Arc::new(MacroTable::new()), &classes);
    assert_eq!(faults, [], "the rules are compiled");
    let mut macros = MacroTable::of_config(&config, None);
    let mut machine = Machine::new(&program);
    machine.load(input.as_bytes(), machine.style());
    let id = program
        .ruleset(ruleset.as_bytes())
        .expect("the ruleset is there");
    let status = machine.run(id, &mut macros, |query, _| {
        let key = query.key.text();
        match query.map.to_string().as_str() {
            "up" => Answer::Found(key.to_ascii_uppercase().into()),
            "args" => Answer::Found(
                query
                    .arguments()
                    .map(|argument| format!("[{argument}]"))
                    .collect::<String>()
                    .into(),
            ),
            "busy" => Answer::TempFail,
            "no" => Answer::NotFound,
            _ => Answer::NoSuchMap,
        }
    });
    let mut shown = BString::default();
    machine.workspace().show(&mut shown);
    (shown.to_string().trim_start().to_owned(), status)
}

#[track_caller]
fn check(rules: &str, input: &str, expected: &str) {
    let (got, _) = run(&format!("SA\n{rules}\n"), "A", input);
    assert_eq!(got, expected, "{rules} on {input}");
}

#[test]
fn wildcards_are_short_first() {
    check("R$* . $*\t$@ $1 | $2", "a.b.c", "a | b . c");
    check("R$+ @ $+\t$@ $2 ! $1", "a@b@c", "b @ c ! a");
    check("R$- $*\t$@ $2", "a.b", ". b");
    check(
        "R$=x $*\t$@ < $1 | $2 >",
        "ONE.two.three.four",
        "< ONE | . two . three . four >",
    );
    check(
        "R$=x . $+\t$@ < $1 | $2 >",
        "one.two.x",
        "< one | two . x >",
    );
    check("R$=x four\t$@ ok", "one.two four", "ok");
    check("R$* $~x\t$@ n $1 / $2", "a b", "n a / b");
}

#[test]
fn lookups_and_calls() {
    check("R$*\t$@ $(up $1 $) z", "a.b", "A . B z");
    check("R$*\t$@ $(no $1 $: not $1 $) z", "a.b", "not a . b z");
    check("R$*\t$@ $(no $1 $) z", "a.b", "a . b z");
    check(
        "R$*\t$@ $(args k $@ $1 $@ y $: no $)",
        "a.b",
        "[ a . b ] [ y ]",
    );
    check(
        "R$*\t$: a $>E b $>F c d\nSE\nR$*\t$: [ $1 ]\nSF\nR$*\t$: { $1 }",
        "q",
        "a [ b { c d } ]",
    );
}
