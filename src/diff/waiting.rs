//! Waiting until every target has planned and tried all that there is.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use syncer_actors::{Preview, Rulebook, Rulebooks, preview::Standing, runtime::Ended};
use tokio::time::{Instant, sleep, timeout_at};

use crate::told_to_end::told_to_end;

/// How long an upstream that cannot be read is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause between two looks, where nobody rings.
const PAUSE: Duration = Duration::from_millis(200);

/// What is waited for.
pub(super) struct Waiting<'a> {
    pub(super) preview: &'a Preview,
    pub(super) rulebooks: Rulebooks,
    pub(super) timeout: Duration,
}

/// How the waiting ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything is found out, as far as targets can be reached: how each stood then. What moves later is not waited for.
    Found(BTreeMap<Arc<str>, Standing>),
    /// Not everything is; why.
    Short(Vec<String>),
}

/// Waits for the end of it all, and for `timeout` at most.
pub(super) async fn until_found(waiting: Waiting<'_>, ended: Ended) -> Ending {
    let deadline = Instant::now() + waiting.timeout;
    tokio::select! {
        biased;
        end = ended.wait() => {
            let cause = end.err().map_or_else(|| "it ended by itself".to_owned(), |escalation| escalation.to_string());
            Ending::Short(vec![cause])
        }
        () = told_to_end() => Ending::Short(vec!["told to end before everything was found out".to_owned()]),
        ending = watch(&waiting, deadline) => ending,
    }
}

async fn watch(waiting: &Waiting<'_>, deadline: Instant) -> Ending {
    let mut news = waiting.preview.news();
    loop {
        news.mark_unchanged();
        let rulebook = waiting.rulebooks.borrow().clone();
        if let Some(standings) = found(waiting.preview, &rulebook) {
            return Ending::Found(standings);
        }
        let troubles = waiting.preview.troubles(PATIENCE);
        if !troubles.is_empty() {
            return Ending::Short(troubles.into_iter().map(String::from).collect());
        }
        if Instant::now() >= deadline {
            let mut causes: Vec<String> = waiting
                .preview
                .troubles(Duration::ZERO)
                .into_iter()
                .map(String::from)
                .collect();
            causes.push(format!(
                "not everything was found out in {:?}: give it longer (--timeout)",
                waiting.timeout
            ));
            return Ending::Short(causes);
        }
        // Whether somebody rang or not, the next look tells.
        let until = deadline.min(Instant::now() + PAUSE);
        if timeout_at(until, news.changed()).await.is_ok_and(|rung| rung.is_err()) {
            sleep(PAUSE).await;
        }
    }
}

/// How every target of `rulebook` stands, once each has settled under it or cannot be reached.
fn found(preview: &Preview, rulebook: &Rulebook) -> Option<BTreeMap<Arc<str>, Standing>> {
    if rulebook.revision == 0 {
        return None;
    }
    let settled = |name: &Arc<str>| {
        let standing = preview.standing(name)?;
        let is_settled = match &standing {
            Standing::Settled { revision, .. } => *revision == rulebook.revision,
            Standing::Unreachable(_) => true,
            Standing::Moving(_) => false,
        };
        is_settled.then(|| (name.clone(), standing))
    };
    rulebook.targets.keys().map(settled).collect()
}
