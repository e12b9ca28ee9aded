//! Two replicas and one Lease on an API server in memory, under a paused clock.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use prometheus_client::registry::Registry;
use serde_json::json;
use syncer_sandbox::{ApiServer, Body, Hand, NoAnswer, Options};
use tokio::time::{Instant, sleep};
use tower::Service;

use super::*;

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/tmc/leases/tmc-syncer";

/// How one replica reaches the server.
#[derive(Clone)]
struct Way {
    server: ApiServer,
    /// What becomes of its requests, by number.
    state: Arc<AtomicU64>,
}

const PASSES: u64 = 0;
/// Nothing reaches the server.
const CUT: u64 = 1;
/// What is asked is done, and no answer comes back.
const DEAF: u64 = 2;

impl Service<Request<Bytes>> for Way {
    type Response = Response<Body>;
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, NoAnswer>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), NoAnswer>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (mut server, state) = (self.server.clone(), self.state.load(Ordering::SeqCst));
        Box::pin(async move {
            if state == CUT {
                return std::future::pending().await;
            }
            let answer = server.call(request.map(Full::new)).await;
            if state == DEAF {
                return std::future::pending().await;
            }
            answer
        })
    }
}

struct Replica {
    candidacy: Candidacy,
    fence: Fence,
    way: Arc<AtomicU64>,
    status: LeaderStatus,
}

/// A server with the namespace `tmc`.
fn server() -> (ApiServer, Hand) {
    let server = ApiServer::new(Options::default());
    let hand = Hand::at(&server, "admin");
    hand.create("/api/v1/namespaces", &json!({"metadata": {"name": "tmc"}}))
        .unwrap();
    (server, hand)
}

fn election(server: &ApiServer, name: &str) -> (Election, Arc<AtomicU64>) {
    let state = Arc::<AtomicU64>::default();
    let way = Way {
        server: server.clone(),
        state: state.clone(),
    };
    let limits = syncer_clusters::Limits {
        request_timeout: Duration::from_secs(3),
        longest_probe: Duration::from_secs(1),
        ..syncer_clusters::Limits::default()
    };
    let cluster = Cluster::builder("here").limits(limits).seed(1);
    let election = Election {
        cluster: cluster.service("http://here", way).unwrap(),
        namespace: "tmc".to_owned(),
        name: "tmc-syncer".to_owned(),
        identity: name.to_owned(),
        timing: Timing::default(),
        fence: Fence::new(),
        clock: Clock::simulated(std::time::UNIX_EPOCH + Duration::from_hours(500_000)),
    };
    (election, state)
}

fn start(election: Election, way: Arc<AtomicU64>) -> Replica {
    let (fence, status) = (election.fence.clone(), LeaderStatus::default());
    let mut candidacy = election.prepare(&status, Chance::new(7));
    candidacy.begin();
    Replica {
        candidacy,
        fence,
        way,
        status,
    }
}

fn replica(server: &ApiServer, name: &str) -> Replica {
    let (election, way) = election(server, name);
    start(election, way)
}

fn gauge(replica: &Replica) -> String {
    let mut registry = Registry::default();
    replica.status.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text.lines()
        .find(|line| line.starts_with("leader_election_master_status{"))
        .unwrap()
        .to_owned()
}

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn one_leads_the_other_stands_by_and_takes_over_when_the_lease_is_over() {
    let (server, hand) = server();
    let mut one = replica(&server, "one");
    seconds(1).await;
    let two = replica(&server, "two");
    seconds(60).await;
    assert!(one.fence.admits() && !two.fence.admits());
    assert_eq!(gauge(&one), "leader_election_master_status{name=\"tmc-syncer\"} 1");
    assert_eq!(gauge(&two), "leader_election_master_status{name=\"tmc-syncer\"} 0");
    assert!(two.candidacy.leadership().can_use_the_lease());
    let position = two.candidacy.leadership().position();
    assert_eq!(
        (position.role, position.holder.as_str(), position.lease.as_str()),
        (Role::Standby, "one", "tmc/tmc-syncer")
    );
    let lease = hand.get(PATH).unwrap();
    assert_eq!(
        (&lease["spec"]["holderIdentity"], &lease["spec"]["leaseTransitions"]),
        (&json!("one"), &json!(0))
    );

    one.way.store(CUT, Ordering::SeqCst);
    let cut = Instant::now();
    assert_eq!(one.candidacy.lost().await, Loss::NotRenewed);
    assert!(cut.elapsed() <= Duration::from_secs(10), "{:?}", cut.elapsed());
    assert!(!one.fence.admits() && !two.fence.admits(), "a while nobody writes");
    assert_eq!(gauge(&one), "leader_election_master_status{name=\"tmc-syncer\"} 0");
    two.candidacy.leadership().leading().await;
    let took = cut.elapsed();
    assert!(
        (Duration::from_secs(11)..=Duration::from_secs(18)).contains(&took),
        "{took:?}"
    );
    assert!(two.fence.admits());
    let lease = hand.get(PATH).unwrap();
    assert_eq!(
        (&lease["spec"]["holderIdentity"], &lease["spec"]["leaseTransitions"]),
        (&json!("two"), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_is_replaced_at_once_and_writes_no_more() {
    let (server, hand) = server();
    let one = replica(&server, "one");
    seconds(1).await;
    let two = replica(&server, "two");
    seconds(30).await;
    let given = Instant::now();
    one.candidacy.give_up(Duration::from_secs(1)).await;
    assert!(!one.fence.admits());
    let lease = hand.get(PATH).unwrap();
    assert_eq!(lease["spec"]["holderIdentity"].as_str().unwrap_or_default(), "");
    two.candidacy.leadership().leading().await;
    assert!(given.elapsed() <= Duration::from_millis(2500), "{:?}", given.elapsed());
    // One that stands by has nothing to give up.
    let three = replica(&server, "three");
    seconds(5).await;
    three.candidacy.give_up(Duration::from_secs(1)).await;
    assert_eq!(hand.get(PATH).unwrap()["spec"]["holderIdentity"], "two");
}

/// Its renewals happen, and it does not learn of them: what it cannot know does not count.
#[tokio::test(start_paused = true)]
async fn a_leader_that_gets_no_answer_ends_and_what_it_wrote_is_waited_for() {
    let (server, _) = server();
    let mut one = replica(&server, "one");
    let two = replica(&server, "two");
    seconds(20).await;
    let (leader, standby) = (&mut one, &two);
    assert!(leader.fence.admits());
    leader.way.store(DEAF, Ordering::SeqCst);
    assert_eq!(leader.candidacy.lost().await, Loss::NotRenewed);
    standby.candidacy.leadership().leading().await;
    assert!(!leader.fence.admits());
}

#[tokio::test(start_paused = true)]
async fn short_silence_and_refusals_are_borne() {
    let (server, hand) = server();
    let one = replica(&server, "one");
    let two = replica(&server, "two");
    seconds(10).await;
    for _ in 0..5 {
        one.way.store(CUT, Ordering::SeqCst);
        seconds(5).await;
        one.way.store(PASSES, Ordering::SeqCst);
        seconds(10).await;
        assert!(one.fence.admits() && !two.fence.admits());
    }
    // Somebody else changes the Lease: the next renewal is refused with 409, and made again.
    for round in 0..20 {
        hand.merge(PATH, &json!({"metadata": {"labels": {"round": round.to_string()}}}))
            .unwrap();
        seconds(1).await;
    }
    assert!(one.fence.admits() && !two.fence.admits());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_deleted_is_made_anew_by_its_holder() {
    let (server, hand) = server();
    let one = replica(&server, "one");
    seconds(1).await;
    let two = replica(&server, "two");
    seconds(10).await;
    hand.delete(PATH).unwrap();
    seconds(30).await;
    assert_eq!(hand.get(PATH).unwrap()["spec"]["holderIdentity"], "one");
    assert!(one.fence.admits() && !two.fence.admits());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_says_another_name_ends_the_leader() {
    let (server, hand) = server();
    let mut one = replica(&server, "one");
    seconds(10).await;
    hand.merge(PATH, &json!({"spec": {"holderIdentity": "somebody"}}))
        .unwrap();
    assert_eq!(one.candidacy.lost().await, Loss::Taken("somebody".into()));
    assert!(!one.fence.admits());
}

/// The process slept: its timers are late, and its fence has fallen all the same.
#[tokio::test(start_paused = true)]
async fn who_wakes_up_late_writes_nothing_before_it_knows() {
    let (server, _) = server();
    let mut one = replica(&server, "one");
    seconds(3).await;
    assert!(one.fence.admits());
    // Nothing of this runtime has a turn meanwhile.
    tokio::time::advance(Duration::from_secs(40)).await;
    assert!(!one.fence.admits() && one.fence.has_fallen());
    assert_eq!(one.candidacy.lost().await, Loss::NotRenewed);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_it_from_the_lease_is_said_with_what_to_do() {
    let (server, _) = server();
    let (mut election, way) = election(&server, "one");
    election.namespace = "nowhere".to_owned();
    let one = start(election, way);
    seconds(5).await;
    let leadership = one.candidacy.leadership();
    assert!(!leadership.can_use_the_lease() && !leadership.leads());
    let problem = leadership.position().problem.unwrap();
    assert!(
        problem.contains("create namespace nowhere there, or name another with --lease-namespace"),
        "{problem}"
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_leads_before_it_is_begun() {
    let (server, hand) = server();
    let (election, _) = election(&server, "one");
    let candidacy = election.prepare(&LeaderStatus::default(), Chance::new(7));
    seconds(10).await;
    assert_eq!(hand.get(PATH), None);
    drop(candidacy);
}
