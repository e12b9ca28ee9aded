//! Leaving an object behind that has to go, where the policy says so (`deletion.mode: Orphan`): it stays and is nobody's.

use syncer_core::{config::DeletionMode, plan::Pause, proof::Proof, release::unmark};

use super::{Attempt, AttemptFailure, work::Work};
use crate::target::After;

impl Work<'_> {
    /// What becomes of the object when it has to go.
    pub(super) fn farewell(&self) -> DeletionMode {
        let last_known = self.task.prescription.as_ref();
        let last_known = last_known.map(|prescription| prescription.spec().deletion.mode);
        self.downstream
            .deletion_mode(&self.task.policy, last_known, self.task.marked)
    }

    /// Takes our markers and our field ownership off the object with `uid`, which takes the same proof as to delete it (S3).
    pub(super) async fn orphan(&self, uid: &str, proof: &Proof) -> Result<Attempt, AttemptFailure> {
        let Some(found) = self.read().await? else {
            return Ok(Attempt::done(After::Absent));
        };
        let Some(seen) = self.seen(&found) else {
            return Ok(Attempt::done(After::Foreign));
        };
        // Another object than the one that was planned for, or one that a person paused since: it is planned again at once.
        if *seen.ours.uid != *uid || seen.ours.pause == Pause::On {
            return Ok(Attempt::done(After::Seen(seen)));
        }
        self.patch(&unmark(&found.marked())).await?;
        self.log(&format_args!("left behind without our markers: {proof}"));
        Ok(Attempt::done(After::Absent))
    }
}
