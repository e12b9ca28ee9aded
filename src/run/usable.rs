//! Whether any target can be used, before the first object is touched.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use syncer_actors::Rulebook;
use syncer_core::config::Configuration;

use super::StartError;

/// How long kubeconfigs may take to be looked at.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// One target that cannot be used holds up no other; if none of the files' can, the configuration is wrong. What lies in a Secret
/// comes later. A kubeconfig may name a plugin, which may hang: whoever has not said no in time may be usable.
pub(super) fn usable(rulebook: &Rulebook, configuration: &Configuration) -> Result<(), StartError> {
    let targets = configuration.targets.iter();
    if targets.clone().any(|(_, target)| target.spec.kubeconfig_file.is_none()) {
        return Ok(());
    }
    let (tell, told) = mpsc::channel();
    let pool = tokio::runtime::Handle::current();
    let mut asked = 0;
    for (name, settings) in targets.filter_map(|(name, _)| rulebook.targets.get_key_value(name)) {
        let (name, connect, tell, pool) = (name.clone(), settings.connect.clone(), tell.clone(), pool.clone());
        // A thread of its own: one that never ends must not keep the process.
        thread::Builder::new()
            .name("kubeconfig".to_owned())
            .spawn(move || {
                let _on_the_pool = pool.enter();
                let refused = connect().err().map(|error| format!("target {name}: {error}"));
                // Nobody listens any more where another one was usable.
                let _ = tell.send(refused);
            })
            .map_err(StartError::Threads)?;
        asked += 1;
    }
    drop(tell);
    let until = Instant::now() + FIRST_LOOK;
    let mut failures = Vec::new();
    while failures.len() < asked {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Some(failure)) => failures.push(failure),
            Ok(None) | Err(_) => return Ok(()),
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    failures.sort_unstable();
    Err(StartError::NoTarget(failures))
}
