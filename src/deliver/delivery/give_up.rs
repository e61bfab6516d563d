//! A message given back to its sender by hand: nobody is asked, every
//! recipient that is left fails for the reason that was given.

use std::sync::Arc;

use super::{Deliverer, Work, begin_attempt, macros_of};
use crate::base::Reply;
use crate::envelope::Expansion;
use crate::envelope::expand::Refused;
use crate::queue::Claim;
use crate::route::Site;
use crate::world::Resolver;

impl Deliverer {
    /// Fails what is left of a message: its sender is told as of any failure.
    /// Gives the reports, to be delivered.
    pub async fn give_up(
        &self,
        site: &Arc<Site>,
        resolver: &dyn Resolver,
        mut claim: Claim,
        reason: &[u8],
    ) -> Vec<Claim> {
        begin_attempt(site, &mut claim.message.envelope);
        let macros = macros_of(site, &claim.message);
        let recipients = claim.message.envelope.recipients.iter().enumerate();
        let refused = recipients
            .filter(|(_, recipient)| recipient.is_pending())
            .map(|(recipient, _)| Refused {
                recipient,
                reply: Reply::with(550, (5, 0, 0), reason),
                place: String::new(),
                mailer: None,
            })
            .collect();
        let expansion = Expansion {
            refused,
            ..Expansion::default()
        };
        let work = Work {
            deliverer: self,
            site,
            resolver,
            message: &claim.message,
            macros,
            began: self.clock.now(),
            occasion: claim.occasion,
        };
        let attempts = work.attempt(&expansion).await;
        self.conclude(site, claim, attempts).await
    }
}
