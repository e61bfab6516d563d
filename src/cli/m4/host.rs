//! The real world for the macro processor.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use bstr::BString;
use nix::errno::Errno;

use crate::m4::{Finished, Found, Host, HostError, LineOrigin, Message};

/// Where debugging text goes.
enum DebugTo {
    Stderr,
    Nowhere,
    File(File),
}

/// Files, the shell, standard output and error.
pub(in crate::cli) struct RealHost {
    include: Vec<PathBuf>,
    debug: DebugTo,
    stdin_used: bool,
    /// The first failure to write standard output, said already.
    write_failed: bool,
}

impl RealHost {
    /// With the directories of the search path, and the file for debugging
    /// text.
    pub(in crate::cli) fn new(include: Vec<PathBuf>, debug_file: Option<&[u8]>) -> Self {
        let mut host = Self {
            include,
            debug: DebugTo::Stderr,
            stdin_used: false,
            write_failed: false,
        };
        if let Some(name) = debug_file
            && let Err(reason) = host.debug_file(Some(name))
        {
            let mut line = b"m4: cannot set debug file `".to_vec();
            line.extend_from_slice(name);
            line.extend_from_slice(b"': ");
            line.extend_from_slice(&reason.0);
            line.push(b'\n');
            to_stderr(&line);
        }
        host
    }

    /// Whether everything reached standard output.
    pub(super) fn output_was_written(&self) -> bool {
        !self.write_failed
    }

    fn read_stdin(&mut self) -> Result<Found, HostError> {
        let mut bytes = Vec::new();
        if !std::mem::replace(&mut self.stdin_used, true) {
            std::io::stdin()
                .read_to_end(&mut bytes)
                .map_err(|error| reason(&error))?;
        }
        Ok(Found {
            path: BString::from("stdin"),
            bytes,
        })
    }
}

/// The system's words for an error, as C's `strerror` gives them.
fn reason(error: &std::io::Error) -> HostError {
    match error.raw_os_error() {
        Some(code) => HostError::new(Errno::from_raw(code).desc()),
        None => HostError::new(error.to_string()),
    }
}

/// Nobody is left to tell when standard error is gone.
fn to_stderr(bytes: &[u8]) {
    let _ = std::io::stderr().write_all(bytes);
}

fn read_path(path: &Path) -> Result<Vec<u8>, HostError> {
    let mut file = File::open(path).map_err(|error| reason(&error))?;
    let metadata = file.metadata().map_err(|error| reason(&error))?;
    if metadata.is_dir() {
        return Err(HostError::new(Errno::EISDIR.desc()));
    }
    let length = usize::try_from(metadata.len()).unwrap_or(0);
    if metadata.is_file() && length > 0 {
        let mut bytes = Vec::with_capacity(length);
        // Most often one call reads it all, and none need ask for the end.
        let mut known = (&file).take(metadata.len());
        known
            .read_to_end(&mut bytes)
            .map_err(|error| reason(&error))?;
        if bytes.len() == length {
            return Ok(bytes);
        }
        file.rewind().map_err(|error| reason(&error))?;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|error| reason(&error))?;
    Ok(bytes)
}

fn finished(status: ExitStatus) -> Finished {
    match (status.code(), status.signal()) {
        (Some(code), _) => Finished::Exited(code),
        (None, Some(signal)) => Finished::Killed(signal),
        (None, None) => Finished::Exited(127),
    }
}

fn shell(command: &[u8]) -> Command {
    let mut shell = Command::new("/bin/sh");
    // The name is in the shell's messages.
    shell.arg0("sh").arg("-c").arg(OsStr::from_bytes(command));
    shell
}

impl Host for RealHost {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        if name == b"-" {
            return self.read_stdin();
        }
        let asked = Path::new(OsStr::from_bytes(name));
        // An empty name is the directory itself to `join`; to open(2) it is
        // nothing.
        let first = match read_path(asked) {
            Ok(bytes) => {
                return Ok(Found {
                    path: BString::from(name),
                    bytes,
                });
            }
            Err(reason) => reason,
        };
        if name.is_empty() || asked.is_absolute() {
            return Err(first);
        }
        for directory in &self.include {
            let path = directory.join(asked);
            if let Ok(bytes) = read_path(&path) {
                let path = BString::from(path.as_os_str().as_bytes());
                return Ok(Found { path, bytes });
            }
        }
        Err(first)
    }

    fn message(&mut self, message: &Message) {
        let mut line = message.gnu_text();
        line.push(b'\n');
        to_stderr(&line);
    }

    fn output(&mut self, bytes: &[u8]) {
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        if let Err(error) = written
            && !std::mem::replace(&mut self.write_failed, true)
        {
            let mut line = b"m4: write error: ".to_vec();
            line.extend_from_slice(&reason(&error).0);
            line.push(b'\n');
            to_stderr(&line);
        }
    }

    fn errprint(&mut self, bytes: &[u8], _origin: &LineOrigin) {
        to_stderr(bytes);
    }

    fn debug(&mut self, bytes: &[u8]) {
        match &mut self.debug {
            DebugTo::Stderr => to_stderr(bytes),
            DebugTo::Nowhere => {}
            DebugTo::File(file) => {
                // As with standard error: a lost trace stops nothing.
                let _ = file.write_all(bytes);
            }
        }
    }

    fn debug_file(&mut self, name: Option<&[u8]>) -> Result<(), HostError> {
        self.debug = match name {
            None => DebugTo::Stderr,
            Some(b"") => DebugTo::Nowhere,
            Some(name) => {
                let file = File::options()
                    .append(true)
                    .create(true)
                    .open(OsStr::from_bytes(name))
                    .map_err(|error| reason(&error))?;
                DebugTo::File(file)
            }
        };
        Ok(())
    }

    fn run(&mut self, command: &[u8]) -> Result<Finished, HostError> {
        let status = shell(command).status().map_err(|error| reason(&error))?;
        if status.code() == Some(127) {
            to_stderr(b"m4: syscmd subprocess failed\n");
        }
        Ok(finished(status))
    }

    fn capture(&mut self, command: &[u8]) -> Result<(Vec<u8>, Finished), HostError> {
        let output = shell(command)
            .stdin(Stdio::inherit())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| reason(&error))?;
        Ok((output.stdout, finished(output.status)))
    }

    fn make_temp(&mut self, template: &[u8]) -> Result<BString, HostError> {
        match nix::unistd::mkstemp(OsStr::from_bytes(template)) {
            Ok((descriptor, path)) => {
                // Only the name is wanted.
                let _ = nix::unistd::close(descriptor);
                Ok(BString::from(path.as_os_str().as_bytes()))
            }
            Err(error) => Err(HostError::new(error.desc())),
        }
    }

    fn process_id(&mut self) -> u32 {
        std::process::id()
    }
}
