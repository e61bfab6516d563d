//! Which recipients go together: expanded recipients become jobs, one for
//! each connection or program that is needed.
//!
//! Pure. Recipients share a job when they share mailer, host, sender and the
//! user who answers for them, as far as the mailer takes several (flag `m`)
//! and not more than it takes (`r=`).

use bstr::{BStr, BString};

use crate::cf::MailerDef;
use crate::envelope::expand::Ready;
use crate::envelope::{Envelope, Kind};
use crate::route::MailerId;

/// Recipients that are delivered together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// By which mailer.
    pub mailer: MailerId,
    /// To which host; empty for most local mailers.
    pub host: BString,
    /// The recipients, in the order in which they are named.
    pub recipients: Vec<Addressee>,
}

/// One recipient of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// Its place in the envelope's recipients.
    pub recipient: usize,
    /// The user part as the mailer gets it (`$u`).
    pub user: BString,
}

/// The uid of who answers for a recipient, when that decides who does it.
type Answers = Option<u32>;

/// Makes jobs. `mailer` gives the definition of a mailer.
pub fn jobs<'a>(
    ready: &[Ready],
    envelope: &Envelope,
    mailer: impl Fn(MailerId) -> &'a MailerDef,
) -> Vec<Job> {
    let mut jobs: Vec<(Job, Answers)> = Vec::new();
    for one in ready {
        let definition = mailer(one.target.mailer);
        let answers = envelope
            .recipients
            .get(one.recipient)
            .filter(|recipient| recipient.kind != Kind::Mailbox)
            .and_then(|recipient| recipient.controlling_user.as_ref())
            .map(|user| user.uid);
        let several = definition.flags.has(b'm');
        let most = match definition.recipients_max {
            0 => usize::MAX,
            max => usize::try_from(max).unwrap_or(usize::MAX),
        };
        let host: &BStr = one.target.host.as_ref();
        let joined = jobs.iter_mut().rev().find(|(job, whose)| {
            several
                && job.mailer == one.target.mailer
                && job.host.eq_ignore_ascii_case(host)
                && *whose == answers
                && job.recipients.len() < most
        });
        let addressee = Addressee {
            recipient: one.recipient,
            user: one.target.user.clone(),
        };
        match joined {
            Some((job, _)) => job.recipients.push(addressee),
            None => jobs.push((
                Job {
                    mailer: one.target.mailer,
                    host: one.target.host.clone(),
                    recipients: vec![addressee],
                },
                answers,
            )),
        }
    }
    jobs.into_iter()
        .map(|(mut job, _)| {
            // sendmail: the last recipient of a job is named first.
            job.recipients.reverse();
            job
        })
        .collect()
}
