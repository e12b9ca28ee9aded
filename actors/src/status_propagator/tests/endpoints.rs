//! The endpoints of Services, from the watches of a target on.

use syncer_clusters::WatchEvent;
use syncer_core::plan::{Lifecycle, Ours, Ownership, Pause};

use super::*;
use crate::watcher::Reading as _;

/// A Service on the upstream and on east, and the watches of east.
struct Stage {
    bench: Bench,
    reporter: StatusReporter,
    slices: SliceReading,
}

impl Stage {
    fn new(mut bench: Bench) -> Self {
        bench.start();
        let reporter = StatusReporter::new(bench.board().clone(), "east".into());
        bench.board().slices_listed(&"east".into());
        bench.list(&services());
        Self {
            slices: SliceReading::new(reporter.clone()),
            bench,
            reporter,
        }
    }

    fn east(&self) -> &Side {
        &self.bench.targets["east"]
    }

    async fn create_service(&self) {
        let body = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
        self.bench.upstream.create(&services(), &body).await;
        self.east().create(&services(), &body).await;
        self.bench.show_upstream(&services(), "web").await;
        self.show_copy().await;
    }

    async fn show_copy(&self) {
        let (upstream, copy) = self.both().await;
        let ours = Ours {
            uid: copy.uid().into(),
            origin_uid: upstream.uid().into(),
            applied: Some(HASH),
            ownership: Ownership::Held,
            lifecycle: Lifecycle::Present,
            pause: Pause::Off,
        };
        self.reporter.seen(upstream.key(), &copy, &ours);
    }

    async fn hide_copy(&self) {
        let (upstream, copy) = self.both().await;
        self.reporter.gone(upstream.key(), &copy);
    }

    async fn delete_service(&self) {
        let (upstream, _) = self.both().await;
        self.bench.upstream.delete(&services(), "web").await;
        self.bench.board().upstream_gone(upstream.key());
        self.hide_copy_of(&upstream).await;
        self.east().delete(&services(), "web").await;
    }

    async fn hide_copy_of(&self, upstream: &Object) {
        let copy = self.east().get(&services(), "web").await.unwrap();
        self.reporter.gone(upstream.key(), &copy);
    }

    async fn both(&self) -> (Object, Object) {
        let upstream = self.bench.upstream.get(&services(), "web").await.unwrap();
        (upstream, self.east().get(&services(), "web").await.unwrap())
    }

    /// The watch shows the slice `name` of `service` with so many ready endpoints; what it shows.
    async fn slice(&mut self, name: &str, service: &str, ready: usize) -> Object {
        let side = &self.bench.targets["east"];
        if side.get(&endpoint_slices(), name).await.is_some() {
            side.delete(&endpoint_slices(), name).await;
        }
        let endpoints = vec![json!({"addresses": ["10.1.0.1"], "conditions": {"ready": true}}); ready];
        let body = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": endpoints,
            "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": service}}});
        let slice = side.create(&endpoint_slices(), &body).await;
        self.slices.read(WatchEvent::Applied(slice.clone()));
        slice
    }

    /// Truth and message of `EndpointsReady`, once all is written.
    async fn told(&self) -> [String; 2] {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let status = self.bench.status(&services(), "web").await;
        let all = status["conditions"].as_array().cloned().unwrap_or_default();
        let found = all
            .iter()
            .find(|condition| condition["type"] == "workload.kcp.io/EndpointsReady");
        ["status", "message"].map(|field| {
            let text = found.and_then(|found| found[field].as_str());
            text.unwrap_or_default().to_owned()
        })
    }
}

fn endpoint_slices() -> ResourceType {
    resource(
        "discovery.k8s.io",
        "v1",
        "endpointslices",
        "EndpointSlice",
        Scope::Namespaced,
    )
}

#[test]
fn the_endpoints_of_a_service_that_is_gone_do_not_count_for_the_next_of_its_name() {
    simulate(&["east"], |bench| async move {
        let mut stage = Stage::new(bench);
        stage.create_service().await;
        let old = stage.slice("web-1", "web", 2).await;
        assert_eq!(stage.told().await, ["True", "east: 2 of 2 ready"]);
        stage.delete_service().await;
        assert_eq!(stage.bench.board().len(), 0, "the board keeps nothing of it");
        // The garbage collector comes after the Service is gone.
        stage.slices.read(WatchEvent::Deleted(old));
        assert_eq!(stage.reporter.places(), 0);
        stage.create_service().await;
        assert_eq!(stage.told().await, ["False", "east: 0 of 0 ready"]);
        stage.slice("web-2", "web", 2).await;
        assert_eq!(stage.told().await, ["True", "east: 2 of 2 ready"]);
    });
}

#[test]
fn slices_that_did_not_change_count_when_a_copy_comes_back_into_sight() {
    simulate(&["east"], |bench| async move {
        let mut stage = Stage::new(bench);
        // One of them comes before its Service.
        stage.slice("web-1", "web", 1).await;
        stage.create_service().await;
        let other = stage.slice("web-2", "web", 2).await;
        assert_eq!(stage.told().await, ["True", "east: 3 of 3 ready"]);
        // Our label is taken off, and put on again.
        stage.hide_copy().await;
        stage.show_copy().await;
        assert_eq!(stage.told().await, ["True", "east: 3 of 3 ready"]);
        // What changes while it is out of sight counts too.
        stage.hide_copy().await;
        stage.slices.read(WatchEvent::Deleted(other));
        stage.show_copy().await;
        assert_eq!(stage.told().await, ["True", "east: 1 of 1 ready"]);
    });
}

#[test]
fn a_slice_that_goes_over_to_another_service_leaves_the_first() {
    simulate(&["east"], |bench| async move {
        let mut stage = Stage::new(bench);
        stage.create_service().await;
        stage.slice("web-1", "web", 1).await;
        stage.slice("web-2", "web", 1).await;
        assert_eq!(stage.told().await, ["True", "east: 2 of 2 ready"]);
        stage.slice("web-2", "other", 1).await;
        assert_eq!(stage.told().await, ["True", "east: 1 of 1 ready"]);
    });
}

#[test]
fn a_target_that_is_taken_off_leaves_no_endpoints_behind() {
    simulate(&["east"], |bench| async move {
        let mut stage = Stage::new(bench);
        stage.create_service().await;
        stage.slice("web-1", "web", 2).await;
        assert_eq!(stage.told().await, ["True", "east: 2 of 2 ready"]);
        stage.bench.board().target_removed(&"east".into());
        // Connected anew, with another reporter, and the slice is gone meanwhile.
        let mut anew = Stage::new(stage.bench);
        anew.show_copy().await;
        assert_eq!(anew.told().await, ["False", "east: 0 of 0 ready"]);
        anew.slice("web-2", "web", 1).await;
        assert_eq!(anew.told().await, ["True", "east: 1 of 1 ready"]);
    });
}

#[test]
fn a_copy_that_a_list_did_not_have_leaves_nothing() {
    simulate(&["east"], |bench| async move {
        let mut stage = Stage::new(bench);
        stage.create_service().await;
        let slice = stage.slice("web-1", "web", 2).await;
        assert_eq!(stage.told().await, ["True", "east: 2 of 2 ready"]);
        let (upstream, _) = stage.both().await;
        stage.reporter.list_started(&services().gvr);
        stage.reporter.listed(&services().gvr);
        stage.bench.board().upstream_gone(upstream.key());
        assert_eq!(stage.bench.board().len(), 0);
        stage.slices.read(WatchEvent::Deleted(slice));
        assert_eq!((stage.bench.board().len(), stage.reporter.places()), (0, 0));
    });
}
