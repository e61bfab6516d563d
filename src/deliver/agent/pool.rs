//! The engine's end of delivery agents: who is at work, and their sockets.
//!
//! A mailbox has one agent at a time, and its requests are sent without
//! waiting for answers, so that they share locks and syncs. Programs, files
//! and lists have an agent to themselves while they last, since any of them
//! may take long; a few per user.

use std::collections::HashMap;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bstr::BString;
use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::link::Link;
use super::{AgentSource, NoAgent, Purpose, Request, Response};
use crate::queue::Body;

/// A connection that nothing is asked of is given up after this; an agent
/// waits longer, so that it never ends under a request.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// Requests of one mailbox on their way.
const IN_FLIGHT_MAX: usize = 128;
/// Agents for programs of one user at once, and for his lists.
const PROGRAMS_MAX: usize = 8;
const LISTS_MAX: usize = 2;
/// Agents of all users, those that are idle among them.
const AGENTS_MAX: usize = 128;
/// A place among them is waited for at most so long.
const PLACE_WAIT: Duration = Duration::from_secs(60);

/// A message as an agent gets it.
#[derive(Clone, Debug)]
pub struct MessageText {
    /// The header, with the empty line that ends it.
    pub header: Bytes,
    /// The body.
    pub body: Body,
}

/// The agents at work.
pub struct AgentPool {
    source: Arc<dyn AgentSource>,
    mailboxes: Mutex<HashMap<BString, mpsc::Sender<Job>>>,
    programs: Mutex<HashMap<BString, Arc<Crew>>>,
    places: Arc<Semaphore>,
    /// Somebody waits for the place of an agent that is idle.
    crowded: Arc<Notify>,
}

/// A request and whom to tell its answer.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) text: Option<MessageText>,
    pub(super) answer: oneshot::Sender<Response>,
}

/// The agents of one user that run programs and read lists.
struct Crew {
    programs: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

/// An agent that has nothing to do.
struct Idle {
    stream: StdStream,
    since: std::time::Instant,
    place: OwnedSemaphorePermit,
}

impl AgentPool {
    /// No agent at work yet.
    pub fn new(source: Arc<dyn AgentSource>) -> Self {
        Self {
            source,
            mailboxes: Mutex::default(),
            programs: Mutex::default(),
            places: Arc::new(Semaphore::new(AGENTS_MAX)),
            crowded: Arc::default(),
        }
    }

    /// Has an agent of `user` do something.
    ///
    /// # Errors
    /// When there is no agent, or it ended before it answered (temporary).
    pub async fn ask(
        &self,
        user: &[u8],
        purpose: Purpose,
        request: Request,
        text: Option<MessageText>,
    ) -> Result<Response, NoAgent> {
        match purpose {
            Purpose::Mailbox => self.ask_mailbox(user, request, text).await,
            Purpose::Programs => self.ask_programs(user, request, text).await,
        }
    }

    async fn ask_mailbox(
        &self,
        user: &[u8],
        request: Request,
        text: Option<MessageText>,
    ) -> Result<Response, NoAgent> {
        let (answer, answered) = oneshot::channel();
        let mut job = Job {
            request,
            text,
            answer,
        };
        // A worker that is just ending refuses the job; the next takes it.
        for _ in 0..3 {
            let worker = match self.worker(user) {
                Some(worker) => worker,
                None => self.start_worker(user).await?,
            };
            match worker.send(job).await {
                Ok(()) => return answered.await.map_err(|_| lost()),
                Err(mpsc::error::SendError(back)) => {
                    job = back;
                    self.forget(user, &worker);
                }
            }
        }
        Err(lost())
    }

    fn worker(&self, user: &[u8]) -> Option<mpsc::Sender<Job>> {
        let workers = lock(&self.mailboxes);
        workers
            .get(user)
            .filter(|worker| !worker.is_closed())
            .cloned()
    }

    fn forget(&self, user: &[u8], worker: &mpsc::Sender<Job>) {
        let mut workers = lock(&self.mailboxes);
        if workers.get(user).is_some_and(|w| w.same_channel(worker)) {
            workers.remove(user);
        }
    }

    async fn start_worker(&self, user: &[u8]) -> Result<mpsc::Sender<Job>, NoAgent> {
        let (link, place) = self.connect(user, Purpose::Mailbox).await?;
        let mut workers = lock(&self.mailboxes);
        // Another request may have started one meanwhile: then that is the
        // mailbox's one, and ours ends as its socket closes.
        if let Some(worker) = workers.get(user).filter(|worker| !worker.is_closed()) {
            return Ok(worker.clone());
        }
        let (sender, jobs) = mpsc::channel(IN_FLIGHT_MAX);
        workers.retain(|_, worker| !worker.is_closed());
        workers.insert(user.into(), sender.clone());
        let (places, crowded) = (Arc::clone(&self.places), Arc::clone(&self.crowded));
        tokio::spawn(async move {
            work(link, jobs, &places, &crowded).await;
            drop(place);
        });
        Ok(sender)
    }

    async fn connect(
        &self,
        user: &[u8],
        purpose: Purpose,
    ) -> Result<(Link, OwnedSemaphorePermit), NoAgent> {
        let place = self.place().await?;
        let stream = self.source.agent(user, purpose).await?;
        let link = Link::new(stream).map_err(|error| NoAgent {
            temporary: true,
            reason: error.to_string().into(),
        })?;
        Ok((link, place))
    }

    /// A place for one more agent, that of an idle one if there is no other.
    async fn place(&self) -> Result<OwnedSemaphorePermit, NoAgent> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        if !self.dismiss() {
            self.crowded.notify_one();
        }
        let place = Arc::clone(&self.places).acquire_owned();
        match timeout(PLACE_WAIT, place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(NoAgent {
                temporary: true,
                reason: "all delivery agents are busy".into(),
            }),
        }
    }

    /// Ends an agent for programs that is idle, if there is one.
    fn dismiss(&self) -> bool {
        let crews = lock(&self.programs);
        crews.values().any(|crew| lock(&crew.idle).pop().is_some())
    }

    async fn ask_programs(
        &self,
        user: &[u8],
        request: Request,
        text: Option<MessageText>,
    ) -> Result<Response, NoAgent> {
        let crew = self.crew(user);
        let permits = match &request {
            Request::Forward { .. } | Request::Include { .. } => &crew.lists,
            _ => &crew.programs,
        };
        let permit = Arc::clone(permits).acquire_owned().await;
        let _permit = permit.map_err(|_| lost())?;
        let (mut link, place) = match crew.take_idle() {
            Some(idle) => (Link::new(idle.stream).map_err(|_| lost())?, idle.place),
            None => self.connect(user, Purpose::Programs).await?,
        };
        let response = link.ask(&request, text).await.map_err(|_| lost())?;
        // Where all places are taken, others want this one.
        if self.places.available_permits() > 0
            && let Ok(stream) = link.into_std()
        {
            lock(&crew.idle).push(Idle {
                stream,
                since: std::time::Instant::now(),
                place,
            });
        }
        Ok(response)
    }

    /// The user's agents for programs and lists.
    fn crew(&self, user: &[u8]) -> Arc<Crew> {
        let mut crews = lock(&self.programs);
        crews.retain(|_, crew| crew.is_needed());
        let crew = crews.entry(user.into()).or_insert_with(|| {
            Arc::new(Crew {
                programs: Arc::new(Semaphore::new(PROGRAMS_MAX)),
                lists: Arc::new(Semaphore::new(LISTS_MAX)),
                idle: Mutex::default(),
            })
        });
        Arc::clone(crew)
    }
}

impl Crew {
    fn take_idle(&self) -> Option<Idle> {
        let mut idle = lock(&self.idle);
        idle.retain(|agent| agent.since.elapsed() < IDLE_MAX);
        idle.pop()
    }

    /// Whether anybody uses it, or it has an agent that may be used again.
    fn is_needed(self: &Arc<Self>) -> bool {
        let mut idle = lock(&self.idle);
        idle.retain(|agent| agent.since.elapsed() < IDLE_MAX);
        !idle.is_empty() || Arc::strong_count(self) > 1
    }
}

/// Passes jobs to one agent until nothing comes for a while, somebody else
/// wants its place, or it breaks.
async fn work(mut link: Link, mut jobs: mpsc::Receiver<Job>, places: &Semaphore, crowded: &Notify) {
    let mut has_worked = false;
    loop {
        let idle_max = match has_worked && places.available_permits() == 0 {
            true => Duration::ZERO,
            false => IDLE_MAX,
        };
        let job = tokio::select! {
            biased;
            job = timeout(idle_max, jobs.recv()) => match job {
                Ok(Some(job)) => job,
                Ok(None) | Err(_) => break,
            },
            () = crowded.notified(), if has_worked => break,
        };
        has_worked = true;
        link.submit(job);
        // With answers outstanding, jobs and answers take turns as they come.
        while link.is_busy() {
            let room = link.in_flight() < IN_FLIGHT_MAX;
            let done = tokio::select! {
                biased;
                job = jobs.recv(), if room && !jobs.is_closed() => {
                    if let Some(job) = job {
                        link.submit(job);
                    }
                    Ok(())
                }
                done = link.go_on() => done,
            };
            if done.is_err() {
                // The waiting askers learn it as their channel closes.
                return;
            }
        }
    }
    // What slipped in while the door was closing is still done.
    jobs.close();
    while let Some(job) = jobs.recv().await {
        link.submit(job);
        while link.is_busy() {
            if link.go_on().await.is_err() {
                return;
            }
        }
    }
}

fn lost() -> NoAgent {
    NoAgent {
        temporary: true,
        reason: "delivery agent ended unexpectedly".into(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
