//! The parent: binds, supervises, and nothing else.
//!
//! One thread, one loop over signals and the engine's channel. It never reads
//! a byte of mail. What the engine asks for is taken as a stranger's wish:
//! agents are started for users that the parent itself finds in the user
//! database, and files are opened only when the configuration, as the parent
//! itself read it, names them.

use std::fs::OpenOptions;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice};
use nix::sys::signal::Signal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::configuration::{Loaded, Source, load};
use super::frame::{Start, ToEngine, ToParent};
use super::log::DaemonLog;
use super::run_as::run_as;
use crate::base::maillog::Priority;
use crate::base::{Place, Sysexit};
use crate::cf::Opt;
use crate::os::{
    Identity, LogTarget, Signals, SystemUsers, hand_over_directory, hand_over_file,
    hand_over_own_file, is_root, reap, signal,
};

mod agents;
mod files;
mod listeners;
mod logins;
mod pid_file;
mod process;

pub(super) use agents::Agents;
use files::Files;
use listeners::Listeners;
use logins::Logins;
use pid_file::PidFile;
use process::{Heard, Process};

/// Frames taken before signals are looked at again.
const FRAMES_MAX: usize = 256;
/// How long a stopping engine may take to finish what it has in hand.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How long agents may take after the engine is gone.
const AGENT_PATIENCE: Duration = Duration::from_secs(5);
/// The first pause before a crashed engine is started again, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// An engine that ran this long did well; the next pause is the first again.
const RAN_WELL: Duration = Duration::from_secs(60);

/// What the daemon is to be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which configuration.
    pub source: Source,
    /// How often the queue is run.
    pub queue_interval: Option<Duration>,
    /// Run the queue once, selected by these words (as after `-q`), and end.
    pub once: Option<Vec<BString>>,
    /// Whether it listens (`-bd`), or only runs the queue (`-q15m` alone).
    pub listens: bool,
    /// Whether children may write to standard error: it is somebody's.
    pub has_stderr: bool,
    /// Where the log goes.
    pub log: LogTarget,
    /// The tag of log lines.
    pub tag: BString,
    /// How it was called: the second line of the pid file.
    pub command_line: BString,
}

/// Why the daemon could not start, or ended badly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Stopped {
    /// The exit code that says it.
    pub code: Sysexit,
    /// One sentence.
    pub text: String,
}

impl Stopped {
    pub(super) fn new(code: Sysexit, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}

/// Runs the daemon until it is told to stop. `started` is called once, when
/// sessions are served. Must be called while this process has one thread.
///
/// # Errors
/// When it cannot start: no port, no user, no configuration.
pub fn supervise(
    settings: Settings,
    loaded: &Loaded,
    started: impl FnOnce(),
) -> Result<(), Stopped> {
    let options = &loaded.config.options;
    let users = SystemUsers::new();
    // Engine and agents inherit the directory. A root that is found from
    // there and nowhere else is where they must stay.
    if settings.source.place.root() != Some(Path::new(".")) {
        let _ = std::env::set_current_dir("/");
    }
    let identity = if is_root() {
        let identity = run_as(options, &users);
        Some(identity.map_err(|text| Stopped::new(Sysexit::Config, text))?)
    } else {
        None
    };
    let mut listeners = Listeners::default();
    if settings.listens {
        listeners
            .change(options)
            .map_err(|text| Stopped::new(Sysexit::Unavailable, text))?;
        listeners.open_control(options, identity.as_ref());
    }
    let signals = Signals::take()
        .map_err(|error| Stopped::new(Sysexit::OsErr, format!("signals: {error}")))?;
    let log = DaemonLog::new(settings.log.clone(), &settings.tag);
    let pid_file = settings
        .once
        .is_none()
        .then(|| PidFile::write(options, settings.command_line.as_bstr()));
    let mut parent = Parent {
        queue_directories: queue_directories(loaded),
        status_file: status_file(loaded),
        files: Files::named_by(&loaded.config)
            .without_secrets(&loaded.config, &settings.source.place),
        agents: Agents::new(users, options, &settings.source.place),
        settings,
        identity,
        listeners,
        signals,
        log,
        engine: Engine::Down {
            until: Instant::now(),
        },
        pause: BACKOFF.0,
        was_ready: false,
        logins: Logins::Unwanted,
    };
    if let Some(Err(error)) = &pid_file {
        parent.say(Priority::Error, &format!("pid file: {error}"));
    }
    if parent.settings.once.is_some() {
        return parent.run(started);
    }
    parent.announce();
    let result = parent.run(started);
    parent.say(Priority::Info, "stopping daemon, reason=signal");
    result
}

/// The engine as the parent sees it.
enum Engine {
    /// Not running; to be started then.
    Down { until: Instant },
    /// Running.
    Up(Process),
    /// Told to stop; killed then.
    Stopping(Process, Instant),
}

struct Parent {
    settings: Settings,
    identity: Option<Identity>,
    queue_directories: Vec<PathBuf>,
    /// StatusFile; empty for none.
    status_file: PathBuf,
    listeners: Listeners,
    files: Files,
    agents: Agents,
    signals: Signals,
    log: DaemonLog,
    engine: Engine,
    pause: Duration,
    was_ready: bool,
    logins: Logins,
}

impl Parent {
    fn run(&mut self, started: impl FnOnce()) -> Result<(), Stopped> {
        let mut started = Some(started);
        loop {
            if let Engine::Down { until } = self.engine
                && Instant::now() >= until
            {
                self.start_engine();
            }
            if self.logins.due().is_some_and(|due| Instant::now() >= due) {
                match &self.engine {
                    Engine::Up(_) => self.start_logins(),
                    _ => self.logins = Logins::Unwanted,
                }
            }
            self.wait();
            // What an engine said before it ended is heard first.
            self.read_engine()?;
            self.serve_files();
            while let Some(signal) = self.signals.take_next() {
                if self.handle_signal(signal) {
                    return Ok(());
                }
            }
            if let Engine::Stopping(process, until) = &self.engine
                && Instant::now() >= *until
            {
                // What it was doing is in the journal.
                process.kill();
            }
            if self.was_ready
                && let Some(started) = started.take()
            {
                started();
            }
        }
    }

    /// Waits for a signal, a frame, or the next thing to do.
    fn wait(&self) {
        let now = Instant::now();
        let left = match &self.engine {
            Engine::Down { until } | Engine::Stopping(_, until) => {
                Some(until.saturating_duration_since(now))
            }
            Engine::Up(_) => {
                let due = self.logins.due();
                due.map(|due| due.saturating_duration_since(now))
            }
        };
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut waited: Vec<PollFd<'_>> = vec![PollFd::new(&self.signals, PollFlags::IN)];
        if let Some(process) = self.process() {
            waited.extend(process.open().map(|end| PollFd::new(end, PollFlags::IN)));
        }
        // An error here is an interruption; the loop looks again.
        let _ = poll(&mut waited, timeout.as_ref());
    }

    fn process(&self) -> Option<&Process> {
        match &self.engine {
            Engine::Down { .. } => None,
            Engine::Up(process) | Engine::Stopping(process, _) => Some(process),
        }
    }

    fn process_mut(&mut self) -> Option<&mut Process> {
        match &mut self.engine {
            Engine::Down { .. } => None,
            Engine::Up(process) | Engine::Stopping(process, _) => Some(process),
        }
    }

    /// Acts on a signal; true when all is over.
    fn handle_signal(&mut self, signal: Signal) -> bool {
        match signal {
            Signal::SIGTERM | Signal::SIGINT => return self.stop(),
            Signal::SIGHUP => {
                self.say(Priority::Info, "reloading the configuration due to signal");
                self.send(&ToEngine::Reload, &[]);
            }
            Signal::SIGUSR1 => self.say_state(),
            Signal::SIGCHLD => {
                while let Some(child) = reap() {
                    if self.agents.ended(child.pid) {
                        continue;
                    }
                    if self.logins.ended(child.pid) {
                        if matches!(self.engine, Engine::Up(_)) {
                            let text = format!("logins [{}] ended; starting it again", child.pid);
                            self.say(Priority::Critical, &text);
                        }
                        continue;
                    }
                    if self.engine_ended(child.pid, child.code) {
                        return true;
                    }
                }
            }
            _ => {}
        }
        false
    }

    fn start_frame(&self) -> Start {
        let settings = &self.settings;
        Start {
            source: settings.source.clone(),
            queue_interval: settings.queue_interval,
            once: settings.once.clone(),
            listens: settings.listens,
            log: settings.log.clone(),
            tag: settings.tag.clone(),
        }
    }

    fn start_engine(&mut self) {
        // What it says of the configuration is said before it gets the queue.
        if let (Some(identity), LogTarget::File(path)) = (&self.identity, &self.settings.log) {
            self.give_log(path, identity);
        }
        let (start, has_stderr) = (self.start_frame(), self.settings.has_stderr);
        let started = Logins::start(&start, has_stderr).and_then(|(logins, line)| {
            let process = Process::start(start, line.as_fd(), has_stderr)?;
            Ok((logins, process))
        });
        match started {
            Ok((logins, process)) => {
                self.logins = logins;
                self.engine = Engine::Up(process);
            }
            Err(error) => {
                self.say(Priority::Critical, &format!("cannot start engine: {error}"));
                self.back_off();
            }
        }
    }

    /// Starts another process of logins for the engine that runs.
    fn start_logins(&mut self) {
        let (start, has_stderr) = (self.start_frame(), self.settings.has_stderr);
        match Logins::start(&start, has_stderr) {
            Ok((logins, line)) => {
                self.logins = logins;
                self.send(&ToEngine::Logins, &[line.as_fd()]);
            }
            Err(error) => {
                self.say(Priority::Critical, &format!("cannot start logins: {error}"));
                self.logins = Logins::Due(Instant::now() + BACKOFF.1);
            }
        }
    }

    fn back_off(&mut self) {
        self.logins = Logins::Unwanted;
        self.engine = Engine::Down {
            until: Instant::now() + self.pause,
        };
        self.pause = (self.pause * 2).min(BACKOFF.1);
    }

    /// A child that is no agent ended; true when all is over.
    fn engine_ended(&mut self, ended: u32, code: Option<i32>) -> bool {
        match &self.engine {
            Engine::Stopping(process, _) if process.pid == ended => {
                self.agents.wait(AGENT_PATIENCE);
                true
            }
            Engine::Up(process) if process.pid == ended => {
                if process.since.elapsed() > RAN_WELL {
                    self.pause = BACKOFF.0;
                }
                // What it had to say is read before it is forgotten.
                let how = code.map_or("by a signal".to_owned(), |code| format!("with code {code}"));
                let pause = self.pause;
                self.say(
                    Priority::Critical,
                    &format!("engine [{ended}] ended {how}; starting it again in {pause:?}"),
                );
                self.back_off();
                false
            }
            _ => false,
        }
    }

    /// Tells the engine to stop; true when there is none to wait for.
    fn stop(&mut self) -> bool {
        self.send(&ToEngine::Stop, &[]);
        let down = Engine::Down {
            until: Instant::now(),
        };
        match std::mem::replace(&mut self.engine, down) {
            Engine::Down { .. } => true,
            Engine::Up(process) => {
                self.engine = Engine::Stopping(process, Instant::now() + STOP_PATIENCE);
                false
            }
            Engine::Stopping(process, _) => {
                // A second wish to stop is an impatient one.
                self.engine = Engine::Stopping(process, Instant::now());
                false
            }
        }
    }

    /// Takes every frame the engine has sent.
    fn read_engine(&mut self) -> Result<(), Stopped> {
        for _ in 0..FRAMES_MAX {
            let Some(process) = self.process_mut() else {
                return Ok(());
            };
            match process.next() {
                Heard::Nothing => return Ok(()),
                Heard::Frame(frame) => self.handle(frame)?,
                Heard::Nonsense => {
                    self.say(Priority::Critical, "engine: a frame that makes no sense");
                    self.kill_engine();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Opens the files that the engine has asked for.
    fn serve_files(&mut self) {
        let files = std::mem::take(&mut self.files);
        if let Some(process) = self.process_mut() {
            process.serve_files(&files);
        }
        self.files = files;
    }

    fn kill_engine(&self) {
        if let Some(process) = self.process() {
            process.kill();
        }
    }

    fn handle(&mut self, frame: ToParent) -> Result<(), Stopped> {
        match frame {
            ToParent::Loaded => self.let_go()?,
            ToParent::Ready => {
                self.was_ready = true;
                self.pause = BACKOFF.0;
            }
            ToParent::Failed { code, reason } => {
                self.say(Priority::Critical, &format!("engine: {reason}"));
                if !self.was_ready {
                    let code = Sysexit::from_code(i32::from(code)).unwrap_or(Sysexit::Software);
                    return Err(Stopped::new(code, reason.to_string()));
                }
            }
            ToParent::WantAgent {
                request,
                user,
                mailbox,
            } => self.start_agent(request, &user, mailbox),
            ToParent::Reloaded => self.reloaded(),
            ToParent::WantStop => {
                // As if told by a signal.
                let pid = std::process::id();
                let _ = signal(pid, Signal::SIGTERM);
            }
        }
        Ok(())
    }

    /// The engine has read its configuration: it gets the queue and the ports.
    fn let_go(&mut self) -> Result<(), Stopped> {
        if let Some(root) = self.settings.source.place.root() {
            make_private(root, &self.queue_directories);
        }
        if let Some(identity) = &self.identity {
            self.give_statistics(identity);
            for directory in &self.queue_directories {
                hand_over_directory(directory, identity).map_err(|error| {
                    let text = format!("{}: {error}", directory.display());
                    Stopped::new(Sysexit::OsFile, text)
                })?;
            }
        }
        self.send(&ToEngine::Go, &[]);
        if let Some(control) = self.listeners.control() {
            self.send(&ToEngine::Control, &[control]);
        }
        for (index, spec, socket) in self.listeners.all() {
            self.send(&ToEngine::Listener { index, spec }, &[socket]);
        }
        Ok(())
    }

    /// The engine writes the same log, opened again when it was renamed away.
    fn give_log(&self, path: &Path, identity: &Identity) {
        let file = OpenOptions::new().append(true).create(true).open(path);
        if let Err(error) = file.and_then(|file| hand_over_file(&file, identity)) {
            self.say(Priority::Error, &format!("{}: {error}", path.display()));
        }
        // The same events as JSON, for whoever has made the file.
        let mut events = path.as_os_str().to_owned();
        events.push(".json");
        let _ = hand_over_own_file(Path::new(&events), identity);
    }

    /// The engine counts for mailstats. sendmail: a file that is not there is
    /// not made, and nothing is counted.
    fn give_statistics(&self, identity: &Identity) {
        if self.status_file.as_os_str().is_empty() {
            return;
        }
        if let Err(error) = hand_over_own_file(&self.status_file, identity)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let path = self.status_file.display();
            self.say(Priority::Error, &format!("{path}: {error}"));
        }
    }

    fn start_agent(&mut self, request: u64, user: &[u8], mailbox: bool) {
        match self.agents.start(user, mailbox, self.settings.has_stderr) {
            Ok(socket) => self.send(&ToEngine::Agent { request }, &[socket.as_fd()]),
            Err(refusal) => self.send(
                &ToEngine::NoAgent {
                    request,
                    temporary: refusal.temporary,
                    reason: refusal.reason.into(),
                },
                &[],
            ),
        }
    }

    /// The engine has a new configuration; the parent reads it too.
    fn reloaded(&mut self) {
        let loaded = match load(&self.settings.source) {
            Ok(loaded) => loaded,
            Err(error) => {
                self.say(Priority::Error, &format!("reload: {error}"));
                return;
            }
        };
        self.files = Files::named_by(&loaded.config)
            .without_secrets(&loaded.config, &self.settings.source.place);
        self.status_file = status_file(&loaded);
        if let Some(identity) = &self.identity {
            self.give_statistics(identity);
        }
        self.agents.reload(&loaded.config.options);
        if !self.settings.listens {
            return;
        }
        match self.listeners.change(&loaded.config.options) {
            Ok(changed) => {
                self.send(&ToEngine::KeepListeners(changed.kept.clone()), &[]);
                for (index, spec, socket) in self.listeners.all() {
                    if !changed.kept.contains(&index) {
                        self.send(&ToEngine::Listener { index, spec }, &[socket]);
                    }
                }
            }
            Err(text) => self.say(Priority::Error, &format!("reload: {text}")),
        }
    }

    /// Sends a frame; an engine that does not read is no engine.
    fn send(&self, frame: &ToEngine, descriptors: &[BorrowedFd<'_>]) {
        if let Some(process) = self.process()
            && process.send(frame, descriptors).is_err()
        {
            process.kill();
        }
    }

    fn announce(&self) {
        let interval = self
            .settings
            .queue_interval
            .map_or_else(String::new, |every| {
                format!("queueing@{}", crate::base::interval::clock(every))
            });
        let what = match (self.settings.listens, interval.is_empty()) {
            (true, true) => "SMTP".to_owned(),
            (true, false) => format!("SMTP+{interval}"),
            _ => interval,
        };
        let version = env!("CARGO_PKG_VERSION");
        self.say(
            Priority::Info,
            &format!("starting daemon ({version}): {what}"),
        );
    }

    fn say_state(&self) {
        let engine = match &self.engine {
            Engine::Down { .. } => "down".to_owned(),
            Engine::Up(process) => {
                format!("[{}] up {:?}", process.pid, process.since.elapsed())
            }
            Engine::Stopping(process, _) => format!("[{}] stopping", process.pid),
        };
        let agents = self.agents.count();
        self.say(
            Priority::Debug,
            &format!("state: engine {engine}, {agents} agents"),
        );
    }

    fn say(&self, priority: Priority, text: &str) {
        self.log.say(priority, text);
    }
}

/// The file of the counters.
fn status_file(loaded: &Loaded) -> PathBuf {
    let text = loaded.config.options.text(Opt::StatusFile);
    text.to_path_lossy().into_owned()
}

/// The queue directories.
fn queue_directories(loaded: &Loaded) -> Vec<PathBuf> {
    let text = loaded.config.options.text(Opt::QueueDirectory);
    vec![super::spool::queue_directory(text)]
}

/// The directories of a private instance, and those above them; on the system
/// they are the administrator's.
fn make_private(root: &Path, directories: &[PathBuf]) {
    for directory in directories.iter().filter(|path| path.starts_with(root)) {
        // What cannot be made is found missing in a moment.
        if let Some(parent) = directory.parent() {
            let _ = std::fs::create_dir_all(parent);
        }
        let _ = std::fs::DirBuilder::new().mode(0o700).create(directory);
    }
}

/// Where the log of a site goes: the system's log, or a file of a private
/// instance; or what the variable GODWIT_LOG says: `syslog`, `stderr`, or the
/// path of a file. Who runs the program with more rights than his own has no
/// say in it.
pub fn usual_log(place: &Place) -> LogTarget {
    let own = nix::unistd::getuid() == nix::unistd::geteuid()
        && nix::unistd::getgid() == nix::unistd::getegid();
    let wanted = std::env::var_os("GODWIT_LOG").filter(|_| own);
    let syslog = || LogTarget::Socket("/dev/log".into());
    match (
        wanted.as_deref().and_then(|word| word.to_str()),
        place.root(),
    ) {
        (Some("syslog"), _) => syslog(),
        (Some("stderr"), _) => LogTarget::Stderr,
        (Some(path), _) if path.starts_with('/') => LogTarget::File(path.into()),
        (_, Some(_)) => LogTarget::File(place.path("/var/log/maillog")),
        (_, None) => syslog(),
    }
}
