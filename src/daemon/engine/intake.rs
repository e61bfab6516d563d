//! What becomes of mail that sessions have accepted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::runner::Wish;
use super::{Engine, Snapshot};
use crate::base::maillog::Subject;
use crate::daemon::spool::delivery_mode;
use crate::envelope::{ControllingUser, ListError, ListFile, ListFiles};
use crate::queue::{Claim, Selector};
use crate::receive::Intake;
use crate::world::{BoxFuture, User};

impl Intake for Engine {
    fn deliver(&self, claim: Claim, mode: Option<u8>) {
        let mode = mode.unwrap_or_else(|| delivery_mode(&self.site().config.options));
        // Queued and deferred mail waits for the next queue run.
        if matches!(mode.to_ascii_lowercase(), b'q' | b'd') {
            let deliverer = Arc::clone(&self.deliverer);
            let Snapshot { site, resolver, .. } = self.snapshot();
            tokio::spawn(async move {
                let message = &claim.message;
                deliverer.say_queued(&site, &*resolver, message).await;
                deliverer.put_by(claim).await;
            });
            return;
        }
        self.deliveries.begin(claim);
    }

    fn run_queue(&self, selector: Selector) {
        self.runner.wish(Wish::of(selector));
    }

    fn lists(&self) -> &dyn ListFiles {
        self
    }
}

/// Lists as the configuration of the moment reads them, by agents.
impl ListFiles for Engine {
    fn forward<'a>(
        &'a self,
        user: &'a User,
        candidates: Vec<PathBuf>,
    ) -> BoxFuture<'a, Result<Option<ListFile>, ListError>> {
        Box::pin(async move {
            let lists = self.deliverer.lists(&self.site(), Subject::NoQueue);
            lists.forward(user, candidates).await
        })
    }

    fn include<'a>(
        &'a self,
        path: &'a Path,
        reader: Option<&'a ControllingUser>,
    ) -> BoxFuture<'a, Result<ListFile, ListError>> {
        Box::pin(async move {
            let lists = self.deliverer.lists(&self.site(), Subject::NoQueue);
            lists.include(path, reader).await
        })
    }
}

/// The engine as sessions know it.
pub(super) fn of(engine: &Arc<Engine>) -> Arc<dyn Intake> {
    Arc::clone(engine) as Arc<dyn Intake>
}
