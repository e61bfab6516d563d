//! Options that are lists of words.

use bstr::{BStr, ByteSlice};

use super::{did_you_mean, is_one_of};
use crate::base::Diagnostic;
use crate::cf::{Config, Opt, OptionValue};
use crate::check::codes;

/// Words of PrivacyOptions.
pub(super) const PRIVACY: &[&str] = &[
    "public",
    "needmailhelo",
    "needexpnhelo",
    "needvrfyhelo",
    "noexpn",
    "novrfy",
    "noetrn",
    "noverb",
    "restrictmailq",
    "restrictqrun",
    "restrictexpand",
    "noreceipts",
    "nobodyreturn",
    "goaway",
    "authwarnings",
    "noactualrecipient",
    "noreflection",
];

/// Words of DontBlameSendmail.
const BLAME: &[&str] = &[
    "safe",
    "AssumeSafeChown",
    "GroupWritableDirPathSafe",
    "GroupWritableForwardFileSafe",
    "GroupWritableIncludeFileSafe",
    "GroupWritableAliasFile",
    "WorldWritableAliasFile",
    "ForwardFileInUnsafeDirPath",
    "IncludeFileInUnsafeDirPath",
    "MapInUnsafeDirPath",
    "LinkedAliasFileInWritableDir",
    "LinkedClassFileInWritableDir",
    "LinkedForwardFileInWritableDir",
    "LinkedIncludeFileInWritableDir",
    "LinkedMapInWritableDir",
    "LinkedServiceSwitchFileInWritableDir",
    "FileDeliveryToHardLink",
    "FileDeliveryToSymLink",
    "WriteMapToHardLink",
    "WriteMapToSymLink",
    "WriteStatsToHardLink",
    "WriteStatsToSymLink",
    "ForwardFileInGroupWritableDirPath",
    "IncludeFileInGroupWritableDirPath",
    "ClassFileInUnsafeDirPath",
    "ErrorHeaderInUnsafeDirPath",
    "HelpFileInUnsafeDirPath",
    "ForwardFileInUnsafeDirPathSafe",
    "IncludeFileInUnsafeDirPathSafe",
    "RunProgramInUnsafeDirPath",
    "RunWritableProgram",
    "NonRootSafeAddr",
    "TrustStickyBit",
    "DontWarnForwardFileInUnsafeDirPath",
    "InsufficientEntropy",
    "GroupReadableSASLDBFile",
    "GroupWritableSASLDBFile",
    "GroupWritableForwardFile",
    "GroupWritableIncludeFile",
    "WorldWritableForwardFile",
    "WorldWritableIncludeFile",
    "GroupReadableKeyFile",
    "GroupReadableDefaultAuthInfoFile",
    "CertOwner",
];

/// Mechanisms of AUTH that sites name.
const MECHANISMS: &[&str] = &[
    "EXTERNAL",
    "GSSAPI",
    "GSS-SPNEGO",
    "KERBEROS_V4",
    "DIGEST-MD5",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
    "NTLM",
    "ANONYMOUS",
    "OTP",
    "SRP",
    "PASSDSS-3DES-1",
    "XOAUTH2",
    "OAUTHBEARER",
    "SCRAM-SHA-1",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512",
];

/// What is wrong with lists of words.
pub(super) fn faults(config: &Config, faults: &mut Vec<Diagnostic>) {
    for value in config.options.all(Opt::PrivacyOptions) {
        unknown(value, "PrivacyOptions", "cf-privacy-word", PRIVACY, faults);
    }
    for value in config.options.all(Opt::DontBlameSendmail) {
        unknown(value, "DontBlameSendmail", "cf-blame-word", BLAME, faults);
    }
    for value in config.options.all(Opt::AuthOptions) {
        let bad = value
            .text
            .iter()
            .find(|byte| !b"AacdfmpyT ,\t".contains(byte));
        if let Some(bad) = bad.filter(|_| !value.text.contains(&b'$')) {
            let message = format!("AuthOptions has no letter `{}'", [*bad].as_bstr());
            faults.push(fault("cf-auth-option", value, message));
        }
    }
    for value in config.options.all(Opt::AuthMechanisms) {
        for word in words(value) {
            let Some(near) = near_mechanism(word) else {
                continue;
            };
            let message = format!("`{word}' is no mechanism of AUTH that is known");
            let fault = fault("cf-auth-mechanism", value, message);
            faults.push(fault.help(format!("Did you mean `{near}'?")));
        }
    }
    milters(config, faults);
}

fn fault(code: &'static str, value: &OptionValue, message: String) -> Diagnostic {
    codes::fault(code, value.origin.clone(), message)
}

fn words(value: &OptionValue) -> impl Iterator<Item = &BStr> {
    value
        .text
        .split(|byte| *byte == b',' || byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty() && !word.contains(&b'$'))
        .map(BStr::new)
}

fn unknown(
    value: &OptionValue,
    option: &str,
    code: &'static str,
    known: &[&'static str],
    faults: &mut Vec<Diagnostic>,
) {
    for word in words(value) {
        if !is_one_of(word, known) {
            let fault = fault(code, value, format!("{option} has no word `{word}'"));
            faults.push(did_you_mean(fault, word, known));
        }
    }
}

/// The mechanism that a name nobody knows was probably meant to be.
fn near_mechanism(word: &BStr) -> Option<&'static str> {
    if is_one_of(word, MECHANISMS) {
        return None;
    }
    crate::base::nearest(word.to_str().ok()?, MECHANISMS.iter().copied())
}

/// Names of milters that no X line has.
fn milters(config: &Config, faults: &mut Vec<Diagnostic>) {
    for value in config.options.all(Opt::InputMailFilters) {
        for word in words(value) {
            if config.milters.iter().any(|milter| milter.name == *word) {
                continue;
            }
            let message = format!("InputMailFilters names `{word}', which no X line defines");
            faults.push(fault("cf-milter-undefined", value, message));
        }
    }
}
