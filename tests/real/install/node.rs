//! A node that really runs the pods of the syncer, where kwok only plays them.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, Scope},
    time::Duration,
};

use syncer_harness::ApiServer;

use super::pod::{Pod, Ports};

/// How often it looks at the pods.
const RHYTHM: Duration = Duration::from_millis(250);

const PODS: &str = "/api/v1/namespaces/tmc-system/pods?labelSelector=app.kubernetes.io/name=tmc-syncer";

/// Runs the syncer's pods as they come, and ends them as they go.
pub(super) struct Node<'a> {
    is_over: &'a AtomicBool,
}

// === impl Node ===

impl<'a> Node<'a> {
    /// Begins on `server`, until it is dropped. `is_over` is false at first.
    pub(super) fn begin<'scope>(
        scope: &'scope Scope<'scope, '_>,
        server: &'scope ApiServer,
        is_over: &'a AtomicBool,
    ) -> Self
    where
        'a: 'scope,
    {
        scope.spawn(move || {
            let mut running = BTreeMap::new();
            while !is_over.load(Ordering::Relaxed) {
                look(server, &mut running);
                thread::sleep(RHYTHM);
            }
        });
        Self { is_over }
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn look(server: &ApiServer, running: &mut BTreeMap<String, Pod>) {
    let mut wanted = server.client().items(PODS);
    wanted.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null() && pod["status"]["phase"] == "Running");
    let wanted: BTreeMap<_, _> = wanted
        .into_iter()
        .map(|pod| (pod["metadata"]["uid"].as_str().unwrap().to_owned(), pod))
        .collect();
    // One that goes ends before another begins, as `Recreate` has it.
    running.retain(|uid, pod| {
        let stays = wanted.contains_key(uid);
        if !stays {
            let exit = pod.end();
            // One that had no time to say a word could not hear either.
            assert!(exit.code == Some(0) || pod.log().is_empty(), "{exit:?} {}", pod.log());
        }
        stays
    });
    for (uid, pod) in wanted {
        if !running.contains_key(&uid)
            && let Some(started) = Pod::try_start(server, &pod, Ports::OfItsOwn)
        {
            running.insert(uid, started);
        }
    }
}
