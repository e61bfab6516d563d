//! The line to the parent: frames out, frames in, and questions that wait for
//! their answers.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::daemon::frame::{ToEngine, ToParent};
use crate::deliver::agent::{AgentSource, NoAgent, Purpose};
use crate::os::{Channel, Received};
use crate::world::BoxFuture;

/// Frames that may wait in each direction.
const WAITING_MAX: usize = 1024;

type Answer = Result<OwnedFd, NoAgent>;

/// What the engine says to the parent. Cloning shares.
#[derive(Clone)]
pub(super) struct Line {
    outbox: mpsc::Sender<(ToParent, Option<oneshot::Sender<()>>)>,
    questions: Arc<Mutex<HashMap<u64, oneshot::Sender<Answer>>>>,
    next: Arc<AtomicU64>,
}

/// What the parent says to the engine.
pub(super) type Inbox = mpsc::Receiver<(ToEngine, Received)>;

impl Line {
    /// Puts a channel under two tasks: one reads, one writes. The inbox ends
    /// when the parent does.
    pub(super) fn open(channel: Channel) -> io::Result<(Self, Inbox)> {
        let channel = Arc::new(channel.into_async()?);
        let (incoming, inbox) = mpsc::channel(WAITING_MAX);
        let (outbox, mut outgoing) =
            mpsc::channel::<(ToParent, Option<oneshot::Sender<()>>)>(WAITING_MAX);
        let reading = Arc::clone(&channel);
        tokio::spawn(async move {
            while let Ok(Some(received)) = reading.receive().await {
                // A frame of another version ends the engine: the parent then
                // starts one of its own version.
                let Some(frame) = ToEngine::decode(&received.frame) else {
                    return;
                };
                if incoming.send((frame, received)).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some((frame, sent)) = outgoing.recv().await {
                if channel.send(&frame.encode()).await.is_err() {
                    return;
                }
                if let Some(sent) = sent {
                    let _ = sent.send(());
                }
            }
        });
        let line = Self {
            outbox,
            questions: Arc::default(),
            next: Arc::default(),
        };
        Ok((line, inbox))
    }

    /// Says something; a parent that is gone is noticed by the inbox.
    pub(super) async fn say(&self, frame: ToParent) {
        let _ = self.outbox.send((frame, None)).await;
    }

    /// Says something, and waits until it is on its way.
    pub(super) async fn last_word(&self, frame: ToParent) {
        let (sender, sent) = oneshot::channel();
        if self.outbox.send((frame, Some(sender))).await.is_ok() {
            let _ = sent.await;
        }
    }

    /// An answer has come; one that nobody waits for is dropped, and with it
    /// the agent's socket.
    pub(super) fn answered(&self, request: u64, answer: Answer) {
        if let Some(question) = self.questions().remove(&request) {
            let _ = question.send(answer);
        }
    }

    fn questions(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The parent starts agents.
impl AgentSource for Line {
    fn agent<'a>(
        &'a self,
        user: &'a [u8],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<UnixStream, NoAgent>> {
        Box::pin(async move {
            let request = self.next.fetch_add(1, Ordering::Relaxed);
            let (sender, answer) = oneshot::channel();
            self.questions().insert(request, sender);
            self.say(ToParent::WantAgent {
                request,
                user: user.into(),
                mailbox: purpose == Purpose::Mailbox,
            })
            .await;
            match answer.await {
                Ok(answer) => answer.map(UnixStream::from),
                Err(_) => Err(NoAgent {
                    temporary: true,
                    reason: "the daemon is stopping".into(),
                }),
            }
        })
    }
}
