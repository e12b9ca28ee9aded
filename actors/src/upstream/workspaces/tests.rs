//! What is concluded of workspaces as their bindings come, change and go.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

const ONE: EndpointId = EndpointId::of(0);

fn config_maps() -> Gvr {
    Gvr::new("", "v1", "configmaps")
}

fn deployments() -> Gvr {
    Gvr::new("apps", "v1", "deployments")
}

fn key(gvr: Gvr) -> ObjectKey {
    ObjectKey::new(red(), gvr, "default", "web")
}

fn red() -> LogicalCluster {
    LogicalCluster::new("red")
}

/// Workspaces of an export with Deployments of its own and a claim on ConfigMaps.
fn workspaces() -> Workspaces {
    let workspaces = Workspaces::default();
    let provisions = [(deployments(), Provision::Own), (config_maps(), Provision::Claimed)];
    workspaces.consume(OwnExport {
        name: "kubernetes".into(),
        cluster: LogicalCluster::new("compute"),
        provisions: Arc::new(HashMap::from(provisions)),
    });
    workspaces
}

/// Answers nothing.
#[derive(Clone)]
struct Nobody;

impl tower::Service<http::Request<bytes::Bytes>> for Nobody {
    type Response = http::Response<http_body_util::Full<bytes::Bytes>>;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<bytes::Bytes>) -> Self::Future {
        std::future::ready(Err(std::io::Error::other("nobody is there")))
    }
}

fn kcp() -> Cluster {
    Cluster::builder("kcp")
        .service("https://kcp.test/services/apiexport/compute/kubernetes", Nobody)
        .unwrap()
}

fn binding(state: &str) -> Binding {
    let claim = |more: Value| {
        let mut claim =
            json!({"group": "", "resource": "configmaps", "verbs": ["get"], "selector": {"matchAll": true}});
        if let (Some(claim), Some(more)) = (claim.as_object_mut(), more.as_object()) {
            claim.extend(more.clone());
        }
        claim
    };
    let applied = if state == "Accepted" {
        vec![claim(json!({}))]
    } else {
        Vec::new()
    };
    let spec = json!({
        "reference": {"export": {"path": "root:compute", "name": "kubernetes"}},
        "permissionClaims": [claim(json!({"state": state}))],
    });
    let status = json!({
        "apiExportClusterName": "compute",
        "appliedPermissionClaims": applied,
        "conditions": [{"type": "PermissionClaimsApplied", "status": "True"}],
    });
    Binding::parse(&spec.to_string(), Some(&status.to_string())).unwrap()
}

/// The binding `name` of the red workspace is shown by `endpoint`.
fn show(
    workspaces: &Workspaces,
    endpoint: EndpointId,
    name: &str,
    (state, life, list): (&str, Life, u64),
    now: Instant,
) -> Turn {
    let seen = Seen {
        binding: binding(state),
        life,
        path: Some("root:red".into()),
        list,
    };
    workspaces.note((endpoint, &kcp()), (&red(), name), seen, now)
}

fn later(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds)
}

#[test]
fn a_plain_upstream_has_no_workspaces_and_takes_everything() {
    let workspaces = Workspaces::default();
    let key = ObjectKey::new(LogicalCluster::plain(), config_maps(), "default", "web");
    assert_eq!(workspaces.provision(&config_maps()), Provision::Plain);
    assert_eq!(workspaces.standing(&key, Instant::now()), Standing::Plain);
    assert!(workspaces.takes(&key) && !workspaces.has_left(&key));
}

#[test]
fn a_claim_counts_from_when_it_is_what_it_is() {
    let (workspaces, now) = (workspaces(), Instant::now());
    let standing = |at| workspaces.standing(&key(config_maps()), at);
    assert_eq!(standing(now), Standing::Unbound);
    assert!(!workspaces.takes(&key(config_maps())));
    assert_eq!(
        show(&workspaces, ONE, "b", ("Accepted", Life::Stays, 1), now),
        Turn::Found
    );
    assert_eq!(workspaces.path(&red()).as_deref(), Some("root:red"));
    assert!(workspaces.takes(&key(config_maps())));
    assert!(workspaces.routes().endpoint(&red()).is_some());
    let unchanged = |seconds| Standing::Accepted {
        unchanged: Duration::from_secs(seconds),
    };
    assert_eq!(standing(later(now, 70)), unchanged(70));
    // Said again, it is no other.
    let again = show(&workspaces, ONE, "b", ("Accepted", Life::Stays, 2), later(now, 10));
    assert_eq!((again, standing(later(now, 70))), (Turn::None, unchanged(70)));
    assert_eq!(
        show(&workspaces, ONE, "b", ("Rejected", Life::Stays, 2), later(now, 80)),
        Turn::Changed
    );
    assert_eq!(standing(later(now, 200)), Standing::Unaccepted);
    assert_eq!(workspaces.refusal(&red(), &config_maps()), Some("rejected"));
    assert_eq!(workspaces.refusal(&red(), &deployments()), None);
    assert_eq!(
        show(&workspaces, ONE, "b", ("Accepted", Life::Stays, 2), later(now, 300)),
        Turn::Changed
    );
    assert_eq!(standing(later(now, 330)), unchanged(30));
    assert_eq!(workspaces.standing(&key(deployments()), now), Standing::Bound);
}

#[test]
fn a_binding_is_bound_to_another_schema_when_one_that_it_had_is_gone() {
    let (workspaces, now) = (workspaces(), Instant::now());
    let of = |schemas: &[&str]| {
        let mut binding = binding("Accepted");
        binding.schemas = schemas.iter().map(|schema| (*schema).into()).collect();
        binding
    };
    let cases: [(&[&str], &[&str], bool); 5] = [
        (&[], &["a"], false),
        (&["a"], &["a"], false),
        (&["a"], &["a", "b"], false),
        (&["a", "b"], &["a", "c"], true),
        (&["a"], &[], true),
    ];
    assert!(!workspaces.has_other_schemas(&red(), "b", &of(&["a"])), "not known yet");
    for (before, after, expected) in cases {
        let seen = Seen {
            binding: of(before),
            life: Life::Stays,
            path: None,
            list: 1,
        };
        workspaces.note((ONE, &kcp()), (&red(), "b"), seen, now);
        assert_eq!(
            workspaces.has_other_schemas(&red(), "b", &of(after)),
            expected,
            "{before:?} {after:?}"
        );
    }
}

#[test]
fn a_binding_that_was_read_with_a_deletion_timestamp_leaves_and_another_one_may_come() {
    let (workspaces, now) = (workspaces(), Instant::now());
    show(&workspaces, ONE, "b", ("Accepted", Life::Stays, 1), now);
    assert_eq!(
        show(&workspaces, ONE, "b", ("Accepted", Life::Goes, 1), now),
        Turn::Leaves
    );
    let (claimed, own) = (key(config_maps()), key(deployments()));
    assert!(workspaces.has_left(&claimed) && !workspaces.takes(&claimed));
    assert!(
        !workspaces.has_left(&own) && workspaces.takes(&own),
        "kcp waits for its finalizers"
    );
    assert_eq!(workspaces.standing(&own, now), Standing::Left);
    assert_eq!(workspaces.lose(ONE, (&red(), "b"), Life::Goes), Turn::Left);
    assert!(workspaces.has_left(&own) && !workspaces.takes(&own));
    assert!(workspaces.routes().endpoint(&red()).is_none());
    assert_eq!(
        show(&workspaces, ONE, "c", ("Accepted", Life::Stays, 1), later(now, 5)),
        Turn::Changed
    );
    assert!(workspaces.takes(&claimed) && !workspaces.has_left(&claimed));
}

#[test]
fn a_deletion_that_only_the_last_event_tells_is_seen_too() {
    let (workspaces, now) = (workspaces(), Instant::now());
    show(&workspaces, ONE, "b", ("Accepted", Life::Stays, 1), now);
    assert_eq!(workspaces.lose(ONE, (&red(), "b"), Life::Goes), Turn::Left);
    assert!(workspaces.has_left(&key(config_maps())));
}

#[test]
fn a_binding_that_is_gone_unseen_concludes_nothing() {
    let (workspaces, now) = (workspaces(), Instant::now());
    show(&workspaces, ONE, "b", ("Accepted", Life::Stays, 1), now);
    assert_eq!(workspaces.lose(ONE, (&red(), "b"), Life::Stays), Turn::Lost);
    assert_eq!(workspaces.standing(&key(deployments()), now), Standing::Unbound);
    // Neither does a list without it.
    show(&workspaces, ONE, "b", ("Accepted", Life::Stays, 3), now);
    assert!(workspaces.listed(ONE, 3).is_empty());
    assert_eq!(workspaces.listed(ONE, 4), [(red(), Turn::Lost)]);
    assert_eq!(workspaces.standing(&key(config_maps()), now), Standing::Unbound);
}

#[test]
fn a_workspace_may_move_to_another_endpoint() {
    let (workspaces, now, two) = (workspaces(), Instant::now(), EndpointId::of(7));
    show(&workspaces, ONE, "b", ("Accepted", Life::Stays, 1), now);
    assert!(workspaces.is_elsewhere(&red(), two) && !workspaces.is_elsewhere(&red(), ONE));
    show(&workspaces, two, "b", ("Accepted", Life::Stays, 2), now);
    assert_eq!(workspaces.endpoint(&red()), two);
    assert_eq!(
        workspaces.lose(ONE, (&red(), "b"), Life::Stays),
        Turn::None,
        "that is over there"
    );
    assert!(workspaces.listed(ONE, 9).is_empty());
    assert!(workspaces.withdrawn(ONE).is_empty());
    assert_eq!(workspaces.standing(&key(deployments()), now), Standing::Bound);
    assert_eq!(workspaces.withdrawn(two), [red()]);
    assert_eq!(workspaces.standing(&key(deployments()), now), Standing::Unbound);
    assert!(workspaces.routes().is_empty());
}

#[test]
fn an_endpoint_that_goes_with_its_last_binding_takes_no_departure_back() {
    let (workspaces, now) = (workspaces(), Instant::now());
    show(&workspaces, ONE, "b", ("Accepted", Life::Goes, 1), now);
    assert!(workspaces.withdrawn(ONE).is_empty());
    assert!(workspaces.has_left(&key(deployments())));
}

#[test]
fn of_two_bindings_one_is_enough() {
    let (workspaces, now) = (workspaces(), Instant::now());
    show(&workspaces, ONE, "b", ("Rejected", Life::Stays, 1), now);
    show(&workspaces, ONE, "c", ("Accepted", Life::Stays, 1), now);
    assert!(matches!(
        workspaces.standing(&key(config_maps()), now),
        Standing::Accepted { .. }
    ));
    assert_eq!(workspaces.refusal(&red(), &config_maps()), None);
    assert_eq!(
        show(&workspaces, ONE, "c", ("Accepted", Life::Goes, 1), now),
        Turn::Changed
    );
    assert_eq!(workspaces.standing(&key(config_maps()), now), Standing::Unaccepted);
    assert!(!workspaces.has_left(&key(config_maps())));
}

#[test]
fn only_so_many_departures_are_remembered() {
    let (workspaces, now) = (workspaces(), Instant::now());
    for number in 0..=MOST_DEPARTED {
        let cluster = LogicalCluster::new(&format!("w{number}"));
        let seen = Seen {
            binding: binding("Accepted"),
            life: Life::Goes,
            path: None,
            list: 1,
        };
        workspaces.note((ONE, &kcp()), (&cluster, "b"), seen, now);
        workspaces.lose(ONE, (&cluster, "b"), Life::Goes);
    }
    assert_eq!(workspaces.0.known.len(), MOST_DEPARTED);
    workspaces.clear();
    assert!(workspaces.0.known.is_empty());
}
