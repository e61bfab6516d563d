//! The SASL library's configuration for this service (`Sendmail.conf`): a
//! site has it already, so what it says holds here, too.

use std::path::PathBuf;

use bstr::{BStr, ByteSlice};

use super::Mechanism;

/// Where a site may have it; the first that is there counts.
pub const FILES: [&str; 5] = [
    "/etc/sasl2/Sendmail.conf",
    "/etc/sasl/Sendmail.conf",
    "/usr/lib/sasl2/Sendmail.conf",
    "/etc/mail/sasl/Sendmail.conf.2",
    "/etc/mail/sasl/Sendmail.conf",
];

/// Where `saslauthd` listens when nothing is said.
pub const SASLAUTHD_SOCKET: &str = "/var/run/saslauthd/mux";
/// Where the library keeps passwords when nothing is said.
pub const SASLDB: &str = "/etc/sasldb2";

/// How a password is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `saslauthd`: a daemon is asked.
    Saslauthd,
    /// `auxprop`: passwords are in `sasldb2`.
    Sasldb,
    /// `pam`: PAM is asked, without a daemon.
    Pam,
    /// `godwit`: our own file of verifiers.
    Verifiers,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// `pwcheck_method`, in its order.
    pub methods: Vec<Method>,
    /// Words of `pwcheck_method` that mean nothing here.
    pub unknown: Vec<String>,
    /// `mech_list`.
    pub mechanisms: Option<Vec<Mechanism>>,
    /// `saslauthd_path`; a directory means the socket `mux` in it.
    pub saslauthd: PathBuf,
    /// `sasldb_path`
    pub sasldb: PathBuf,
    /// `pam_service`, ours alone: the name PAM knows us by.
    pub pam_service: String,
}

impl Default for Library {
    fn default() -> Self {
        Self {
            // The library's default; our own file counts when it is there.
            methods: vec![Method::Sasldb, Method::Verifiers],
            unknown: Vec::new(),
            mechanisms: None,
            saslauthd: SASLAUTHD_SOCKET.into(),
            sasldb: SASLDB.into(),
            pam_service: "smtp".to_owned(),
        }
    }
}

impl Library {
    /// Reads `name: value` lines; what is unknown is passed over, as the
    /// library does.
    pub fn parse(text: &[u8]) -> Self {
        let mut library = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once_str(":") else {
                continue;
            };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().as_bstr());
            match name.as_slice() {
                b"pwcheck_method" => library.set_methods(value),
                b"mech_list" => library.mechanisms = Some(Mechanism::list(value)),
                b"saslauthd_path" => {
                    let path = value.to_path_lossy().into_owned();
                    // The library's manual names the directory, too.
                    library.saslauthd = match path.file_name() {
                        Some(name) if name == "mux" => path,
                        _ if value.ends_with(b"saslauthd") => path.join("mux"),
                        _ => path,
                    };
                }
                b"sasldb_path" => library.sasldb = value.to_path_lossy().into_owned(),
                b"pam_service" => library.pam_service = value.to_str_lossy().into_owned(),
                _ => {}
            }
        }
        library
    }

    fn set_methods(&mut self, value: &BStr) {
        self.methods.clear();
        for word in value.fields_with(|c| c == ',' || c.is_whitespace()) {
            match word.to_ascii_lowercase().as_slice() {
                b"saslauthd" => self.methods.push(Method::Saslauthd),
                b"auxprop" | b"auxprop-hashed" | b"sasldb" => self.methods.push(Method::Sasldb),
                b"pam" => self.methods.push(Method::Pam),
                b"godwit" => self.methods.push(Method::Verifiers),
                other => self.unknown.push(other.to_str_lossy().into_owned()),
            }
        }
    }

    /// Whether a mechanism can be offered with these methods: who only has
    /// somebody to ask about passwords cannot speak those that hide them.
    pub fn can(&self, mechanism: Mechanism) -> bool {
        let listed = self
            .mechanisms
            .as_ref()
            .is_none_or(|list| list.contains(&mechanism));
        let has = |method| self.methods.contains(&method);
        let works = match mechanism {
            Mechanism::External => return true,
            Mechanism::Plain | Mechanism::Login => !self.methods.is_empty(),
            Mechanism::CramMd5 | Mechanism::DigestMd5 => has(Method::Sasldb),
            Mechanism::Xoauth2 | Mechanism::OauthBearer => has(Method::Verifiers),
            _ => has(Method::Sasldb) || has(Method::Verifiers),
        };
        listed && works
    }
}

/// The key of a user's password in `sasldb2`.
pub fn sasldb_key(user: &[u8], realm: &[u8]) -> Vec<u8> {
    bstr::concat([user, b"\0", realm, b"\0userPassword"])
}
