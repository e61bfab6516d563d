//! One attempt to deliver one message: expanded, planned, done, logged,
//! recorded.

mod give_up;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bstr::{BStr, BString, ByteSlice};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::tz::TimeZone;

use super::agent::AgentPool;
use super::compose::Composer;
use super::lists::AgentLists;
use super::local::{self, Local, Way};
use super::plan::{self, Job};
use super::remote::{Remote, Security};
use super::report;
use super::result::{Fate, Verdict};
use super::turns::Turns;
use crate::base::maillog::Subject;
use crate::base::{Enhanced, Place, Sysexit};
use crate::cf::{MailerDef, Opt};
use crate::envelope::{Envelope, Expansion, RecipientState, expand};
use crate::message::date;
use crate::queue::{self, reports::Occasion};
use crate::queue::{Claim, Message, Settlement, Spool, SpoolError, never};
use crate::rewrite::MacroTable;
use crate::route::{MailerId, Site};
use crate::world::{BoxFuture, Clock, Counted, Dial, Entropy, Log, Resolver, StateStore, Users};

/// A message whose report could not be kept is tried again after this.
const REPORT_PAUSE: Duration = Duration::from_secs(60);
/// Jobs of one message that are done at once.
const JOBS_MAX: usize = 20;

/// What delivery needs of the world.
pub struct DeliveryParts {
    /// Where messages are kept.
    pub spool: Arc<dyn Spool>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Connections.
    pub dial: Arc<dyn Dial>,
    /// Chance, for hosts of equal preference.
    pub entropy: Arc<dyn Entropy>,
    /// Users of this machine.
    pub users: Arc<dyn Users>,
    /// The mail log.
    pub log: Arc<dyn Log>,
    /// TLS and logins at servers.
    pub security: Security,
    /// Agents that touch what users own.
    pub agents: Arc<AgentPool>,
    /// Where the site's files are.
    pub place: Place,
    /// The time zone that dates are shown in.
    pub zone: TimeZone,
    /// Keeps what became of hosts (option HostStatusDirectory).
    pub state: Option<Arc<dyn StateStore>>,
    /// How long a deferred message waits (`-q15m`); `None` for until somebody
    /// asks for a queue run.
    pub retry_after: Option<Duration>,
}

/// Delivers messages.
pub struct Deliverer {
    pub(super) spool: Arc<dyn Spool>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) users: Arc<dyn Users>,
    pub(super) log: Arc<dyn Log>,
    pub(super) zone: TimeZone,
    agents: Arc<AgentPool>,
    pub(super) remote: Remote,
    pub(super) local: Local,
    composer: Composer,
    entropy: Arc<dyn Entropy>,
    retry_after: Option<Duration>,
}

/// What became of one recipient, by whom.
pub(super) struct Attempt {
    pub(super) recipient: usize,
    pub(super) mailer: Option<MailerId>,
    pub(super) verdict: Verdict,
    /// The line of a transcript that says where and why it was refused.
    pub(super) place: Option<BString>,
}

/// One attempt at one message.
pub(super) struct Work<'a> {
    pub(super) deliverer: &'a Deliverer,
    pub(super) site: &'a Arc<Site>,
    pub(super) resolver: &'a dyn Resolver,
    pub(super) message: &'a Message,
    pub(super) macros: MacroTable,
    pub(super) began: SystemTime,
    pub(super) occasion: queue::Occasion,
}

impl Deliverer {
    /// With nothing begun.
    pub fn new(parts: DeliveryParts) -> Arc<Self> {
        Arc::new(Self {
            remote: Remote::new(
                parts.dial,
                Arc::clone(&parts.entropy),
                Arc::clone(&parts.clock),
                parts.state,
                parts.security,
            ),
            local: Local {
                turns: Turns::default(),
                agents: Arc::clone(&parts.agents),
                users: Arc::clone(&parts.users),
                place: parts.place,
            },
            composer: Composer::default(),
            entropy: parts.entropy,
            spool: parts.spool,
            clock: parts.clock,
            users: parts.users,
            log: parts.log,
            zone: parts.zone,
            agents: parts.agents,
            retry_after: parts.retry_after,
        })
    }

    /// Lists and `.forward` files as this configuration reads them.
    pub fn lists(&self, site: &Arc<Site>, subject: Subject) -> AgentLists {
        AgentLists::new(
            Arc::clone(&self.agents),
            Arc::clone(&self.users),
            Arc::clone(&self.log),
            Arc::clone(site),
            subject,
            self.local.place.clone(),
        )
    }

    /// Tries to deliver a message to every recipient that is left, and
    /// records what came of it; reports and copies that it causes are
    /// delivered too. When nothing can be recorded, the message stays in the
    /// queue as it was. `resolver` looks up hosts as this configuration wants
    /// it.
    pub async fn deliver(
        self: &Arc<Self>,
        site: Arc<Site>,
        resolver: Arc<dyn Resolver>,
        claim: Claim,
    ) {
        let children = self.attempt(&site, &*resolver, claim).await;
        for child in children {
            let (deliverer, site) = (Arc::clone(self), Arc::clone(&site));
            let resolver = Arc::clone(&resolver);
            tokio::spawn(boxed(deliverer, site, resolver, child));
        }
    }

    /// One attempt, recorded as by [`Deliverer::deliver`]; gives the messages
    /// that it caused, to be delivered too.
    pub async fn attempt(
        &self,
        site: &Arc<Site>,
        resolver: &dyn Resolver,
        mut claim: Claim,
    ) -> Vec<Claim> {
        // sendmail: a run that asks for quarantined mail tries to deliver it.
        let is_held = claim.message.envelope.quarantine.is_some();
        if is_held && claim.occasion != queue::Occasion::Selected {
            self.put_by(claim).await;
            return Vec::new();
        }
        begin_attempt(site, &mut claim.message.envelope);
        let mut macros = macros_of(site, &claim.message);
        let began = self.clock.now();
        let lists = self.lists(site, claim.message.id.into());
        let expansion = expand(site, &lists, &mut claim.message.envelope, &mut macros).await;
        let split = self.split_by_owner(&mut claim.message, expansion).await;
        let Ok((expansion, mut children)) = split else {
            // The copies could not be made durable: nothing has happened.
            return Vec::new();
        };
        let work = Work {
            deliverer: self,
            site,
            resolver,
            message: &claim.message,
            macros,
            began,
            occasion: claim.occasion,
        };
        let attempts = work.attempt(&expansion).await;
        if children.is_empty()
            && let Some(wait) = self.nothing_tried(site, &claim.message, &attempts)
        {
            claim.give_back(self.clock.now() + wait);
            return children;
        }
        children.extend(self.conclude(site, claim, attempts).await);
        children
    }

    /// Whether nothing has happened to a message but that its turn has not
    /// come: after how long it is to come back.
    fn nothing_tried(
        &self,
        site: &Site,
        message: &Message,
        attempts: &[Attempt],
    ) -> Option<Duration> {
        let waits = attempts.iter().map(|attempt| attempt.verdict.comes_back());
        let wait = waits
            .collect::<Option<Vec<Duration>>>()?
            .into_iter()
            .min()?;
        let occasion = report::due(site, message, attempts, self.clock.now());
        matches!(occasion, Occasion::Attempt).then_some(wait)
    }

    /// Logs that a new message is left to queue runs (DeliveryMode queue and
    /// defer).
    pub async fn say_queued(&self, site: &Arc<Site>, resolver: &dyn Resolver, message: &Message) {
        let work = Work {
            deliverer: self,
            site,
            resolver,
            message,
            macros: macros_of(site, message),
            began: self.clock.now(),
            occasion: queue::Occasion::Accepted,
        };
        work.log_queued().await;
    }

    /// Leaves a message to queue runs, untried.
    pub async fn put_by(&self, claim: Claim) {
        let outcome = Settlement::Keep {
            envelope: Box::new(claim.message.envelope.clone()),
            next_try: never(),
        };
        // What cannot be kept now is due again after a while.
        let _ = self.spool.settle(claim, outcome).await;
    }

    /// When a deferred message is tried again: not all at the same time, who
    /// were deferred at the same time.
    fn next_try(&self, now: SystemTime, attempts: &[Attempt]) -> SystemTime {
        let turns = attempts.iter().filter_map(|a| a.verdict.comes_back());
        if let Some(wait) = turns.min() {
            return now + wait;
        }
        let deferred = attempts.iter().filter(|a| a.verdict.fate == Fate::Deferred);
        let untried: Option<Vec<Duration>> = deferred.map(|a| a.verdict.untried).collect();
        // What has not been tried is when its hosts may be.
        let wait = untried.and_then(|waits| waits.into_iter().max());
        let spread = |pause: Duration| {
            let share = u32::try_from(self.entropy.random() % 1000).unwrap_or(0);
            pause / 10 * share / 1000
        };
        match (wait, self.retry_after) {
            (Some(wait), _) => now + wait + spread(wait * 2),
            (None, Some(pause)) => now + pause - pause / 20 + spread(pause),
            (None, None) => never(),
        }
    }

    /// A queue run on demand: hosts that are left alone may be tried.
    pub fn forgive_hosts(&self) {
        self.remote.forgive();
    }

    /// Writes outcomes into the envelope, sends reports, settles; gives the
    /// reports.
    async fn conclude(
        &self,
        site: &Arc<Site>,
        mut claim: Claim,
        attempts: Vec<Attempt>,
    ) -> Vec<Claim> {
        let now = self.clock.now();
        let occasion = report::due(site, &claim.message, &attempts, now);
        let reports = self
            .send_reports(site, &claim.message, &attempts, occasion, now)
            .await;
        let Ok(reports) = reports else {
            // Without its report a failure would be silent: what has failed
            // stays queued.
            self.keep_failures(claim, &attempts).await;
            return Vec::new();
        };
        let envelope = &mut claim.message.envelope;
        if attempts.iter().any(|attempt| !attempt.verdict.is_queued()) {
            envelope.attempts = envelope.attempts.saturating_add(1);
            envelope.last_attempt = Some(now);
        }
        envelope.warned |= matches!(occasion, Occasion::Warning { .. });
        let expired = matches!(occasion, Occasion::Expired(_));
        for attempt in &attempts {
            let Some(recipient) = envelope.recipients.get_mut(attempt.recipient) else {
                continue;
            };
            recipient.state = match attempt.verdict.fate {
                Fate::Sent => RecipientState::Sent,
                Fate::Failed => RecipientState::Failed,
                Fate::Deferred if expired => RecipientState::Failed,
                Fate::Deferred if attempt.verdict.is_queued() => continue,
                Fate::Deferred => {
                    let reason = Some(attempt.verdict.stat.clone());
                    envelope.status.clone_from(&reason);
                    RecipientState::Queued { reason }
                }
            };
        }
        let next_try = self.next_try(now, &attempts);
        let boxed = |envelope: &Envelope| Box::new(envelope.clone());
        let outcome = match envelope.is_pending() {
            true => Settlement::Keep {
                envelope: boxed(envelope),
                next_try,
            },
            false if report::is_hopeless(site, envelope) => Settlement::Lost {
                envelope: boxed(envelope),
            },
            false => Settlement::Done,
        };
        // Unsettled, the message is tried again: nothing is lost by that.
        let _ = self.spool.settle(claim, outcome).await;
        reports
    }

    /// Records what was sent, and that all else waits.
    async fn keep_failures(&self, mut claim: Claim, attempts: &[Attempt]) {
        let envelope = &mut claim.message.envelope;
        for attempt in attempts {
            if let Some(recipient) = envelope.recipients.get_mut(attempt.recipient)
                && attempt.verdict.fate == Fate::Sent
            {
                recipient.state = RecipientState::Sent;
            }
        }
        let outcome = Settlement::Keep {
            envelope: Box::new(envelope.clone()),
            next_try: self.clock.now() + REPORT_PAUSE,
        };
        // In memory at least it is remembered.
        let _ = self.spool.settle(claim, outcome).await;
    }

    /// Recipients that came from lists with an owner get a copy of their own,
    /// sent by the owner.
    async fn split_by_owner(
        &self,
        message: &mut Message,
        mut expansion: Expansion,
    ) -> Result<(Expansion, Vec<Claim>), SpoolError> {
        let mut owners: Vec<BString> = Vec::new();
        for ready in &expansion.ready {
            if let Some(owner) = &ready.owner
                && *owner != message.envelope.sender
                && !owners.contains(owner)
            {
                owners.push(owner.clone());
            }
        }
        let mut copies = Vec::new();
        for owner in owners {
            let theirs: Vec<usize> = expansion
                .ready
                .iter()
                .filter(|ready| ready.owner.as_ref() == Some(&owner))
                .map(|ready| ready.recipient)
                .collect();
            copies.push(report::clone_for_owner(self, message, &owner, &theirs).await?);
            for place in &theirs {
                if let Some(recipient) = message.envelope.recipients.get_mut(*place) {
                    recipient.state = RecipientState::Sent;
                    // The copy is theirs, also after a crash.
                    self.spool.note(message.id, recipient);
                }
            }
            expansion
                .ready
                .retain(|ready| ready.owner.as_ref() != Some(&owner));
        }
        Ok((expansion, copies))
    }
}

impl Work<'_> {
    /// Does every job; gives what became of each recipient.
    async fn attempt(&self, expansion: &Expansion) -> Vec<Attempt> {
        let mut attempts: Vec<Attempt> = expansion
            .refused
            .iter()
            .map(|refused| report::refused(refused, self.message))
            .collect();
        for attempt in &attempts {
            self.log_refused(attempt).await;
        }
        let jobs = plan::jobs(&expansion.ready, &self.message.envelope, |id| {
            self.site.mailer(id)
        });
        let mut jobs = jobs.into_iter();
        let mut running: FuturesUnordered<_> = jobs
            .by_ref()
            .take(JOBS_MAX)
            .map(|job| self.run(job))
            .collect();
        while let Some(done) = running.next().await {
            attempts.extend(done);
            running.extend(jobs.next().map(|job| self.run(job)));
        }
        attempts
    }

    async fn run(&self, job: Job) -> Vec<Attempt> {
        let began = self.deliverer.clock.now();
        let mailer = self.site.mailer(job.mailer);
        let verdicts = match self.prepare(&job).await {
            _ if self.is_held(mailer) => vec![Verdict::queued(); job.recipients.len()],
            Ok(prepared) if local::way(mailer) == Way::Network => {
                self.run_remote(&job, prepared).await
            }
            Ok(prepared) if local::way(mailer) == Way::LmtpProgram => {
                self.run_lmtp_program(&job, prepared).await
            }
            Ok(prepared) => self.run_local(&job, prepared).await,
            Err(verdict) => vec![*verdict; job.recipients.len()],
        };
        let took = self
            .deliverer
            .clock
            .now()
            .duration_since(began)
            .unwrap_or_default();
        self.log_job(&job, &verdicts, took).await;
        job.recipients
            .iter()
            .zip(verdicts)
            .map(|(addressee, verdict)| {
                if verdict.fate == Fate::Sent {
                    self.note_sent(addressee.recipient, job.mailer);
                }
                Attempt {
                    recipient: addressee.recipient,
                    mailer: Some(job.mailer),
                    verdict,
                    place: None,
                }
            })
            .collect()
    }

    /// Whether the site leaves mail for this mailer to queue runs (HoldExpensive
    /// and flag `e`), or to runs that name it (flag `%`).
    fn is_held(&self, mailer: &MailerDef) -> bool {
        let options = &self.site.config.options;
        let expensive = options.flag(Opt::HoldExpensive) && mailer.flags.has(b'e');
        let named = mailer.flags.has(b'%');
        (expensive && self.occasion == queue::Occasion::Accepted)
            || (named && self.occasion != queue::Occasion::Selected)
    }

    /// Lets the queue know at once, so that a crash sends nothing twice.
    fn note_sent(&self, place: usize, mailer: MailerId) {
        let deliverer = self.deliverer;
        if let Some(recipient) = self.message.envelope.recipients.get(place) {
            let mut recipient = recipient.clone();
            recipient.state = RecipientState::Sent;
            deliverer.spool.note(self.message.id, &recipient);
        }
        deliverer.log.count(Counted::To {
            mailer: mailer.index(),
            size_bytes: self.message.envelope.size,
        });
    }

    /// The sender and the header as the job's mailer sends them.
    async fn prepare(&self, job: &Job) -> Result<Prepared, Box<Verdict>> {
        let later = |_| {
            let status = Enhanced::new(4, 4, 3);
            Box::new(Verdict::deferred(
                status,
                b"map lookup failed while rewriting",
            ))
        };
        let composer = &self.deliverer.composer;
        let envelope = &self.message.envelope;
        let mut macros = self.macros.clone();
        let mut sender = BString::default();
        if !envelope.sender.is_empty() {
            sender = composer
                .sender(self.site, job.mailer, &envelope.sender, &mut macros)
                .await
                .map_err(later)?;
        }
        macros.set(
            b"g",
            self.shown_sender(job.mailer, &sender, &mut macros.clone())
                .await,
        );
        macros.set(b"d", date::ctime(self.began, &self.deliverer.zone));
        macros.set(b"h", job.host.clone());
        if let [only] = job.recipients.as_slice() {
            macros.set(b"u", only.user.clone());
        }
        let header = composer
            .header(self.site, job.mailer, self.message, &mut macros)
            .await
            .map_err(later)?;
        Ok(Prepared {
            sender,
            header,
            macros,
        })
    }

    /// `$g`: the null sender is shown as the mailer daemon.
    async fn shown_sender(
        &self,
        mailer: MailerId,
        sender: &BString,
        macros: &mut MacroTable,
    ) -> BString {
        if !sender.is_empty() {
            return sender.clone();
        }
        if self.site.mailer(mailer).flags.has(b'g') {
            return "<>".into();
        }
        let daemon = self.site.macros.text(b"n");
        let composer = &self.deliverer.composer;
        composer
            .sender(self.site, mailer, &daemon, macros)
            .await
            .unwrap_or(daemon)
    }
}

/// A delivery that is its own task: the type of a recursion must be said.
fn boxed(
    deliverer: Arc<Deliverer>,
    site: Arc<Site>,
    resolver: Arc<dyn Resolver>,
    claim: Claim,
) -> BoxFuture<'static, ()> {
    Box::pin(async move { deliverer.deliver(site, resolver, claim).await })
}

/// What a job needs beside its recipients.
pub(super) struct Prepared {
    pub(super) sender: BString,
    pub(super) header: bytes::Bytes,
    pub(super) macros: MacroTable,
}

/// Each attempt after the first makes a message less urgent.
fn begin_attempt(site: &Site, envelope: &mut Envelope) {
    if envelope.attempts > 0 {
        let worse = site.config.options.number(Opt::RetryFactor);
        envelope.priority = envelope.priority.saturating_add(worse);
    }
}

/// The macros of a message: what the queue kept, and what is its own.
fn macros_of(site: &Site, message: &Message) -> MacroTable {
    let mut macros = site.layer();
    for (name, value) in &message.envelope.macros {
        let name = name
            .strip_prefix(b"{")
            .and_then(|name| name.strip_suffix(b"}"))
            .unwrap_or(name);
        macros.set(name, value.clone());
    }
    macros.set(b"i", message.id.as_str());
    macros.set(b"f", message.envelope.sender.clone());
    macros
}

/// The text of `reply=`, when the log shows one.
pub(super) fn logged_reply(verdict: &Verdict) -> Option<&BStr> {
    let reply = verdict.reply.as_ref()?;
    // sendmail: what no server said is in the report only.
    (verdict.status != Enhanced::new(5, 1, 10) && verdict.exit != Sysexit::Config)
        .then(|| reply.as_bstr())
}
