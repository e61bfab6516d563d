//! The rewriting language. Expectations are what the reference answered to the
//! same rules in its address test.

use std::sync::Arc;

use bstr::{BString, ByteSlice};
use godwit::base::{Diagnostic, Origin};
use godwit::cf::{Origins, read};
use godwit::rewrite::{
    Answer, CharTable, ClassTable, CrackStyle, Deed, Event, MUST_QUOTE_ALWAYS, Machine, MacroTable,
    Program, Query, Recorded, Recorder, Said, Status, Style, Trace, crack, expand, load_classes,
};
use proptest::prelude::*;

const HEAD: &str =
    "V10/Berkeley\nO OperatorChars=.:%@!^/[]+\nCxone one.two one.two.three\nCw$w a.b\n";

struct Compiled {
    program: Program,
    macros: MacroTable,
    faults: Vec<Diagnostic>,
}

fn compiled(text: &str) -> Compiled {
    let origin = Origin::file_only("test.cf");
    let (config, mut faults) = read(format!("{HEAD}{text}\n").as_bytes(), Origins::File(&origin));
    let mut initial = MacroTable::new();
    initial.set(b"w", "mail");
    let initial = Arc::new(initial);
    let classes = load_classes(&config, &initial, ClassTable::new(), |_| Vec::new());
    let (program, more) = Program::compile(&config, &initial, &classes);
    faults.extend(more);
    Compiled {
        program,
        macros: MacroTable::of_config(&config, Some(initial)),
        faults,
    }
}

/// Maps: `up` gives its key in upper case, `args` its arguments, `busy` cannot
/// be asked, `busyT` has a value all the same, `no` knows nothing, `set` sets
/// macro `foo`.
fn answer(query: Query<'_>, macros: &mut MacroTable) -> Answer {
    let key = query.key_text(None, false);
    let arguments: Vec<BString> = query.arguments().collect();
    match query.map.to_string().as_str() {
        "up" => Answer::Found(key.to_ascii_uppercase().into()),
        "args" => {
            let shown = arguments.iter().map(|argument| format!("[{argument}]"));
            Answer::Found(shown.collect::<String>().into())
        }
        "busy" => Answer::TempFail,
        "busyT" => Answer::FoundForNow("TEMP".into()),
        "no" => Answer::NotFound,
        "set" => {
            macros.set(b"foo", arguments.first().cloned().unwrap_or_default());
            Answer::Found(BString::default())
        }
        "host" if key.ends_with(b".invalid") => Answer::NotFound,
        "host" => Answer::Found(format!("{key}.").into()),
        "angle" => Answer::Found("<".into()),
        "close" => Answer::Found(">".into()),
        "empty" => Answer::Found("".into()),
        _ => Answer::NoSuchMap,
    }
}

/// Runs a ruleset as the address test does; gives the result as it is shown,
/// and the status unless it is good.
fn run(compiled: &mut Compiled, ruleset: &str, input: &str) -> String {
    let mut machine = Machine::new(&compiled.program);
    let style = Style {
        comments: false,
        ..machine.style()
    };
    let _ = machine.load(input.as_bytes(), style);
    let id = compiled.program.ruleset(ruleset.as_bytes()).unwrap();
    let status = machine.run(id, &mut compiled.macros, answer);
    let mut shown = BString::default();
    machine.workspace().show(&mut shown);
    let shown = shown.trim_start().as_bstr().to_string();
    match status {
        Status::Ok => shown,
        status => format!("{shown} ={}", status.sysexit().code()),
    }
}

/// Rules of ruleset A (more rulesets may follow) make `expected` of `input`.
#[track_caller]
fn check(rules: &str, input: &str, expected: &str) {
    let mut compiled = compiled(&format!("SA\n{rules}"));
    assert_eq!(compiled.faults, [], "{rules}");
    assert_eq!(
        run(&mut compiled, "A", input),
        expected,
        "{rules} on {input}"
    );
}

#[test]
fn wildcards_take_little_and_grow() {
    check("R$* . $*\t$@ $1 | $2", "a.b.c", "a | b . c");
    check("R$+ @ $+\t$@ $2 ! $1", "a@b@c", "b @ c ! a");
    check("R$- $*\t$@ $2", "a.b", ". b");
    check("R$* $@ $*\t$@ hit $1 | $2", "x", "hit | x");
    check("R$@\t$@ empty\nR$*\t$@ not $1", "x", "not x");
    check("R$* $| $*\t$@ $2 $| $1", "a", "a");
}

#[test]
fn classes_match_phrases() {
    check(
        "R$=x $*\t$@ < $1 | $2 >",
        "ONE.two.three.four",
        "< ONE | . two . three . four >",
    );
    check(
        "R$=x . $+\t$@ < $1 | $2 >",
        "one.two.three.four",
        "< one | two . three . four >",
    );
    check("R$=x four\t$@ ok", "one.two four", "ok");
    check("R$* $~x\t$@ n $1 / $2", "a b", "n a / b");
    check("R$* $~x\t$@ n $1 / $2", "a one", "a one");
    check("R$* @ $=w\t$@ $1 at $2", "u@MAIL", "u at MAIL");
}

#[test]
fn macros_are_expanded_when_read_and_when_run() {
    check("R$*\t$@ $w $1", "x", "mail x");
    check("Dw2x\nR$*\t$: $&y $1\nR$*\t$@ < $1 >", "x", "< x >");
    check(
        "D{addr}10.1.2.3\nR$*\t$: $&{addr}\nR$-.$-.$-.$-\t$@ four $4",
        "x",
        "four 3",
    );
    check(
        "D{addr}10.1.2.3\nR$&{addr} $*\t$@ hit $1",
        "10.1.2.3 rest",
        "hit rest",
    );
    check(
        "D{addr}10.1.2.3\nR$&{addr} $*\t$@ hit $1",
        "10.1.2.33",
        "10 . 1 . 2 . 33",
    );
    check("Ra$&{nope}b\t$@ hit", "a b", "hit");
    check("Ra$&{nope}\t$@ hit", "a", "a");
    check(
        "R$*\t$: $(set k $@ v.w $) $&{foo}\nR$*\t$@ $1 $&{foo} z",
        "x",
        "v . w z",
    );
    // Defined after the rule: it does not see it.
    check("R$*\t$@ $y z $1\nDylate", "x", "z x");
}

#[test]
fn lookups_take_keys_arguments_and_defaults() {
    check("R$*\t$@ $(up $1 $) z", "a.b", "A . B z");
    check("R$*\t$@ $(up \"q r\" $)", "x", "Q R");
    check(
        "R$*\t$@ $(no $1 $: not $1 it a.b $)",
        "a b",
        "not a b it a . b",
    );
    check("R$*\t$@ $(no $1 b c $)", "x y", "x y b c");
    check(
        "R$*\t$@ $(args k $@ $1 $@ y z $: no $)",
        "a.b",
        "[ a . b ] [ y z ]",
    );
    check("R$*\t$@ $(no k $@ a $: d1 $@ b $: d2 $)", "q", "d2");
    check("R$*\t$@ < $(empty x $) >", "q", "< >");
    check("R$*\t$@ $[ $1 $: def $]", "example.com", "example . com .");
    check("R$*\t$@ $[ $1 $: def $]", "nosuch.invalid", "def");
    check("R$*\t$@ $[ $1 a b $]", "q.invalid", "q . invalid a b .");
    check("R$*\t$@ $(nomap $1 $: dflt $)", "k", "dflt");
}

#[test]
fn maps_that_cannot_be_asked_make_the_run_temporary() {
    check("R$*\t$@ $(busy $1 $: d $)", "k", "d =75");
    check("R$*\t$@ $(busyT $1 $: d $)", "k", "TEMP =75");
    check("R$*\t$@ x $>B $1\nSB\nR$*\t$@ $(busy $1 $)", "k", "x k =75");
}

#[test]
fn answers_are_read_as_addresses() {
    check("R$*\t$@ $(angle x $) y", "q", "< > y");
    check("R$*\t$@ a $(close x $) y", "q", " =65");
    check("Dma(b)c\nR$*\t$@ $&m $1", "q", "a c q");
}

#[test]
fn calls_get_what_follows_them() {
    check(
        "R$*\t$: a $>E b $>F c d\nSE\nR$*\t$: [ $1 ]\nSF\nR$*\t$: { $1 }",
        "q",
        "a [ b { c d } ]",
    );
    check("R$*\t$: $>\"B\" $1\nSB\nR$*\t$@ b $1", "q", "b q");
    check(
        "R$*\t$: $>B $1\nR$*\t$: after $1\nSB\nRx $*\t$# local $: $1",
        "x y",
        "$# local $: y",
    );
    check(
        "R$*\t$: before $>B $1\nR$*\t$: after $1\nSB\nRx $*\t$# local $: $1",
        "x y",
        "after before $# local $: y",
    );
    check(
        "R$*\t$: $>B $1 $| rest\nSB\nRx $*\t$# m $: $1",
        "x y",
        "$# m $: y $| rest",
    );
    check(
        "R$*\t$: $>77 $1\nS77\nR$*\t$@ seventyseven",
        "x",
        "seventyseven",
    );
    check("R$*\t$: $>99 $1 z", "x", "x z");
    check(
        "R$*\t$: $>I $>nosuch $1\nSI\nR$*\t$: i $1",
        "z",
        "$> I $> nosuch z =78",
    );
}

#[test]
fn limits_end_what_would_not() {
    check("Ra$*\ta $1", "a b", "a b");
    let deep = "x ".repeat(51) + "u =78";
    check("R$*\t$: x $>A $1", "u", &deep);
    let long = "R$*\t$: $1 $1 $1 $1 $1 $1 $1 $1 $1 $1\n".repeat(3);
    check(
        &long,
        "a b",
        &format!("{} =65", "a b ".repeat(100).trim_end()),
    );
    // Two calls in each of fifty rulesets would take 2^50 runs.
    let mut doubling = String::from("R$*\t$: $>S0 $1 $>S0 $1\n");
    for number in 0..49 {
        let next = number + 1;
        doubling.push_str(&format!("SS{number}\nR$*\t$: $>S{next} x $>S{next} x\n"));
    }
    doubling.push_str("SS49\nR$*\t$: x\n");
    let mut compiled = compiled(&format!("SA\n{doubling}"));
    assert!(run(&mut compiled, "A", "u").ends_with("=78"));
    // A left side that could go back and forth for ever.
    let mut compiled = self::compiled("SA\nR$* $* $* $* $* $* $* $* never\t$@ no");
    let many = "a ".repeat(400);
    assert!(run(&mut compiled, "A", &many).starts_with("a a"));
}

#[test]
fn faults_of_rules_are_told_in_the_references_words() {
    for (rule, expected) in [
        ("Rx\t$1", "replacement $1 out of bounds"),
        ("R\tx", "R line: null LHS"),
        ("R$*\t$(a $(b $) $)", "cannot nest map lookups"),
    ] {
        let compiled = compiled(&format!("SA\n{rule}"));
        let faults: Vec<String> = compiled
            .faults
            .iter()
            .map(|fault| fault.to_string())
            .collect();
        assert_eq!(faults, [format!("test.cf: line 6: {expected}")]);
    }
    let mut compiled = compiled("SA\nRa\t$: $2");
    assert_eq!(run(&mut compiled, "A", "a"), "a =78");
}

#[test]
fn text_is_expanded() {
    let mut macros = MacroTable::new();
    macros.define(b"j", "$w.example");
    macros.set(b"w", "mail");
    macros.set(b"peer", "$w $$ $?");
    macros.set(b"empty", "");
    macros.define(b"loop", "x$loop${loop}");
    for (template, expected) in [
        ("$j", "mail.example"),
        ("a$&{w}b", "amailb"),
        ("${peer}", "$w $$ $?"),
        ("$$w", "$w"),
        ("$?w yes $| no $.!", " yes !"),
        ("$?{empty}yes$|no$.", "no"),
        ("$?w$?{empty}a$|b$.$|c$.", "b"),
        ("$?{empty}$?wa$.$|c$.", "c"),
        ("end$", "end$"),
        ("$x", ""),
    ] {
        assert_eq!(expand(template.as_bytes(), &macros), expected, "{template}");
    }
    assert!(
        expand(b"${loop}", &macros).len() < 1 << 17,
        "expansion is bounded"
    );
}

#[test]
fn layers_of_macros_show_through() {
    let mut site = MacroTable::new();
    site.set(b"a", "site");
    site.set(b"b", "site");
    let mut session = MacroTable::over(Arc::new(site));
    session.set(b"b", "session");
    let mut message = MacroTable::over(Arc::new(session));
    message.unset(b"a");
    assert_eq!(message.raw(b"a"), None);
    assert_eq!(message.text(b"b"), "session");
    message.clear();
    assert_eq!(message.text(b"a"), "site");
}

#[test]
fn addresses_are_cut_up() {
    let table = CharTable::default();
    for (text, expected, faults) in [
        ("a.b@c.d", "a . b @ c . d", ""),
        ("\"a b\".c (x (y)) <d>", "\"a b\" . c < d >", ""),
        ("a(c)b", "a b", ""),
        ("a<b", "a < b >", "Unbalanced '<'"),
        ("a>b", "ab", "Unbalanced '>'"),
        ("a)b", "ab", "Unbalanced ')'"),
        ("a(b", "a", "Unbalanced '('"),
        ("\"a b", "\"a b\"", "Unbalanced '\"'"),
        ("a\\\"b\\!c", "a\\\"b ! c", ""),
        ("a\\", "a", ""),
        ("", "", ""),
    ] {
        let compiled = compiled("SA\n");
        let mut machine = Machine::new(&compiled.program);
        let style = Style {
            table: &table,
            ..machine.style()
        };
        let scanned = machine.load(text.as_bytes(), style);
        let mut shown = BString::default();
        machine.workspace().show(&mut shown);
        assert_eq!(shown.trim_start().as_bstr(), expected, "{text}");
        let told: Vec<String> = scanned
            .faults
            .iter()
            .map(|fault| fault.to_string())
            .collect();
        assert_eq!(told.join(", "), faults, "{text}");
    }
}

#[test]
fn header_addresses_are_cracked() {
    let must_quote = [MUST_QUOTE_ALWAYS, b".'"].concat();
    let style = CrackStyle {
        must_quote: &must_quote,
        colon_ok: false,
    };
    for (text, expected) in [
        ("a@b", "$g"),
        ("a@b (Some One)", "$g (Some One)"),
        ("(Some One) a@b", "(Some One) $g"),
        ("A. B <a@b>", "\"A. B\" <$g>"),
        ("\"A. B\" <a@b> (x", "\"A. B\" <$g> (x)"),
        ("list: a@b", "list: $g"),
        ("host::user", "$g"),
        ("<>", "<>"),
        ("x <a@b> \"y\"", "<$g>"),
        ("<a", "<$g>"),
        ("<alice> bob@example.com", "<$g> bob@example.com"),
    ] {
        assert_eq!(
            crack(text.as_bytes(), style).around(b"$g"),
            expected,
            "{text}"
        );
    }
}

/// Keeps the rules that fired, as `explain` will.
#[derive(Default)]
struct Fired(Vec<u32>);

impl Trace for Fired {
    fn event(&mut self, program: &Program, event: Event<'_>) {
        if let Event::Rewritten { rule, .. } = event {
            self.0.push(program.origin(rule).line());
        }
    }
}

#[test]
fn a_run_can_tell_which_rules_fired() {
    let compiled =
        compiled("SA\nRa $*\t$: $1\nRb $*\t$: never $1\nR$*\t$@ $>B $1\nSB\nR$*\t$@ b $1");
    let mut macros = MacroTable::new();
    let mut machine = Machine::with_trace(&compiled.program, Fired::default());
    let _ = machine.load(b"a x", machine.style());
    let id = compiled.program.ruleset(b"A").unwrap();
    machine.run(id, &mut macros, answer);
    assert_eq!(machine.trace().0, [6, 10, 8]);
    assert_eq!(machine.workspace().text(), "b x");
}

#[test]
fn a_triple_is_taken_apart() {
    let mut compiled = compiled("SA\nR$*\t$# esmtp $@ h . $1 $: $1 a b");
    let mut machine = Machine::new(&compiled.program);
    let _ = machine.load(b"x.y", machine.style());
    let id = compiled.program.ruleset(b"A").unwrap();
    machine.run(id, &mut compiled.macros, answer);
    let triple = machine.workspace().triple().unwrap();
    assert_eq!(triple.mailer.text(), "esmtp");
    assert_eq!(triple.host.unwrap().text(), "h.x.y");
    assert_eq!(triple.user.unwrap().text_with(b'_'), "x.y_a_b");
    assert!(machine.keep_user());
    assert_eq!(machine.workspace().text(), "x.y a b");
}

fn rule() -> impl Strategy<Value = String> {
    let left = prop_oneof![
        4 => Just("$*"), 3 => Just("$+"), 2 => Just("$-"), 1 => Just("$=x"), 1 => Just("$~x"),
        1 => Just("$&m"), 1 => Just("$@"), 1 => Just("$|"), 2 => Just("a"), 2 => Just("@"),
        2 => Just("."), 1 => Just("<"), 1 => Just(">"), 1 => Just("one"),
    ];
    let right = prop_oneof![
        4 => Just("$1"), 2 => Just("$2"), 1 => Just("$&m"), 1 => Just("$(up $1 $)"),
        1 => Just("$(no $2 $: d $)"), 1 => Just("$(busy k $)"), 1 => Just("$[ $1 $]"),
        1 => Just("$>A"), 2 => Just("$>B"), 1 => Just("$>nosuch"), 1 => Just("$#"), 1 => Just("$@"),
        1 => Just("$:"), 2 => Just("a"), 2 => Just("."), 1 => Just("<"), 1 => Just("\"q"),
    ];
    (
        proptest::collection::vec(left, 1..7),
        proptest::sample::select(vec!["", "$: ", "$@ ", "$#m $: "]),
        proptest::collection::vec(right, 0..7),
    )
        .prop_map(|(left, prefix, right)| {
            format!("R{}\t{prefix}{}", left.join(" "), right.join(" "))
        })
}

/// A recorded run as an outline.
fn outline(program: &Program, recorder: &Recorder) -> String {
    let mut out = String::new();
    for Recorded { depth, deed } in recorder.steps() {
        let line = match deed {
            Deed::Ruleset {
                ruleset,
                input,
                output,
            } => format!(
                "{} {input} => {}",
                program.ruleset_name(*ruleset),
                output.clone().unwrap_or_else(|| "given up".into())
            ),
            Deed::Rule {
                rule,
                arguments,
                made,
            } => format!(
                "rule {} at {} with {} => {}",
                program.rule_number(*rule),
                program.origin(*rule),
                arguments
                    .iter()
                    .map(|(number, text)| format!("${number}={text};"))
                    .collect::<String>(),
                made.clone().unwrap_or_else(|| "given up".into())
            ),
            Deed::Lookup { map, key, answer } => format!(
                "{map} {key} => {}",
                match answer {
                    Some(Said::Found(value)) => value.to_string(),
                    Some(Said::NotFound) => "nothing".into(),
                    Some(Said::Later(value)) => format!("later {value:?}"),
                    None => "no answer".into(),
                }
            ),
            Deed::Macro { name, value } => format!("$&{name} is {value:?}"),
            Deed::Fault(message) => message.clone(),
        };
        out.push_str(&"  ".repeat(*depth));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn recorded(rules: &str, input: &str) -> (String, Recorder) {
    let mut compiled = compiled(rules);
    let program = &compiled.program;
    let mut recorder = Recorder::default();
    let mut machine = Machine::with_trace(program, &mut recorder);
    let _ = machine.load(input.as_bytes(), machine.style());
    let id = program.ruleset(b"A").unwrap();
    machine.run(id, &mut compiled.macros, answer);
    drop(machine);
    (outline(program, &recorder), recorder)
}

#[test]
fn a_run_can_be_recorded() {
    let (outline, recorder) = recorded(
        "Dxvalue\n\
         SA\n\
         Ra b\t$: never\n\
         R$+ @ $+\t$: $>B $(up $2 $: none $) $&x\n\
         R$*\t$: $1 $(no key $: else $)\n\
         R$*\t$#smtp $@ $(busy k $) $: $1\n\
         SB\n\
         R$-\t$: no\n\
         R$* $-\t$@ $1 !\n",
        "u@h",
    );
    expect_test::expect![[r#"
        A u @ h => $# smtp $@ k $: H ! else
          rule 2 at test.cf:8 with $2=h; => H !
            $&x is Some("value")
            up h => H
            B H value => H !
              rule 2 at test.cf:13 with $1=H; => H !
          rule 3 at test.cf:9 with $1=H !; => H ! else
            no key => nothing
          rule 4 at test.cf:10 with $1=H ! else; => $# smtp $@ k $: H ! else
            busy k => later None
    "#]]
    .assert_eq(&outline);
    let last = recorder.last_rule().unwrap();
    let Some(Recorded {
        deed: Deed::Rule { rule, .. },
        ..
    }) = recorder.steps().iter().rev().find(|step| step.depth == 1)
    else {
        panic!("the last step of the outermost ruleset is a rule");
    };
    assert_eq!(last, *rule);
}

#[test]
fn a_recorded_run_that_is_given_up_says_so() {
    let (outline, _) = recorded(
        "SA\nR$*\t$: $1 $>B x\nR$*\t$@ end\nSB\nRx\t$: $>NoSuch x\nSC\nR$*\t$@ $>C $1\n",
        "a",
    );
    expect_test::expect![[r#"
        A a => end
          rule 1 at test.cf:6 with $1=a; => a $> NoSuch x
            B x => $> NoSuch x
              rule 1 at test.cf:9 with  => $> NoSuch x
                Unknown ruleset NoSuch
          rule 2 at test.cf:7 with  => end
    "#]]
    .assert_eq(&outline);
    let (outline, recorder) = recorded("SA\nR$*\t$@ $>A $1\n", "a");
    assert_eq!(outline.matches("given up").count(), 1);
    assert!(outline.contains("excessive recursion (max 50), ruleset A"));
    assert_eq!(recorder.left_out(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Random rules on random addresses: every run ends, with a workspace
    /// within its limit.
    #[test]
    fn every_run_ends(
        a in proptest::collection::vec(rule(), 1..5),
        b in proptest::collection::vec(rule(), 1..5),
        input in "[a-c@.<>(\") ]{0,40}",
    ) {
        let mut compiled = compiled(&format!("Dmx.y\nSA\n{}\nSB\n{}", a.join("\n"), b.join("\n")));
        let mut machine = Machine::new(&compiled.program);
        let _ = machine.load(input.as_bytes(), machine.style());
        let id = compiled.program.ruleset(b"A").unwrap();
        machine.run(id, &mut compiled.macros, answer);
        prop_assert!(machine.workspace().len() <= 1000);
        let _ = machine.workspace().triple();
    }

    /// What is told changes nothing, and neither does the machine's past.
    #[test]
    fn a_trace_changes_nothing(
        a in proptest::collection::vec(rule(), 1..5),
        input in "[a-c@.<> ]{0,20}",
    ) {
        let compiled = compiled(&format!("SA\n{}\nSB\nRa\tb", a.join("\n")));
        let id = compiled.program.ruleset(b"A").unwrap();
        let mut quiet = Machine::new(&compiled.program);
        let mut telling = Machine::with_trace(&compiled.program, Fired::default());
        for _ in 0..2 {
            let _ = quiet.load(input.as_bytes(), quiet.style());
            let _ = telling.load(input.as_bytes(), telling.style());
            let one = quiet.run(id, &mut MacroTable::new(), answer);
            let other = telling.run(id, &mut MacroTable::new(), answer);
            prop_assert_eq!(one, other);
            prop_assert_eq!(quiet.workspace().text(), telling.workspace().text());
        }
    }

    /// Any bytes are cut into tokens, and joined again they are cut the same.
    #[test]
    fn any_bytes_are_cut_up(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let compiled = compiled("SA\n");
        let mut machine = Machine::new(&compiled.program);
        let style = machine.style();
        let scanned = machine.load(&bytes, style);
        let once = machine.workspace().text();
        if !scanned.failed() && scanned.faults.is_empty() {
            let again = machine.load(&once, style);
            prop_assert_eq!(again.faults, []);
            prop_assert_eq!(machine.workspace().text(), once);
        }
    }

    /// Any header is cracked, and the address goes back once at most.
    #[test]
    fn any_header_is_cracked(text in "[a-c \"()<>:;,.@\\\\\\[\\]]{0,30}") {
        let style = CrackStyle { must_quote: MUST_QUOTE_ALWAYS, colon_ok: false };
        let whole = crack(text.as_bytes(), style).around(b"\x01");
        prop_assert!(whole.find_iter("\x01").count() <= 1);
    }
}
