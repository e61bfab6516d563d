//! The configuration language: what lines mean, what is wrong with them, and
//! the way back to text.

use godwit::base::{Origin, Severity};
use godwit::cf::{
    ClassSource, Config, HeaderAction, HeaderCondition, OPTIONS, Opt, Origins, print, read,
};
use proptest::prelude::*;

fn parsed(text: &str) -> (Config, Vec<String>) {
    let origin = Origin::file_only("test.cf");
    let (config, faults) = read(text.as_bytes(), Origins::File(&origin));
    let faults = faults
        .iter()
        .filter(|fault| fault.severity != Severity::Note)
        .map(|fault| fault.to_string())
        .collect();
    (config, faults)
}

/// A configuration that has no fault.
#[track_caller]
fn good(text: &str) -> Config {
    let (config, faults) = parsed(text);
    assert_eq!(faults, [""; 0], "{text}");
    config
}

#[track_caller]
fn fault(text: &str, expected: &str) {
    let (_, faults) = parsed(text);
    assert_eq!(faults, [expected], "{text}");
}

#[test]
fn every_kind_of_line_is_read() {
    let config = good(
        "V10/Berkeley\n\
         DjMAIL.$m\n\
         D{long}a b\t# a comment\n\
         Cw one two\n\
         CA$=w\n\
         Troot\n\
         Fw-o /etc/mail/local-host-names\n\
         FR|/bin/hosts\n\
         F{x}key@ldap:-k x\n\
         FX/some/file %[^\\#]\n\
         Kaccess hash -T<TMPF> /etc/mail/access\n\
         Plist=-30\n\
         ETZ=UTC\n\
         EPATH\n\
         HReceived: from $s\n\tby $j\n\
         H?P?Return-Path: <$g>\n\
         H?${opt}?X-Opt: ${opt}\n\
         HSubject: $>CheckSubject\n\
         H*: $>+CheckAll\n\
         Qslow, P=/var/spool/slow, I=1h\n\
         Xfilter, S=inet:8891@localhost, F=T\n\
         Scanonify=3\n\
         R$*\t\t$: $1\t\tmark it\n\
         R$* < $* > $*\t$@ $2\n\
         SFoo\n\
         Rx\ty\n",
    );
    assert_eq!(
        (config.version.level, config.version.vendor.as_slice()),
        (10, &b"Berkeley"[..])
    );
    assert_eq!(config.macro_value(b"long").unwrap(), "a b");
    let sources: Vec<&ClassSource> = config.classes.iter().map(|class| &class.source).collect();
    assert!(matches!(sources[0], ClassSource::Words(words) if words == " one two"));
    assert!(
        matches!(sources[3], ClassSource::File { optional: true, path, .. } if path == "/etc/mail/local-host-names")
    );
    assert!(matches!(sources[4], ClassSource::Program { command } if command == "/bin/hosts"));
    assert!(
        matches!(sources[5], ClassSource::Map { key, spec, .. } if key == "key" && spec == "ldap:-k x")
    );
    assert!(matches!(sources[6], ClassSource::File { format, .. } if format == "%[^#]"));
    let map = config.map(b"ACCESS").unwrap();
    assert_eq!(
        (map.class.to_string(), map.args.to_string()),
        ("hash".into(), "-T<TMPF> /etc/mail/access".into())
    );
    assert_eq!(config.priorities[0].value, -30);
    assert_eq!(config.environment[1].value, None);
    assert!(
        matches!(&config.headers[0].action, HeaderAction::Template(text) if text == "from $s\n\tby $j")
    );
    assert!(
        matches!(config.headers[1].condition, HeaderCondition::Flags(flags) if flags.has(b'P'))
    );
    assert!(matches!(&config.headers[2].condition, HeaderCondition::Macro(name) if name == "opt"));
    assert!(
        matches!(&config.headers[4].action, HeaderAction::Check { keep_comments: true, ruleset } if ruleset == "CheckAll")
    );
    assert_eq!(config.queue_groups[0].get(b'I').unwrap(), "1h");
    assert_eq!(config.milters[0].get(b'S').unwrap(), "inet:8891@localhost");
    let canonify = config.ruleset(b"3").unwrap();
    assert_eq!(
        (canonify.name.to_string(), canonify.rules.len()),
        ("canonify".into(), 2)
    );
    assert_eq!(canonify.rules[0].comment, "mark it");
    assert_eq!(canonify.rules[1].origin.line(), 25);
    // Two rulesets were named by headers before.
    assert_eq!(config.ruleset(b"Foo").unwrap().number, 197);
}

#[test]
fn a_mailer_is_read_with_its_defaults() {
    let config = good(
        "Mlocal, P=/usr/bin/procmail, F=lsDFMAw5:/|@qSPfhn9, S=EnvFromL/HdrFromL, R=EnvToL,\n\
         \tT=DNS/RFC822/X-Unix, U=mail:mail, M=1000, r=7, L=80,\n\
         \tA=procmail -a $h -d \"$u x\"\n\
         Msmtp, P=[IPC], F=mL, A=TCP $h 25\n",
    );
    let local = config.mailer(b"LOCAL").unwrap();
    assert_eq!(local.sender.header, "HdrFromL");
    assert_eq!(local.recipient.header, "EnvToL");
    assert_eq!(local.argv, ["procmail", "-a", "$h", "-d", "$u", "x"]);
    assert_eq!(
        (local.size_max, local.recipients_max, local.line_max),
        (1000, 7, 80)
    );
    assert_eq!(local.eol, "\n");
    assert!(local.flags.has(b'|') && !local.flags.has(b'm'));
    assert_eq!(local.origin.line(), 3);
    let smtp = config.mailer(b"smtp").unwrap();
    assert_eq!((smtp.eol.to_string(), smtp.line_max), ("\r\n".into(), 990));
    assert_eq!(smtp.diagnostic_type, "smtp");
    let names: Vec<String> = config
        .mailers
        .iter()
        .map(|mailer| mailer.name.to_string())
        .collect();
    assert_eq!(names, ["prog", "*file*", "*include*", "local", "smtp"]);
}

#[test]
fn options_have_types_names_letters_and_defaults() {
    let config = good(
        "O SevenBitInput=True\n\
         O Timeout.queuereturn = 1d12h\n\
         O Timeout.ident=0\n\
         O DaemonPortOptions=Name=MTA\n\
         O DaemonPortOptions=Port=587, Name=MSA, M=E\n\
         OQ/var/q\n\
         OT3d/2h\n\
         Oi\n\
         O PrivacyOptions=noexpn,novrfy authwarnings\n\
         O SuperSafe=PostMilter\n\
         O TempFileMode=0640\n\
         O DoubleBounceAddress=\n",
    );
    let options = &config.options;
    assert!(options.flag(Opt::SevenBitInput) && options.flag(Opt::IgnoreDots));
    assert_eq!(
        options.interval(Opt::TimeoutQueuereturn).as_secs(),
        3 * 86_400
    );
    assert_eq!(options.interval(Opt::TimeoutQueuewarn).as_secs(), 2 * 3600);
    assert_eq!(options.interval(Opt::TimeoutIdent).as_secs(), 0);
    assert_eq!(options.interval(Opt::TimeoutHelo).as_secs(), 300);
    assert_eq!(options.all(Opt::DaemonPortOptions).len(), 2);
    assert_eq!(options.text(Opt::QueueDirectory), "/var/q");
    assert_eq!(
        options.words(Opt::PrivacyOptions),
        ["noexpn", "novrfy", "authwarnings"]
    );
    assert_eq!(options.choice(Opt::SuperSafe), "PostMilter");
    assert_eq!(options.mode(Opt::TempFileMode), Some(0o640));
    assert_eq!(options.text(Opt::DoubleBounceAddress), "");
    assert_eq!(options.text(Opt::OperatorChars), ".:%@!^/[]+");
    assert_eq!(options.number(Opt::MaxHopCount), 25);
    assert_eq!(options.number_or_unset(Opt::QueueLa), None);
}

#[test]
fn the_option_table_is_sound() {
    for (index, row) in OPTIONS.iter().enumerate() {
        assert_eq!(row.opt as usize, index, "{}", row.name);
        assert!(row.doc.ends_with('.'), "{} has a sentence", row.name);
        let twice = OPTIONS[index + 1..].iter().find(|other| {
            other.name.eq_ignore_ascii_case(row.name)
                || (row.letter.is_some() && other.letter == row.letter)
        });
        assert!(twice.is_none(), "{} is there twice", row.name);
        if !row.letter_only {
            assert_eq!(
                Opt::by_name(row.name.to_uppercase().as_bytes()),
                Some(row.opt)
            );
        }
    }
}

/// The reference's own words, from its answers.
#[test]
fn faults_are_told_in_the_references_words() {
    fault(
        "O NoSuch=1\n",
        "test.cf: line 1: readcf: unknown option name NoSuch",
    );
    fault(
        "O 8BitMode=x\n",
        "test.cf: line 1: readcf: unknown option name 8BitMode",
    );
    fault(
        "Oyx\nO9z\n",
        "test.cf: line 2: readcf: unknown option name 0x39",
    );
    fault("O AliasWait=5x\n", "test.cf: line 1: Invalid time unit `x'");
    fault(
        "O DeliveryMode=zz\n",
        "test.cf: line 1: Unknown delivery mode z",
    );
    fault(
        "O EightBitMode=zz\n",
        "test.cf: line 1: Unknown 8-bit mode z",
    );
    fault(
        "O QueueSortOrder=zz\n",
        "test.cf: line 1: Invalid queue sort order \"zz\"",
    );
    fault(
        "O NoRecipientAction=zz\n",
        "test.cf: line 1: Invalid NoRecipientAction: zz",
    );
    fault("Wx\n", "test.cf: line 1: unknown configuration line \"Wx\"");
    fault(
        "S0\nRno tab\n",
        "test.cf: line 2: invalid rewrite line \"Rno tab\" (tab expected)",
    );
    fault(
        "Mx, P=/bin/x\n",
        "test.cf: line 1: Mx: A= argument required",
    );
    fault(
        "Mx, P=/bin/x, oops, A=x\n",
        "test.cf: line 1: mailer x: `=' expected",
    );
    fault("S!x\n", "test.cf: line 1: invalid ruleset name: \"!x\"");
    fault(
        "D{a b}c\n",
        "test.cf: line 1: Invalid macro/class character a b",
    );
}

#[test]
fn a_fault_costs_one_line() {
    let (config, faults) = parsed("O Bad=1\nDaone\nWrong\nDbtwo\nS0\nRx\nRa\tb\n");
    assert_eq!(faults.len(), 3);
    assert_eq!(config.macros.len(), 2);
    assert_eq!(config.ruleset(b"0").unwrap().rules.len(), 1);
}

#[test]
fn comments_and_values_lose_what_they_should() {
    let config = good("Dxa\\#b # c\nDy\"q \\\" r\"\nDz$#x\nO HelpFile=/x#y\n");
    assert_eq!(config.macro_value(b"x").unwrap(), "a#b");
    assert_eq!(config.macro_value(b"y").unwrap(), "q \" r");
    assert_eq!(config.macro_value(b"z").unwrap(), "$#x");
    assert_eq!(config.options.text(Opt::HelpFile), "/x");
}

#[test]
fn lines_of_the_macro_processor_keep_their_places() {
    let origins: Vec<Origin> = [("a.mc", 3), ("lib.m4", 9), ("a.mc", 4)]
        .map(|(file, line)| Origin::new(file, line))
        .to_vec();
    let (config, faults) = read(b"S0\nRa\tb\nO Bad=1\n", Origins::Lines(&origins));
    assert_eq!(config.rulesets[0].rules[0].origin, origins[1]);
    assert_eq!(faults[0].origin, origins[2]);
}

/// What is printed is read as the same.
#[track_caller]
fn comes_back(config: &Config) {
    let origin = Origin::file_only("test.cf");
    let once = print(config);
    let (again, _) = read(&once, Origins::File(&origin));
    assert_eq!(
        bstr::BStr::new(&print(&again)),
        bstr::BStr::new(&once),
        "printed, read and printed"
    );
    let bare = |config: &Config| -> String {
        // Places and origins are those of another file.
        let text = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            config.version,
            config
                .macros
                .iter()
                .map(|one| (&one.name, &one.value))
                .collect::<Vec<_>>(),
            config
                .classes
                .iter()
                .map(|one| (&one.name, &one.source))
                .collect::<Vec<_>>(),
            config
                .options
                .iter()
                .map(|(opt, value)| (opt, &value.text))
                .collect::<Vec<_>>(),
            config
                .maps
                .iter()
                .map(|one| (&one.name, &one.class, &one.args))
                .collect::<Vec<_>>(),
            config
                .headers
                .iter()
                .map(|one| (&one.condition, &one.name, &one.action))
                .collect::<Vec<_>>(),
            config
                .rulesets
                .iter()
                .filter(|one| !one.rules.is_empty())
                .map(|one| {
                    let rules = one
                        .rules
                        .iter()
                        .map(|rule| (&rule.lhs, &rule.rhs, &rule.comment));
                    (&one.name, rules.collect::<Vec<_>>())
                })
                .collect::<std::collections::BTreeMap<_, _>>(),
        );
        text
    };
    assert_eq!(bare(&again), bare(config));
}

#[test]
fn a_site_is_printed_as_it_was_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("mc");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_godwit"))
            .arg("compile")
            .arg(&path)
            .output()
            .unwrap();
        let origin = Origin::file_only("test.cf");
        let (config, _) = read(&output.stdout, Origins::File(&origin));
        assert!(config.mailers.len() > 3, "{}", path.display());
        comes_back(&config);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let origin = Origin::file_only("test.cf");
        let (config, _) = read(&bytes, Origins::File(&origin));
        // What such bytes come to need not be the same when it is read again.
        let _ = read(&print(&config), Origins::File(&origin));
    }

    #[test]
    fn lines_of_any_kind_are_read(
        lines in proptest::collection::vec("[VDCFTKPEHQXSRMO](\\PC|[ \t=,/{}$#\"\\\\<>?:]){0,30}", 0..12)
    ) {
        let text = lines.join("\n");
        let origin = Origin::file_only("test.cf");
        let (config, _) = read(text.as_bytes(), Origins::File(&origin));
        let _ = read(&print(&config), Origins::File(&origin));
    }
}
