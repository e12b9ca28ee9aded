//! `evictAfter`: when the next target is drained.

use std::time::Duration;

use jiff::Timestamp;
use syncer_actors::runtime::Clock;
use syncer_core::placement::Rules;
use tracing::info;

/// The longest time between two looks at the time of day: it may have been set meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The time of day. A clock that is off by ten thousand years drains nobody.
pub(crate) fn now(clock: &Clock) -> Timestamp {
    Timestamp::try_from(clock.time()).unwrap_or(Timestamp::MIN)
}

/// Ends when `at` has come; never for none.
pub(crate) async fn reached(at: Option<Timestamp>, clock: &Clock) {
    let Some(at) = at else {
        return std::future::pending().await;
    };
    loop {
        let left = at.duration_since(now(clock));
        let Ok(left) = Duration::try_from(left) else { return };
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_EVERY)).await;
    }
}

/// Says which targets are drained by `rules`, and were not `before`.
pub(crate) fn tell(rules: &Rules, before: Option<&Rules>) {
    let was = |name: &str| {
        before
            .and_then(|rules| rules.target(name))
            .is_some_and(|target| target.is_drained())
    };
    for target in rules.targets() {
        match (was(&target.name), target.is_drained()) {
            (false, true) => {
                info!(target = %target.name, "its evictAfter has come: everything of ours leaves the target");
            }
            (true, false) => info!(target = %target.name, "the target is not drained any more"),
            (true, true) | (false, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tokio::time::{Instant, timeout};

    use super::*;

    fn clock() -> Clock {
        Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_hours(500_000))
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_day_decides() {
        let clock = clock();
        let start = Instant::now();
        for seconds in [-5, 0, 1, 3_600] {
            let begun = start.elapsed().as_secs();
            let at = now(&clock) + jiff::SignedDuration::from_secs(seconds);
            reached(Some(at), &clock).await;
            let took = start.elapsed().as_secs() - begun;
            assert_eq!(took, u64::try_from(seconds).unwrap_or_default(), "{seconds} s from now");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_time_nobody_is_ever_drained() {
        let waited = timeout(Duration::from_hours(24), reached(None, &clock())).await;
        assert!(waited.is_err());
    }
}
