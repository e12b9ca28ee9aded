//! What is shown is what gets written: the whole actor tree between an upstream and two targets in memory, first with clients that rehearse,
//! then in earnest, in random worlds under random policies.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;
use serde_json::{Value, json};
use syncer_clusters::Cluster;
use syncer_core::{
    Gvr, ObjectKey,
    config::{Configuration, NamespaceMapping, SyncPolicy, SyncTarget, SyncTargetSpec},
    difference::{shown, without_allocated},
    hash_key::HashKey,
    placement::{PlacementOptions, Rules, Secrets},
    protect::Protection,
};
use syncer_sandbox::{ApiServer, Fleet, FleetOptions, Hand, Reach, TimerClock};
use tokio::{sync::watch, task::LocalSet};

use super::*;
use crate::{
    Bounds, Metrics, Readiness, Rulebook, Settings, Supervisor, TargetReports, TargetSettings, UpstreamSettings,
    UpstreamSource, Writes,
    events::Recent,
    in_memory,
    runtime::{self, Clock, Runtime, Signals, Spec},
};

/// By when everything is written, and by when everything is found out.
const SETTLED: Duration = Duration::from_secs(40);

/// Collections that are looked at, with the resource each holds.
const KINDS: [(&str, &str, &str); 5] = [
    ("", "namespaces", "/api/v1"),
    ("", "configmaps", "/api/v1"),
    ("", "secrets", "/api/v1"),
    ("", "services", "/api/v1"),
    ("apps", "deployments", "/apis/apps/v1"),
];

/// The kinds that worlds are made of, by their place in [`KINDS`].
const DRAWN: std::ops::Range<usize> = 1..5;

const NAMESPACES: [&str; 2] = ["default", "shop"];
const NAMES: [&str; 2] = ["a", "b"];

/// The value of every Secret in these worlds.
const CONFIDENTIAL: &str = "dGVsbC1ub2JvZHk";

/// An object of a world: kind, namespace and name by number.
type Slot = (usize, usize, usize);

/// What somebody does to an object.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// It is made, or written anew, in this variant.
    Set(u8),
    /// A field of it is changed.
    Edit(u8),
    /// A field is added that nobody asked for.
    AddForeign,
    /// A label is added.
    Label,
    /// It is paused.
    Pause,
    /// It is deleted.
    Delete,
}

/// What a policy says, drawn.
#[derive(Clone, Debug)]
struct Draft {
    kinds: BTreeSet<usize>,
    targets: u8,
    transform: u8,
    conflict: u8,
    given_up: bool,
    orphan: bool,
    hashed: bool,
}

/// A world before, what happens to it, and the policy after.
#[derive(Clone, Debug)]
struct World {
    upstream: Vec<(Slot, Deed)>,
    strangers: Vec<(usize, Slot)>,
    before: Draft,
    upstream_deeds: Vec<(Slot, Deed)>,
    target_deeds: Vec<(usize, Slot, Deed)>,
    after: Draft,
}

fn slot() -> impl Strategy<Value = Slot> {
    (DRAWN, 0..NAMESPACES.len(), 0..NAMES.len())
}

fn draft() -> impl Strategy<Value = Draft> {
    let kinds = prop_oneof![
        3 => Just(DRAWN.collect::<BTreeSet<_>>()),
        1 => prop::collection::btree_set(DRAWN, 1..4),
    ];
    (
        kinds,
        0_u8..4,
        0_u8..5,
        0_u8..12,
        any::<bool>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(kinds, targets, transform, conflict, given_up, orphan)| Draft {
            kinds,
            targets,
            transform,
            conflict,
            given_up,
            orphan,
            hashed: false,
        })
}

fn world() -> impl Strategy<Value = World> {
    let upstream_deed =
        prop_oneof![2 => (0_u8..4).prop_map(Deed::Set), 2 => (0_u8..4).prop_map(Deed::Edit), 1 => Just(Deed::Delete)];
    let target_deed = prop_oneof![
        2 => (0_u8..4).prop_map(Deed::Edit),
        1 => Just(Deed::AddForeign),
        1 => Just(Deed::Label),
        1 => Just(Deed::Pause),
        1 => Just(Deed::Delete),
    ];
    (
        prop::collection::vec((slot(), (0_u8..4).prop_map(Deed::Set)), 1..8),
        prop::collection::vec((0_usize..2, slot()), 0..3),
        draft(),
        prop::collection::vec((slot(), upstream_deed), 0..4),
        prop::collection::vec((0_usize..2, slot(), target_deed), 0..4),
        draft(),
        any::<bool>(),
    )
        .prop_map(
            |(upstream, mut strangers, mut before, mut upstream_deeds, mut target_deeds, mut after, hashed)| {
                (before.hashed, after.hashed) = (hashed, hashed);
                // Mostly at what is there.
                let there: Vec<Slot> = upstream.iter().map(|(slot, _)| *slot).collect();
                let mostly = |slot: &mut Slot, turn: usize| {
                    if turn % 4 != 3 {
                        *slot = there[turn % there.len()];
                    }
                };
                let strangers_too = strangers.iter_mut().map(|(_, slot)| slot);
                let of_upstream = upstream_deeds.iter_mut().map(|(slot, _)| slot);
                let of_targets = target_deeds.iter_mut().map(|(_, slot, _)| slot);
                for (turn, slot) in strangers_too.chain(of_upstream).chain(of_targets).enumerate() {
                    mostly(slot, turn);
                }
                World {
                    upstream,
                    strangers,
                    before,
                    upstream_deeds,
                    target_deeds,
                    after,
                }
            },
        )
}

fn collection((kind, namespace, _): Slot) -> String {
    let (_, plural, path) = KINDS[kind];
    format!("{path}/namespaces/{}/{plural}", NAMESPACES[namespace])
}

fn path(slot: Slot) -> String {
    format!("{}/{}", collection(slot), NAMES[slot.2])
}

fn object(slot: Slot, variant: u8) -> Value {
    let metadata = json!({"name": NAMES[slot.2], "labels": {"variant": format!("v{variant}")}});
    match KINDS[slot.0].1 {
        "configmaps" => json!({"metadata": metadata, "data": {"color": format!("c{variant}"), "size": "3"}}),
        "secrets" => {
            json!({"metadata": metadata, "type": "Opaque", "data": {"password": format!("{CONFIDENTIAL}{variant}")}})
        }
        "services" => {
            json!({"metadata": metadata, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80 + u16::from(variant)}]}})
        }
        _ => {
            let mut spec = json!({
                "replicas": 1 + variant,
                "selector": {"matchLabels": {"app": if variant == 3 { "other" } else { "x" }}},
                "template": {
                    "metadata": {"labels": {"app": if variant == 3 { "other" } else { "x" }}},
                    "spec": {"containers": [{"name": "web", "image": format!("web:{variant}")}]},
                },
            });
            if variant == 2 {
                spec["strategy"] = json!({"type": "Recreate"});
            }
            json!({"metadata": metadata, "spec": spec})
        }
    }
}

/// A change of one field.
fn edit(slot: Slot, variant: u8) -> Value {
    match KINDS[slot.0].1 {
        "configmaps" => json!({"data": {"color": format!("edited{variant}")}}),
        "secrets" => json!({"data": {"password": format!("{CONFIDENTIAL}x{variant}")}}),
        "services" => {
            json!({"spec": {"sessionAffinity": if variant.is_multiple_of(2) { "ClientIP" } else { "None" }, "selector": {"app": format!("e{variant}")}}})
        }
        _ => json!({"spec": {"replicas": 5 + variant}}),
    }
}

fn foreign(slot: Slot) -> Value {
    match KINDS[slot.0].1 {
        "configmaps" => json!({"data": {"foreign": "x"}}),
        "secrets" => json!({"data": {"foreign": CONFIDENTIAL}}),
        "services" => json!({"spec": {"selector": {"foreign": "x"}}}),
        _ => json!({"spec": {"template": {"spec": {"nodeSelector": {"foreign": "x"}}}}}),
    }
}

/// What cannot be done is not done: objects that are not there, changes that a server refuses.
fn does(hand: &Hand, slot: Slot, at: &str, deed: Deed) {
    let _ = match deed {
        Deed::Set(variant) => {
            let _ = hand.delete(at);
            hand.create(&collection(slot), &object(slot, variant))
        }
        Deed::Edit(variant) => hand.merge(at, &edit(slot, variant)),
        Deed::AddForeign => hand.merge(at, &foreign(slot)),
        Deed::Label => hand.merge(at, &json!({"metadata": {"labels": {"theirs": "x"}}})),
        Deed::Pause => hand.merge(
            at,
            &json!({"metadata": {"annotations": {"workload.kcp.io/paused": "true"}}}),
        ),
        Deed::Delete => hand.delete(at),
    };
}

// === impl Draft ===

impl Draft {
    fn spec(&self) -> Value {
        let resources: Vec<_> = self
            .kinds
            .iter()
            .map(|kind| json!({"group": KINDS[*kind].0, "resource": KINDS[*kind].1}))
            .collect();
        let targets = match self.targets {
            0 => json!(["east"]),
            1 => json!(["west"]),
            _ => json!([]),
        };
        let transforms = match self.transform {
            1 => json!([{"set": {"path": "metadata.labels.zone", "cel": "target.name"}}]),
            2 => {
                json!([{"set": {"path": "spec.replicas", "value": 7}, "resources": [{"group": "apps", "resource": "deployments"}]}])
            }
            3 => json!([{"mergePatch": {"metadata": {"annotations": {"team": "web"}}}}]),
            // Where there is no such key the transform fails, and what went down last stays (S11).
            4 => {
                json!([{"set": {"path": "metadata.annotations.from", "cel": "object.data.color"}, "resources": [{"group": "", "resource": "configmaps"}, {"group": "", "resource": "secrets"}]}])
            }
            _ => json!([]),
        };
        let fields = if self.given_up {
            json!([{"resource": "deployments.apps", "path": "spec.replicas", "owner": "Downstream"}])
        } else {
            json!([])
        };
        let adoption = ["Never", "IfEqual", "Always"][usize::from(self.conflict % 3)];
        let on_immutable = ["Auto", "Report", "Recreate", "Auto"][usize::from(self.conflict % 4)];
        json!({
            "resources": resources, "targets": {"names": targets}, "transforms": transforms,
            "conflict": {
                "strategy": match self.conflict {
                    0..6 => "UpstreamWins",
                    6..9 => "MergeChanges",
                    _ => "LastWriteWins",
                },
                "adoption": adoption,
                "foreign": if self.conflict == 2 { "Keep" } else { "Remove" },
                "onImmutable": on_immutable,
                "fields": fields,
            },
            "deletion": {"mode": if self.orphan { "Orphan" } else { "Delete" }},
        })
    }
}

/// An upstream and two targets.
struct Scene {
    fleet: Fleet,
    revision: u64,
}

/// What differs between two looks at a target, by path: the object after, if it is there.
type Written = BTreeMap<(String, String), Option<Value>>;

// === impl Scene ===

impl Scene {
    fn new() -> Self {
        let start = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        let fleet = Fleet::new(&FleetOptions {
            targets: 2,
            clock: Arc::new(TimerClock::new(start)),
            ..FleetOptions::default()
        });
        let scene = Self {
            fleet: fleet.unwrap(),
            revision: 0,
        };
        let namespace = json!({"metadata": {"name": "shop", "labels": {"of": "upstream"}}});
        scene.upstream().create("/api/v1/namespaces", &namespace).unwrap();
        scene
    }

    fn upstream(&self) -> Hand {
        Hand::at(&self.fleet.upstream, "kubectl")
    }

    fn target(&self, number: usize) -> Hand {
        Hand::at(&self.fleet.targets[number].1, "kubectl-edit")
    }

    fn key() -> HashKey {
        HashKey::new(b"a key of these tests alone")
    }

    /// Where the copy of the object of `slot` is on a target, if it is there.
    fn copy(&self, number: usize, slot: Slot) -> Option<String> {
        let (_, plural, root) = KINDS[slot.0];
        let copies = self.target(number).list(&format!("{root}/{plural}"));
        let copy = copies.iter().find(|copy| {
            let origin = copy["metadata"]["annotations"]["workload.kcp.io/origin"]
                .as_str()
                .unwrap_or("null");
            let origin: Value = serde_json::from_str(origin).unwrap();
            origin["namespace"] == NAMESPACES[slot.1] && origin["name"] == NAMES[slot.2]
        })?;
        let namespace = copy["metadata"]["namespace"].as_str()?;
        Some(format!("{root}/namespaces/{namespace}/{plural}/{}", NAMES[slot.2]))
    }

    fn rulebook(&mut self, policy: &Value, hashed: bool, preview: Option<&Preview>) -> Rulebook {
        self.revision += 1;
        let mapping = if hashed {
            NamespaceMapping::Hashed
        } else {
            NamespaceMapping::Identity
        };
        let target = |name: &str| SyncTarget {
            name: name.to_owned(),
            uid: String::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            spec: SyncTargetSpec::default(),
        };
        let policy = SyncPolicy {
            name: "all".to_owned(),
            spec: serde_json::from_value(policy.clone()).unwrap(),
        };
        let names = self.fleet.targets.iter().map(|(name, _)| name.as_str());
        let configuration = Configuration {
            targets: names.map(|name| (name.into(), Arc::new(target(name)))).collect(),
            policies: [("all".into(), Arc::new(policy))].into(),
        };
        let options = PlacementOptions {
            secrets: Secrets::OnlyNamed,
            protection: Protection::default(),
            default_mapping: mapping,
        };
        let rehearsal = preview.map(|preview| preview.rehearsal().clone());
        let targets = self.fleet.targets.iter().map(|(name, server)| {
            let (name, server): (Arc<str>, ApiServer) = (name.as_str().into(), server.clone());
            let (called, rehearsal) = (format!("target {name}"), rehearsal.clone());
            let settings = TargetSettings {
                name: name.clone(),
                uid: "".into(),
                connect: Arc::new(move || Ok(cluster(&called, &server, rehearsal.clone()))),
                fingerprint: 0,
            };
            (name, settings)
        });
        Rulebook {
            revision: self.revision,
            rules: Rules::compile(&configuration, options).unwrap(),
            unreadable: crate::rulebook::Unreadable::default(),
            targets: targets.collect(),
        }
    }

    /// Lets the actors work under `policy` until everything is done, in earnest or only tried.
    async fn run(&mut self, policy: &Value, hashed: bool, preview: Option<Preview>) {
        let rulebook = self.rulebook(policy, hashed, preview.as_ref());
        let rehearsal = preview.as_ref().map(|preview| preview.rehearsal().clone());
        let (_keep, rulebooks) = watch::channel(Arc::new(rulebook));
        let settings = Settings {
            rulebooks,
            upstream: UpstreamSettings {
                previous: None,
                cluster: cluster("upstream", &self.fleet.upstream, rehearsal),
                body_cache: 1 << 20,
                source: UpstreamSource::Plain,
            },
            bounds: Bounds {
                mailbox: 64,
                reconcilers: 8,
            },
            writes: if preview.is_some() {
                Writes::Rehearsed
            } else {
                Writes::Done
            },
            hash_key: Self::key(),
            recent: Recent::default(),
            verdicts: crate::verdicts::Verdicts::default(),
            standing_by: None,
            reports: TargetReports::default(),
            confirm_mass_deletion: None,
            own_objects: crate::no_own_objects(),
            preview,
        };
        let signals = Signals::new();
        let readiness = Readiness::of(settings.rulebooks.borrow().targets.keys().cloned());
        let mut runtime = Runtime::local(runtime::Settings {
            seed: 1,
            clock: Clock::simulated(std::time::UNIX_EPOCH + Duration::from_hours(500_000)),
            signals: signals.clone(),
        });
        let factory = Supervisor::factory(settings, readiness, signals, Metrics::default());
        let (_, ended) = runtime.start(Spec::new("test"), factory);
        tokio::time::sleep(SETTLED).await;
        runtime.stop();
        let _ = ended.wait().await;
    }

    /// What a preview of `policy` finds, once every target that can be reached has settled.
    async fn previewed(&mut self, policy: &Value, hashed: bool) -> (Preview, Vec<Finding>) {
        let preview = Preview::new();
        self.run(policy, hashed, Some(preview.clone())).await;
        let findings = preview.findings().await;
        (preview, findings)
    }

    /// Everything on a target, by collection path and name.
    fn look(&self, number: usize) -> BTreeMap<(String, String), Value> {
        everything(&self.target(number), &KINDS)
    }

    /// Everything upstream that worlds are made of, by collection path and name.
    fn upstream_look(&self) -> BTreeMap<(String, String), Value> {
        everything(&self.upstream(), &KINDS[DRAWN])
    }

    fn versions(&self) -> Vec<u64> {
        let targets = self.fleet.targets.iter().map(|(_, server)| server.resource_version());
        std::iter::once(self.fleet.upstream.resource_version())
            .chain(targets)
            .collect()
    }
}

fn cluster(name: &str, server: &ApiServer, rehearsal: Option<Rehearsal>) -> Cluster {
    Cluster::builder(name)
        .seed(1)
        .rehearsing(rehearsal)
        .service(
            &format!("https://{}", name.replace(' ', "-")),
            in_memory::service(server.clone(), |_| {}),
        )
        .unwrap()
}

/// All objects of `kinds`, by collection path and name.
fn everything(hand: &Hand, kinds: &[(&str, &str, &str)]) -> BTreeMap<(String, String), Value> {
    let all = kinds.iter().flat_map(|(_, plural, root)| {
        hand.list(&format!("{root}/{plural}")).into_iter().map(move |object| {
            let metadata = &object["metadata"];
            let place = |member: &str| metadata[member].as_str().unwrap_or_default().to_owned();
            ((format!("{plural}/{}", place("namespace")), place("name")), object)
        })
    });
    all.collect()
}

/// What was written between two looks.
fn written(before: &BTreeMap<(String, String), Value>, after: &BTreeMap<(String, String), Value>) -> Written {
    let version = |object: Option<&Value>| object.map(|object| object["metadata"]["resourceVersion"].clone());
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    keys.into_iter()
        .filter(|key| version(before.get(key)) != version(after.get(key)))
        .map(|key| (key.clone(), after.get(&key).cloned()))
        .collect()
}

fn gvr(place: &(String, String)) -> Gvr {
    let plural = place.0.split('/').next().unwrap();
    let (group, _, _) = KINDS.iter().find(|(_, known, _)| *known == plural).unwrap();
    Gvr::new(group, "v1", plural)
}

/// Whether every leaf of `part` is in `whole`, lists item by item.
fn is_within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|found| is_within(value, found))),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_within(part, whole))
        }
        (part, whole) => part == whole,
    }
}

/// What `findings` say that target `name` would get; not what it would give.
fn announced(findings: &[Finding], name: &str) -> BTreeMap<(String, String), Finding> {
    let written = findings.iter().filter(|finding| {
        finding.target.as_deref() == Some(name) && finding.writes && finding.verdict != Verdict::WriteBack
    });
    written
        .map(|finding| {
            let place = (
                format!("{}/{}", finding.key.gvr.resource(), finding.namespace),
                finding.name.to_string(),
            );
            (place, finding.clone())
        })
        .collect()
}

/// An object of `place` as people are shown it: without status, versions and our markers.
fn people_see(place: &(String, String)) -> impl Fn(&Value) -> Value {
    let gvr = gvr(place);
    move |object| shown(&gvr, object, &Scene::key())
}

/// Takes the times of first sight out of what `object` says about its write-backs: the run sees it later than the preview did. Those that
/// API servers wrote down are whole seconds, and stay.
fn without_first_sights(object: &mut Value) {
    let Some(annotation) = object.pointer_mut("/metadata/annotations/workload.kcp.io~1written-back") else {
        return;
    };
    let mut writes: Value = serde_json::from_str(annotation.as_str().unwrap()).unwrap();
    for write in writes.as_object_mut().unwrap().values_mut() {
        if write["time"].as_str().unwrap().contains('.') {
            write["time"] = Value::Null;
        }
    }
    *annotation = writes.to_string().into();
}

/// Whether `finding` says of `place` what came to be.
fn tells(finding: &Finding, place: &(String, String), now: Option<&Value>) -> Result<(), String> {
    let gvr = gvr(place);
    let made = matches!(finding.verdict, Verdict::Create | Verdict::Recreate);
    let now = now.map(|now| {
        let mut now = now.clone();
        if made {
            without_allocated(&gvr, &mut now);
        }
        let mut now = shown(&gvr, &now, &Scene::key());
        without_first_sights(&mut now);
        now
    });
    let told = match &finding.after {
        Content::Absent => None,
        Content::Present(text) => {
            let mut told: Value = serde_json::from_str(text).unwrap();
            // Items of a list do not say it.
            for member in ["apiVersion", "kind"] {
                assert!(told.as_object_mut().unwrap().remove(member).is_some());
            }
            without_first_sights(&mut told);
            Some(told)
        }
        Content::LeftOut => return Err("left out".to_owned()),
    };
    let holds = match (&told, &now) {
        (None, None) => true,
        (Some(told), Some(now)) => match finding.source {
            Source::Server => told == now,
            Source::Computed => is_within(told, now),
        },
        _ => false,
    };
    if holds {
        return Ok(());
    }
    Err(format!(
        "{:?} from {:?} ({:?}) of {place:?} says {told:#?}, and it is {now:#?}",
        finding.verdict, finding.before, finding.source
    ))
}

/// What would be written back, by upstream object. What targets get of these follows from that write, and is not shown.
fn given_back(findings: &[Finding]) -> BTreeMap<ObjectKey, Vec<&Finding>> {
    let mut given: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.verdict == Verdict::WriteBack) {
        given.entry(finding.key.clone()).or_default().push(finding);
    }
    given
}

/// Where the copies of `key` are.
fn places(scene: &Scene, key: &ObjectKey, hashed: bool) -> BTreeSet<(String, String)> {
    let at = |namespace: &str| (format!("{}/{namespace}", key.gvr.resource()), key.name.to_string());
    if !hashed {
        return [at(&key.namespace)].into();
    }
    let of = |object: &Value| -> Option<String> {
        let origin = object["metadata"]["annotations"]["workload.kcp.io/origin"].as_str()?;
        let origin: Value = serde_json::from_str(origin).ok()?;
        let is_its = origin["namespace"] == *key.namespace
            && origin["name"] == *key.name
            && origin["resource"] == *key.gvr.resource();
        is_its.then(|| object["metadata"]["namespace"].as_str().map(str::to_owned))?
    };
    let looks = [scene.look(0), scene.look(1)];
    let copies = looks.iter().flat_map(BTreeMap::values);
    copies.filter_map(of).map(|namespace| at(&namespace)).collect()
}

async fn what_is_shown_is_written(world: World) -> Result<(), TestCaseError> {
    let mut scene = Scene::new();
    for (slot, deed) in &world.upstream {
        does(&scene.upstream(), *slot, &path(*slot), *deed);
    }
    for (number, slot) in &world.strangers {
        let hand = scene.target(*number);
        let _ = hand.create("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}}));
        does(&hand, *slot, &path(*slot), Deed::Set(0));
    }
    scene.run(&world.before.spec(), world.before.hashed, None).await;
    for (slot, deed) in &world.upstream_deeds {
        does(&scene.upstream(), *slot, &path(*slot), *deed);
    }
    for (number, slot, deed) in &world.target_deeds {
        let at = scene.copy(*number, *slot).unwrap_or_else(|| path(*slot));
        does(&scene.target(*number), *slot, &at, *deed);
    }

    let before = scene.versions();
    let looks = [scene.look(0), scene.look(1)];
    let (preview, findings) = scene.previewed(&world.after.spec(), world.after.hashed).await;
    prop_assert_eq!(scene.versions(), before, "a preview writes nothing, on no side");
    let names: Vec<String> = scene.fleet.targets.iter().map(|(name, _)| name.clone()).collect();
    for name in &names {
        let standing = preview.standing(name);
        prop_assert!(
            matches!(standing, Some(Standing::Settled { .. })),
            "{} is {:?}",
            name,
            standing
        );
    }
    let told = format!("{findings:?}");
    prop_assert!(!told.contains(CONFIDENTIAL), "a value of a Secret is shown: {}", told);
    prop_assert!(
        findings
            .iter()
            .all(|finding| finding.verdict != Verdict::Failed || finding.note.contains("422")),
        "{}",
        told
    );

    let given = given_back(&findings);
    let mut follows: BTreeSet<_> = given
        .keys()
        .flat_map(|key| places(&scene, key, world.after.hashed))
        .collect();
    let upstream_before = scene.upstream_look();
    scene.run(&world.after.spec(), world.after.hashed, None).await;
    follows.extend(given.keys().flat_map(|key| places(&scene, key, world.after.hashed)));
    for (place, is) in scene.upstream_look() {
        let of_place = |finding: &&Finding| {
            let upstream = (
                format!("{}/{}", finding.key.gvr.resource(), finding.key.namespace),
                finding.key.name.to_string(),
            );
            upstream == place
        };
        let given: Vec<_> = given.values().flatten().copied().filter(of_place).collect();
        match given[..] {
            [] => prop_assert_eq!(
                upstream_before.get(&place).map(people_see(&place)),
                Some(people_see(&place)(&is)),
                "{:?} is written upstream, and was not shown: {:#?}",
                &place,
                &findings
            ),
            [one] => {
                let told = tells(one, &place, Some(&is));
                prop_assert!(told.is_ok(), "upstream: {}", told.unwrap_err());
            }
            // Of several targets each is shown as if it were alone.
            _ => {}
        }
    }
    for (number, name) in names.iter().enumerate() {
        let mut written = written(&looks[number], &scene.look(number));
        written.retain(|place, _| !follows.contains(place));
        let mut announced = announced(&findings, name);
        announced.retain(|place, _| !follows.contains(place));
        let (really, said): (BTreeSet<_>, BTreeSet<_>) = (written.keys().collect(), announced.keys().collect());
        prop_assert_eq!(said, really, "on {}: of {:#?}", name, &findings);
        for (place, finding) in &announced {
            let told = tells(finding, place, written[place].as_ref());
            prop_assert!(told.is_ok(), "on {}: {}", name, told.unwrap_err());
        }
    }

    let (_, findings) = scene.previewed(&world.after.spec(), world.after.hashed).await;
    let left: Vec<_> = findings.iter().filter(|finding| finding.writes).collect();
    prop_assert!(left.is_empty(), "after a run nothing is left to write: {:#?}", left);
    let targets = scene.versions()[1..].to_vec();
    scene.run(&world.after.spec(), world.after.hashed, None).await;
    prop_assert_eq!(
        &scene.versions()[1..],
        &targets[..],
        "after a preview says none, a run writes nothing there"
    );
    Ok(())
}

/// On a clock that goes as fast as there is nothing to do.
fn on_a_paused_clock<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_a_preview_shows_is_what_a_run_writes(world in world()) {
        on_a_paused_clock(what_is_shown_is_written(world))?;
    }
}

#[test]
fn what_would_go_at_once_is_held_and_shown() {
    on_a_paused_clock(async {
        let mut scene = Scene::new();
        let policy = json!({"resources": [{"group": "", "resource": "configmaps"}]});
        for number in 0..12 {
            let map = json!({"metadata": {"name": format!("m{number}")}, "data": {"n": format!("{number}")}});
            scene
                .upstream()
                .create("/api/v1/namespaces/default/configmaps", &map)
                .unwrap();
        }
        scene.run(&policy, false, None).await;
        for number in 0..12 {
            scene
                .upstream()
                .delete(&format!("/api/v1/namespaces/default/configmaps/m{number}"))
                .unwrap();
        }
        let before = scene.versions();
        let (_, findings) = scene.previewed(&policy, false).await;
        assert_eq!(scene.versions(), before);
        assert_eq!(findings.len(), 24);
        for finding in &findings {
            assert_eq!(
                (finding.verdict, finding.after == Content::Absent),
                (Verdict::Held, true)
            );
            let Content::Present(text) = &finding.before else {
                panic!("what would go is shown");
            };
            assert!(text.contains("\"n\":"), "{text}");
        }
    });
}

/// Of what a target writes back everything is shown: what the upstream would hold, and nothing of what would follow.
#[test]
fn a_write_back_is_shown_as_the_upstream_then_has_it() {
    on_a_paused_clock(async {
        let mut scene = Scene::new();
        let policy = json!({
            "resources": [{"group": "", "resource": "configmaps"}], "conflict": {"strategy": "LastWriteWins"},
        });
        let (maps, map) = (
            "/api/v1/namespaces/default/configmaps",
            "/api/v1/namespaces/default/configmaps/m",
        );
        let made = json!({"metadata": {"name": "m"}, "data": {"mine": "1", "yours": "1"}});
        scene.upstream().create(maps, &made).unwrap();
        scene.run(&policy, false, None).await;
        scene.target(0).merge(map, &json!({"data": {"yours": "2"}})).unwrap();

        let before = scene.versions();
        let (_, findings) = scene.previewed(&policy, false).await;
        assert_eq!(scene.versions(), before);
        let given = given_back(&findings);
        let [finding] = given.values().flatten().copied().collect::<Vec<_>>()[..] else {
            panic!("one write-back: {findings:#?}");
        };
        assert_eq!(finding.target.as_deref(), Some(&*scene.fleet.targets[0].0));
        let Content::Present(told) = &finding.after else {
            panic!("{finding:?}")
        };
        let told: Value = serde_json::from_str(told).unwrap();
        assert_eq!(told["data"], json!({"mine": "1", "yours": "2"}));

        scene.run(&policy, false, None).await;
        for hand in [scene.upstream(), scene.target(0), scene.target(1)] {
            assert_eq!(hand.get(map).unwrap()["data"], told["data"]);
        }
        let (_, findings) = scene.previewed(&policy, false).await;
        assert!(findings.iter().all(|finding| !finding.writes), "{findings:#?}");
    });
}

#[test]
fn a_target_that_cannot_be_reached_holds_up_no_other() {
    on_a_paused_clock(async {
        let mut scene = Scene::new();
        let map = json!({"metadata": {"name": "m"}, "data": {"k": "v"}});
        scene
            .upstream()
            .create("/api/v1/namespaces/default/configmaps", &map)
            .unwrap();
        let (dead, server) = &scene.fleet.targets[1];
        server.faults().set_reach(Reach::Refused);
        let dead = dead.clone();
        let policy = json!({"resources": [{"group": "", "resource": "configmaps"}]});
        let (preview, findings) = scene.previewed(&policy, false).await;
        assert!(
            matches!(preview.standing(&dead), Some(Standing::Unreachable(_))),
            "{:?}",
            preview.standing(&dead)
        );
        let [found] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(
            (found.target.as_deref(), found.verdict),
            (Some(&*scene.fleet.targets[0].0), Verdict::Create)
        );
    });
}

#[test]
fn an_upstream_that_cannot_be_read_is_said() {
    on_a_paused_clock(async {
        let mut scene = Scene::new();
        scene.fleet.upstream.faults().set_reach(Reach::Refused);
        let policy = json!({"resources": [{"group": "", "resource": "configmaps"}]});
        let (preview, findings) = scene.previewed(&policy, false).await;
        assert!(findings.is_empty());
        assert!(!preview.troubles(Duration::from_secs(10)).is_empty());
    });
}

#[test]
fn what_is_too_much_is_counted_and_not_kept() {
    on_a_paused_clock(async {
        let mut scene = Scene::new();
        for name in ["a", "b", "c"] {
            let map = json!({"metadata": {"name": name}, "data": {"k": "x".repeat(400)}});
            scene
                .upstream()
                .create("/api/v1/namespaces/default/configmaps", &map)
                .unwrap();
        }
        let preview = Preview::bounded(1_200);
        let policy = json!({"resources": [{"group": "", "resource": "configmaps"}], "targets": {"names": ["east"]}});
        scene.run(&policy, false, Some(preview.clone())).await;
        let findings = preview.findings().await;
        let left_out = findings
            .iter()
            .filter(|finding| finding.after == Content::LeftOut)
            .count();
        assert_eq!((findings.len(), left_out), (3, 1));
    });
}
