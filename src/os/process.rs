//! This process and its children: the way to our own program, signals as
//! something to read, the end of children.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// This process's id.
pub fn pid() -> u32 {
    std::process::id()
}

/// The program this process runs, to start it again in another role.
pub fn own_program() -> PathBuf {
    // The link works even after the file was replaced by a newer one; where
    // there is no /proc, the name we were called by has to do.
    match std::env::current_exe() {
        Ok(path) if path.exists() => path,
        _ => {
            let link = PathBuf::from("/proc/self/exe");
            if link.exists() {
                link
            } else {
                std::env::args_os().next().unwrap_or_default().into()
            }
        }
    }
}

/// Starts our own program in a role, with one end of a channel as its
/// standard input and nothing else of ours but standard error. The
/// environment is empty but for the time zone; the directory is ours.
///
/// # Errors
/// When the process cannot be made.
pub fn start_role<S: AsRef<OsStr>>(
    role: &str,
    arguments: impl IntoIterator<Item = S>,
    channel: OwnedFd,
    keep_stderr: bool,
) -> io::Result<u32> {
    let mut command = Command::new(own_program());
    command
        .arg0("godwit")
        .arg(role)
        .args(arguments)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "TZ" || name == "RUST_BACKTRACE"))
        // Ctrl-C is for the parent, which ends the others in good order.
        .process_group(0)
        .stdin(Stdio::from(channel))
        .stdout(Stdio::null());
    if !keep_stderr {
        command.stderr(Stdio::null());
    }
    // The child is reaped by `reap`, as all children are.
    Ok(command.spawn()?.id())
}

/// Starts our own program in a role as the caller's successor: with its
/// environment, directory, output and errors, and one end of a channel as
/// standard input.
///
/// # Errors
/// When the process cannot be made.
pub fn start_successor<S: AsRef<OsStr>>(
    role: &str,
    arguments: impl IntoIterator<Item = S>,
    channel: OwnedFd,
) -> io::Result<()> {
    Command::new(own_program())
        .arg0("godwit")
        .arg(role)
        .args(arguments)
        .stdin(Stdio::from(channel))
        .spawn()?;
    Ok(())
}

/// Leaves the caller's session, so that signals of its terminal stay away.
/// Nothing happens when this process leads a session already.
pub fn leave_session() {
    let _ = nix::unistd::setsid();
}

/// Lets go of what still ties this process to its caller: standard input,
/// output and error, and the directory.
///
/// # Errors
/// When the system refuses.
pub fn leave_terminal() -> io::Result<()> {
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    std::env::set_current_dir("/")
}

/// Sends a signal to a process.
///
/// # Errors
/// When there is no such process, or it is not ours to signal.
pub fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(nix::sys::signal::kill(Pid::from_raw(pid), signal)?)
}

/// Kills a child and waits for its end.
pub fn end_child(pid: u32) {
    let _ = signal(pid, Signal::SIGKILL);
    if let Ok(pid) = i32::try_from(pid) {
        while waitpid(Pid::from_raw(pid), None) == Err(nix::errno::Errno::EINTR) {}
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedChild {
    /// Its process id.
    pub pid: u32,
    /// Its exit code, or `None` when a signal ended it.
    pub code: Option<i32>,
}

/// One child that has ended, if any has.
pub fn reap() -> Option<EndedChild> {
    let (pid, code) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::Exited(pid, code)) => (pid, Some(code)),
        Ok(WaitStatus::Signaled(pid, _, _)) => (pid, None),
        _ => return None,
    };
    Some(EndedChild {
        pid: u32::try_from(pid.as_raw()).ok()?,
        code,
    })
}

/// Lets this process hold as many descriptors as the system ever lets it: the
/// usual limit is for programs that hold few, not for one with a session each.
pub fn raise_descriptor_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // With fewer, connections wait until others have gone.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Signals as something to wait for beside other descriptors.
pub struct Signals {
    descriptor: SignalFd,
}

impl Signals {
    /// Takes the signals that a daemon answers: HUP, INT, TERM, USR1, CHLD.
    /// Must be called while this process has one thread.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take() -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in [
            Signal::SIGHUP,
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGUSR1,
            Signal::SIGCHLD,
        ] {
            set.add(signal);
        }
        set.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Self {
            descriptor: SignalFd::with_flags(&set, flags)?,
        })
    }

    /// The next signal that has come, if any.
    pub fn take_next(&mut self) -> Option<Signal> {
        let info = self.descriptor.read_signal().ok()??;
        Signal::try_from(i32::try_from(info.ssi_signo).ok()?).ok()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}
