//! `-d0.1`: which program this is and who it takes this host to be; the way
//! by which scripts learn the version and `$w $j $m $k`.

use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::Command;
use crate::cli::address_test::debug::DebugLevels;
use crate::cli::output::print;
use crate::daemon::{self, site};
use crate::os::SystemFiles;
use crate::rewrite::MacroTable;
use crate::route::load;

/// What this build can do, in the words that the reference has for it.
const BUILT_WITH: &[(&str, bool)] = &[
    ("DNSMAP", true),
    ("IPV6_FULL", true),
    ("LDAPMAP", cfg!(feature = "ldap")),
    ("LOG", true),
    ("MAP_REGEX", true),
    ("MATCHGECOS", true),
    ("MIME7TO8", true),
    ("MIME8TO7", true),
    ("NAMED_BIND", true),
    ("NETINET", true),
    ("NETINET6", true),
    ("NETUNIX", true),
    ("NEWDB", true),
    ("PIPELINING", true),
    ("SASLv2", true),
    ("SCANF", true),
    ("SOCKETMAP", true),
    ("STARTTLS", true),
    ("TCPWRAPPERS", true),
    ("TLS_EC", true),
    ("USERDB", true),
    ("XDEBUG", true),
];

/// Words go on in a new line after so many columns.
const COLUMNS: usize = 72;

/// Says what the levels ask for; without a configuration that can be read,
/// only what is built in.
pub(super) fn show(command: &Command<'_>) {
    let mut levels = DebugLevels::default();
    for flag in &command.flags.debug {
        levels.set(flag);
    }
    if !levels.at(0, 1) {
        return;
    }
    print(format!("Version {}\n{}", site::VERSION, built_with()));
    let place = command.place;
    if levels.at(0, 10) {
        print(format!(
            "     Conf file:\t{} (default for MSP)\n     Conf file:\t{} (default for MTA)\n",
            place.submit_cf().display(),
            place.sendmail_cf().display()
        ));
    }
    let Ok(loaded) = daemon::load(&command.source) else {
        return;
    };
    let host = site::identity(&loaded.config.options);
    let initial = Arc::new(load::initial_macros(
        &host,
        site::VERSION,
        std::process::id(),
    ));
    let (mut classes, _) = load::classes(&loaded.config, &initial, &host, &SystemFiles);
    if levels.at(0, 4) {
        print(format!(
            "Canonical name: {}\n UUCP nodename: {}\n",
            host.full, host.node
        ));
        for alias in host.aliases.iter().map(String::as_str) {
            print(format!("\ta.k.a.: {alias}\n"));
        }
        for address in &host.addresses {
            print(format!("\ta.k.a.: [{address}]\n"));
        }
    }
    if levels.at(0, 10) {
        let file = command.source.file.display();
        let pid = loaded.config.options.text(crate::cf::Opt::PidFile);
        print(format!(
            "     Conf file:\t{file} (selected)\n      Pid file:\t{pid} (selected)\n"
        ));
    }
    let mut macros = MacroTable::of_config(&loaded.config, Some(initial));
    load::settle(&mut macros, &mut classes);
    print(identity(&macros));
}

/// `Compiled with:` and the words, in lines.
fn built_with() -> String {
    let mut text = String::from(" Compiled with:");
    let mut column = text.len();
    for (word, _) in BUILT_WITH.iter().filter(|(_, is_in)| *is_in) {
        if column + 1 + word.len() > COLUMNS {
            text.push_str("\n\t\t");
            column = 16;
        } else {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
    text.push('\n');
    text
}

fn identity(macros: &MacroTable) -> BString {
    let mut text = BString::from("\n============ SYSTEM IDENTITY (after readcf) ============\n");
    for (what, name) in [
        ("      (short domain name)", b"w"),
        ("  (canonical domain name)", b"j"),
        ("         (subdomain name)", b"m"),
        ("              (node name)", b"k"),
    ] {
        let value = macros.text(name);
        text.extend_from_slice(format!("{what} ${} = ", name.as_bstr()).as_bytes());
        text.extend_from_slice(&value);
        text.push(b'\n');
    }
    text.extend_from_slice(b"========================================================\n\n");
    text
}
