//! Programs run for their output: map class `program`, classes filled by a
//! program.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::world::{BoxFuture, Ended, Program, Programs};

/// What a program finds in its environment.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/bin:/usr/bin:/usr/ucb"), ("AGENT", "sendmail")];

/// Starts programs, as the user this process already is unless it is root; each in a process
/// group of its own, so that its children end with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemPrograms;

impl Programs for SystemPrograms {
    fn output(&self, program: Program) -> BoxFuture<'_, io::Result<Ended>> {
        Box::pin(async move {
            tokio::task::spawn_blocking(move || run(&program))
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error)))
        })
    }
}

fn run(program: &Program) -> io::Result<Ended> {
    let (path, arguments) = program
        .arguments
        .split_first()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let deadline = Instant::now() + program.time_max;
    // A socket instead of a pipe, because reads from it can have a time limit.
    let (ours, theirs) = UnixStream::pair()?;
    let directory = program.directories.iter().find(|path| path.is_dir());
    let mut command = Command::new(OsStr::from_bytes(path));
    if let Some((uid, gid)) = program.user
        && nix::unistd::geteuid().is_root()
    {
        // This takes root's other groups away, too.
        command.gid(gid).uid(uid);
    }
    let mut child = command
        .args(arguments.iter().map(|word| OsStr::from_bytes(word)))
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir(directory.map_or(Path::new("/"), PathBuf::as_path))
        .stdin(Stdio::null())
        .stdout(Stdio::from(OwnedFd::from(theirs)))
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    // It holds their end of the socket, which would never close.
    drop(command);
    let output = read_until(ours, deadline, program.output_bytes_max);
    let status = wait_until(&mut child, deadline)?;
    Ok(Ended {
        output: output.into(),
        status,
    })
}

/// Everything up to the end or the deadline, cut at `max` bytes.
fn read_until(mut from: UnixStream, deadline: Instant, max: usize) -> Vec<u8> {
    let mut output = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || from.set_read_timeout(Some(left)).is_err() {
            return output;
        }
        match from.read(&mut buffer) {
            Ok(0) => return output,
            Ok(n) => {
                let room = max.saturating_sub(output.len());
                output.extend_from_slice(&buffer[..n.min(room)]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return output,
        }
    }
}

/// Waits for the end; at the deadline the whole group is killed.
fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<Option<i32>> {
    let mut pause = Duration::from_micros(200);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code().filter(|_| status.signal().is_none()));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests;
