//! `to=` lines: what the mail log says of each recipient.

use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use super::delivery::{Attempt, Work, logged_reply};
use super::plan::Job;
use super::result::Verdict;
use crate::base::maillog::{Delivery, Event};
use crate::route::Resolution;

/// A controlling address with the ids of its user.
type Controller = Option<(BString, Option<(u32, u32)>)>;

impl Work<'_> {
    /// Logs a job: recipients that fared alike share a line.
    pub(super) async fn log_job(&self, job: &Job, verdicts: &[Verdict], took: Duration) {
        let place = |at: usize| job.recipients.get(at).map(|addressee| addressee.recipient);
        // Nothing has happened to whoever waits for a turn.
        let mut done: Vec<bool> = verdicts.iter().map(|v| v.comes_back().is_some()).collect();
        // sendmail: what was refused at RCPT has been logged by then.
        let order = (0..verdicts.len()).filter(|at| verdicts[*at].alone);
        let order = order.chain((0..verdicts.len()).filter(|at| !verdicts[*at].alone));
        for at in order {
            if done[at] {
                continue;
            }
            let verdict = &verdicts[at];
            let alike =
                |other: usize| other == at || (!verdict.alone && verdicts[other] == *verdict);
            let group: Vec<usize> = (at..verdicts.len()).filter(|other| alike(*other)).collect();
            group.iter().for_each(|at| done[*at] = true);
            let places: Vec<usize> = group.into_iter().filter_map(place).collect();
            self.log(&places, Some(job), verdict, Some(took)).await;
        }
    }

    /// Logs a recipient that no mailer was asked for.
    pub(super) async fn log_refused(&self, attempt: &Attempt) {
        self.log(&[attempt.recipient], None, &attempt.verdict, None)
            .await;
    }

    /// Logs that a message was left to queue runs: a line for each recipient.
    pub(super) async fn log_queued(&self) {
        let recipients = self.message.envelope.recipients.iter().enumerate();
        for (place, recipient) in recipients.filter(|(_, recipient)| recipient.is_pending()) {
            let mut macros = self.macros.clone();
            let job = match self.site.resolve(&recipient.address, &mut macros).await {
                Resolution::Mailer(target) => Some(Job {
                    mailer: target.mailer,
                    host: target.host,
                    recipients: Vec::new(),
                }),
                _ => None,
            };
            self.log(&[place], job.as_ref(), &Verdict::queued(), None)
                .await;
        }
    }

    async fn log(
        &self,
        places: &[usize],
        job: Option<&Job>,
        verdict: &Verdict,
        took: Option<Duration>,
    ) {
        let envelope = &self.message.envelope;
        let shown: Vec<BString> = places
            .iter()
            .filter_map(|place| envelope.recipients.get(*place))
            .map(|recipient| recipient.shown())
            .collect();
        let recipients: Vec<&[u8]> = shown.iter().map(|text| text.as_bytes()).collect();
        // sendmail: what has not been tried shows only who answers for it.
        let controller = match verdict.is_queued() && took.is_none() {
            true => None,
            false => self.controller(places).await,
        };
        let mailer = match job {
            Some(job) => self.site.mailer(job.mailer).name.as_bstr(),
            None => BStr::new("local"),
        };
        let now = self.deliverer.clock.now();
        let event = Event::Delivery(Delivery {
            recipients: &recipients,
            controller: controller
                .as_ref()
                .map(|(name, ids)| (name.as_bytes(), *ids)),
            delay: now.duration_since(envelope.created).unwrap_or_default(),
            attempt: took.filter(|_| !verdict.is_queued()),
            mailer: Some(mailer),
            priority: job.map_or(0, |_| envelope.priority),
            relay: verdict.relay.as_deref().map(|relay| relay.as_bytes()),
            dsn: (!verdict.is_queued()).then_some(verdict.status),
            quarantine: None,
            attempts: None,
            reply: logged_reply(verdict).map(|reply| reply.as_bytes()),
            stat: &verdict.stat,
        });
        self.deliverer.log.event(self.message.id.into(), &event);
    }

    /// `ctladdr=`: who answers for the first of these recipients, or the
    /// sender if he is a user here.
    async fn controller(&self, places: &[usize]) -> Controller {
        let envelope = &self.message.envelope;
        let recipient = places
            .first()
            .and_then(|place| envelope.recipients.get(*place));
        if let Some(user) = recipient.and_then(|r| r.controlling_user.as_ref())
            && user.uid != u32::MAX
        {
            return Some((user.alias.clone(), Some((user.uid, user.gid))));
        }
        if envelope.sender.is_empty() {
            return None;
        }
        let ids = self.sender_ids().await?;
        Some((envelope.shown_sender(), Some(ids)))
    }

    /// The ids of the sender, if he is a user of this machine.
    async fn sender_ids(&self) -> Option<(u32, u32)> {
        let mut macros = self.macros.clone();
        let sender = &self.message.envelope.sender;
        let Resolution::Mailer(target) = self.site.resolve(sender, &mut macros).await else {
            return None;
        };
        if !self.site.mailer(target.mailer).flags.has(b'w') {
            return None;
        }
        let user = self.site.local_user(&target.user).ok().flatten()?;
        Some((user.uid, user.gid))
    }
}
