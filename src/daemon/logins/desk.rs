//! The engine's line to the process of logins.
//!
//! Sessions await their answers. Signatures are waited for where the TLS
//! library asks for them: that blocks, for as long as making them would have.
//! When the process ends, the parent starts another, and its line takes the
//! place of the old one; whoever waited hears that nobody can say for now.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::time::Duration;

use rustls::sign::CertifiedKey;
use tokio::sync::{Semaphore, oneshot};

use super::wire::{FromLogins, ToLogins};
use crate::os::{Channel, KeyFacts, Keys, Stamp, far_certificate};
use crate::receive::{Authenticator, Exchange, Said};
use crate::sasl::server::{Context, Failure, FailureKind};
use crate::sasl::{Mechanism, Secret};
use crate::world::BoxFuture;

/// Questions of sessions at once; more wait here.
const QUESTIONS_MAX: usize = 64;
/// How long a session waits: the other side has its own, shorter, limit.
const ANSWER_TIME: Duration = Duration::from_secs(50);
/// How long a thread waits for a signature or a file.
const SIGN_TIME: Duration = Duration::from_secs(5);

/// A process that ended is soon replaced: how often, and after what pause, is
/// looked for the new one.
const RETURN_LOOKS: u32 = 100;
const RETURN_PAUSE: Duration = Duration::from_millis(20);

/// The engine's end.
pub(in crate::daemon) struct Desk {
    line: RwLock<Arc<Line>>,
    room: Semaphore,
    exchanges: AtomicU64,
}

/// A channel with the questions that wait on it.
struct Line {
    channel: Channel,
    next: AtomicU64,
    /// `None` once the other end is gone.
    waiting: Mutex<Option<HashMap<u64, Waiter>>>,
}

enum Waiter {
    Task(oneshot::Sender<FromLogins>),
    Thread(mpsc::SyncSender<FromLogins>),
}

/// What can be offered.
pub(in crate::daemon) struct Offer {
    /// Who can be asked; `None` when nobody can log in.
    pub(in crate::daemon) authenticator: Option<Arc<dyn Authenticator>>,
    /// What is suspicious.
    pub(in crate::daemon) faults: Vec<String>,
}

impl Desk {
    /// Speaks over `socket`.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(in crate::daemon) fn new(socket: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            line: RwLock::new(Line::open(socket)?),
            room: Semaphore::new(QUESTIONS_MAX),
            exchanges: AtomicU64::new(0),
        })
    }

    /// Speaks over another socket from now on.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(in crate::daemon) fn moved(&self, socket: OwnedFd) -> io::Result<()> {
        let line = Line::open(socket)?;
        *self.line.write().unwrap_or_else(PoisonError::into_inner) = line;
        Ok(())
    }

    /// The configuration is to be read anew.
    pub(in crate::daemon) fn reload(&self) {
        let _ = self.wait_for(&ToLogins::Reload);
    }

    /// What can be offered now.
    pub(in crate::daemon) fn offer(self: &Arc<Self>) -> Offer {
        match self.wait_for(&ToLogins::Offer) {
            Ok(FromLogins::Offer { mechanisms, faults }) => {
                let words = bstr::join(" ", &mechanisms);
                let mechanisms = Mechanism::list(&words);
                let far = || {
                    Arc::new(Far {
                        desk: Arc::clone(self),
                        mechanisms: mechanisms.clone(),
                    }) as Arc<dyn Authenticator>
                };
                Offer {
                    authenticator: (!mechanisms.is_empty()).then(far),
                    faults: faults.iter().map(ToString::to_string).collect(),
                }
            }
            Ok(_) => Offer::none("an answer that makes no sense"),
            Err(why) => Offer::none(&why),
        }
    }

    fn line(&self) -> Arc<Line> {
        let line = self.line.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&line)
    }

    /// Asks, and lets the task wait.
    async fn ask(&self, question: ToLogins) -> Result<FromLogins, String> {
        let asked = async {
            let _room = self.room.acquire().await.map_err(|e| e.to_string())?;
            let (sender, answer) = oneshot::channel();
            let mut line = self.line();
            for _ in 0..RETURN_LOOKS {
                if !line.is_closed() {
                    break;
                }
                tokio::time::sleep(RETURN_PAUSE).await;
                line = self.line();
            }
            line.send(&question, Waiter::Task(sender))?;
            answer.await.map_err(|_| gone())
        };
        tokio::time::timeout(ANSWER_TIME, asked)
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// Asks, and makes the thread wait.
    fn wait_for(&self, question: &ToLogins) -> Result<FromLogins, String> {
        let wait = || {
            let (sender, answer) = mpsc::sync_channel(1);
            let mut line = self.line();
            for _ in 0..RETURN_LOOKS {
                if !line.is_closed() {
                    break;
                }
                std::thread::sleep(RETURN_PAUSE);
                line = self.line();
            }
            line.send(question, Waiter::Thread(sender))?;
            answer.recv_timeout(SIGN_TIME).map_err(|error| match error {
                mpsc::RecvTimeoutError::Timeout => "no answer in time".to_owned(),
                mpsc::RecvTimeoutError::Disconnected => gone(),
            })
        };
        let runtime = tokio::runtime::Handle::try_current();
        let has_others = runtime.is_ok_and(|runtime| {
            runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread
        });
        // Others take over what this thread had in hand.
        match has_others {
            true => tokio::task::block_in_place(wait),
            false => wait(),
        }
    }
}

impl Offer {
    fn none(why: &str) -> Self {
        Self {
            authenticator: None,
            faults: vec![format!("AUTH: {why}")],
        }
    }
}

fn gone() -> String {
    "the process of logins has ended".to_owned()
}

impl Line {
    fn open(socket: OwnedFd) -> io::Result<Arc<Self>> {
        let line = Arc::new(Self {
            channel: Channel::from_descriptor(socket),
            next: AtomicU64::new(0),
            waiting: Mutex::new(Some(HashMap::new())),
        });
        let reading = Arc::clone(&line);
        std::thread::Builder::new()
            .name("logins".to_owned())
            .spawn(move || reading.read())?;
        Ok(line)
    }

    /// Gives every answer to whom it belongs, until there are no more.
    fn read(&self) {
        while let Ok(Some(received)) = self.channel.receive() {
            let Some((id, answer)) = FromLogins::decode(&received.frame) else {
                break;
            };
            let waiter = self.waiting().as_mut().and_then(|all| all.remove(&id));
            // Whoever asked may have given up.
            match waiter {
                Some(Waiter::Task(task)) => drop(task.send(answer)),
                Some(Waiter::Thread(thread)) => drop(thread.try_send(answer)),
                None => {}
            }
        }
        // Those who wait see that nobody answers.
        *self.waiting() = None;
    }

    fn send(&self, question: &ToLogins, waiter: Waiter) -> Result<(), String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        match &mut *self.waiting() {
            Some(waiting) => waiting.insert(id, waiter),
            None => return Err(gone()),
        };
        self.channel.send(&question.encode(id), &[]).map_err(|_| {
            if let Some(waiting) = &mut *self.waiting() {
                waiting.remove(&id);
            }
            gone()
        })
    }

    fn is_closed(&self) -> bool {
        self.waiting().is_none()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<HashMap<u64, Waiter>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user databases, behind the line.
struct Far {
    desk: Arc<Desk>,
    mechanisms: Vec<Mechanism>,
}

impl Authenticator for Far {
    fn can(&self, mechanism: Mechanism) -> bool {
        self.mechanisms.contains(&mechanism)
    }

    fn exchange(&self, mechanism: Mechanism, context: Context) -> Box<dyn Exchange> {
        Box::new(FarExchange {
            desk: Arc::clone(&self.desk),
            number: self.desk.exchanges.fetch_add(1, Ordering::Relaxed),
            mechanism,
            context: Some(Box::new(context)),
            is_open: false,
        })
    }
}

/// An exchange that is spoken elsewhere.
struct FarExchange {
    desk: Arc<Desk>,
    number: u64,
    mechanism: Mechanism,
    /// Until it has begun.
    context: Option<Box<Context>>,
    /// The other side waits for a message.
    is_open: bool,
}

impl FarExchange {
    async fn ask(&mut self, question: ToLogins) -> Said {
        self.is_open = true;
        let answer = self.desk.ask(question).await;
        self.is_open = matches!(answer, Ok(FromLogins::Challenge(_)));
        let why = match answer {
            Ok(FromLogins::Challenge(text)) => return Said::Challenge(text),
            Ok(FromLogins::Success(identity)) => return Said::Success(identity),
            Ok(FromLogins::Failure(failure)) => return Said::Failure(failure),
            Ok(FromLogins::Refused(why)) => why.to_string(),
            Ok(_) => "an answer that makes no sense".to_owned(),
            Err(why) => why,
        };
        Said::Failure(Failure {
            kind: FailureKind::Unavailable,
            detail: why,
            user: Default::default(),
        })
    }
}

impl Exchange for FarExchange {
    fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    fn begin(&mut self, initial: Option<Secret>) -> BoxFuture<'_, Said> {
        Box::pin(async move {
            let question = ToLogins::Begin {
                exchange: self.number,
                mechanism: self.mechanism,
                context: self.context.take().unwrap_or_default(),
                initial,
            };
            self.ask(question).await
        })
    }

    fn step(&mut self, message: Secret) -> BoxFuture<'_, Said> {
        let exchange = self.number;
        Box::pin(async move { self.ask(ToLogins::Step { exchange, message }).await })
    }
}

impl Drop for FarExchange {
    fn drop(&mut self) {
        if self.is_open {
            let end = ToLogins::End {
                exchange: self.number,
            };
            // The number of a question that has no answer is never used.
            let _ = self.desk.line().channel.send(&end.encode(u64::MAX), &[]);
        }
    }
}

/// Private keys, behind the line.
pub(in crate::daemon) struct DeskKeys(pub(in crate::daemon) Arc<Desk>);

impl Keys for DeskKeys {
    fn certified(
        &self,
        certificate: &Path,
        key: &Path,
        group_may_read: bool,
    ) -> Result<Arc<CertifiedKey>, String> {
        let question = ToLogins::Certificate {
            certificate: certificate.into(),
            key: key.into(),
            group_may_read,
        };
        let line = self.0.line();
        let facts = self.0.certificate(&question)?;
        let held = HeldKey {
            desk: Arc::clone(&self.0),
            question,
            public: facts.public.clone(),
            place: Mutex::new((line, facts.number)),
        };
        far_certificate(
            facts,
            Arc::new(move |_, scheme, message: &[u8]| held.sign(scheme, message)),
        )
    }

    fn stamp(&self, path: &Path) -> Stamp {
        match self.0.wait_for(&ToLogins::Stamp(path.into())) {
            Ok(FromLogins::Stamp(stamp)) => stamp,
            _ => None,
        }
    }
}

impl Desk {
    fn certificate(&self, question: &ToLogins) -> Result<KeyFacts, String> {
        match self.wait_for(question)? {
            FromLogins::Certificate(facts) => Ok(facts),
            FromLogins::Refused(why) => Err(why.to_string()),
            _ => Err("an answer that makes no sense".to_owned()),
        }
    }
}

/// A key that another process keeps, found again when that process was
/// started anew.
struct HeldKey {
    desk: Arc<Desk>,
    question: ToLogins,
    public: Vec<u8>,
    /// Which process numbered it, and how.
    place: Mutex<(Arc<Line>, u64)>,
}

impl HeldKey {
    fn sign(&self, scheme: u16, message: &[u8]) -> Result<Vec<u8>, String> {
        let sign = ToLogins::Sign {
            number: self.number()?,
            scheme,
            message: message.to_vec(),
        };
        match self.desk.wait_for(&sign)? {
            FromLogins::Signature(signature) => Ok(signature),
            FromLogins::Refused(why) => Err(why.to_string()),
            _ => Err("an answer that makes no sense".to_owned()),
        }
    }

    fn number(&self) -> Result<u64, String> {
        let line = self.desk.line();
        let held = |place: &(Arc<Line>, u64)| Arc::ptr_eq(&place.0, &line).then_some(place.1);
        let known = held(&self.place.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(number) = known {
            return Ok(number);
        }
        let facts = self.desk.certificate(&self.question)?;
        if facts.public != self.public {
            return Err("the key was replaced".to_owned());
        }
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        *place = (line, facts.number);
        Ok(facts.number)
    }
}
