//! Mailers: flags, queue groups, rulesets.

use super::Subject;
use crate::base::Diagnostic;
use crate::check::codes;

/// Flags that only one of the two can hold.
const CONTRADICT: [(u8, u8, &str); 3] = [
    (
        b'7',
        b'8',
        "one strips text to seven bits, the other sends eight",
    ),
    (b'a', b'2', "one begins with EHLO, the other never uses it"),
    (
        b'U',
        b'n',
        "one needs the From_ line that the other leaves out",
    ),
];

/// What is wrong with mailers.
pub(super) fn faults(subject: &Subject<'_>, faults: &mut Vec<Diagnostic>) {
    let config = subject.config;
    for mailer in &config.mailers {
        for (one, other, why) in CONTRADICT {
            if mailer.flags.has(one) && mailer.flags.has(other) {
                let message = format!(
                    "mailer {} has the flags {} and {}: {why}",
                    mailer.name,
                    char::from(one),
                    char::from(other)
                );
                faults.push(codes::fault(
                    "cf-mailer-flags",
                    mailer.origin.clone(),
                    message,
                ));
            }
        }
        let queue = &mailer.queue_group;
        let known = queue.is_empty()
            || queue == "mqueue"
            || config.queue_groups.iter().any(|group| group.name == *queue);
        if !known {
            let message = format!("mailer {} names the queue group {queue}", mailer.name);
            faults.push(codes::fault(
                "cf-queue-undefined",
                mailer.origin.clone(),
                message,
            ));
        }
    }
}
