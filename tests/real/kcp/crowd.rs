//! Fifty workspaces, with SyncTargets, kubeconfig Secrets and the policy as objects of the provider, and with the permissions that are
//! printed and no others: on kcp for a ServiceAccount of the provider, on the targets for the roles of `manifests rbac`.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{self, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, ApiServerOptions, Audit, FailureReport, Kcp, Syncer, User, stays, wait_for};

use super::provider::{Consumer, KCP_SOON, Provider, kcp_alone};
use crate::{
    printed::{self, Side},
    world::BINARY,
};

const WORKSPACES: usize = 50;

/// Per workspace: ten ConfigMaps, five Deployments, five Services.
const PER_WORKSPACE: [(&str, usize); 3] = [
    ("/api/v1/namespaces/default/configmaps", 10),
    ("/apis/apps/v1/namespaces/default/deployments", 5),
    ("/api/v1/namespaces/default/services", 5),
];

/// How many things are made at once.
const AT_ONCE: usize = 4;

/// How long a crowd may take on a loaded machine.
const LATER: Duration = Duration::from_mins(4);

/// How long nothing happens while requests are counted.
const REST: Duration = Duration::from_secs(40);
/// Heartbeats are further apart.
const PAUSE: Duration = Duration::from_secs(8);

/// How many requests that may take: the heartbeats of two targets every 20 s, and watches that end in their time.
const AT_REST: u64 = 10;

const OURS: &str = "labelSelector=internal.workload.kcp.io%2Fcluster";

/// The `index`th object of a workspace in `collection`.
fn object(collection: &str, index: usize) -> Value {
    let name = format!("web-{index}");
    let labels = json!({"app": name});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    match collection.rsplit('/').next() {
        Some("deployments") => json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": pod},
        }),
        Some("services") => json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        }),
        _ => json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "1"}}),
    }
}

/// What of our objects a target holds, by collection.
fn held(target: &ApiServer) -> [usize; 3] {
    PER_WORKSPACE.map(|(collection, _)| {
        let everywhere = collection.replace("/namespaces/default", "");
        target.client().items(&format!("{everywhere}?{OURS}")).len()
    })
}

#[track_caller]
fn wait_held(targets: [&ApiServer; 2], workspaces: usize, plus: [usize; 3]) {
    let mut wanted = plus;
    for (wanted, (_, count)) in wanted.iter_mut().zip(PER_WORKSPACE) {
        *wanted += workspaces * count;
    }
    for target in targets {
        wait_for(
            &format!("the objects of {workspaces} workspaces"),
            LATER,
            || match held(target) {
                seen if seen == wanted => Ok(()),
                seen => Err(format!("{seen:?} of {wanted:?}")),
            },
        );
    }
}

/// Makes workspaces with their bindings and objects, several at once.
fn populate(kcp: &Kcp, provider: &Provider) -> Vec<Consumer> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|thread| {
                scope.spawn(move || {
                    let mine = (thread..WORKSPACES).step_by(AT_ONCE);
                    mine.map(|number| {
                        let consumer = provider.consumer(kcp, &format!("crowd-{number}"));
                        let client = consumer.client(kcp);
                        for (collection, count) in PER_WORKSPACE {
                            for index in 0..count {
                                client.create(collection, &object(collection, index));
                            }
                        }
                        consumer
                    })
                    .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// The sum of what the syncer has counted as `metric` with `label`.
fn counted(syncer: &Syncer, metric: &str, label: &str) -> u64 {
    let text = metrics(syncer.admin_address());
    let lines = text
        .lines()
        .filter(|line| line.starts_with(metric) && line.contains(label));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Memory of the process that is in use now, in KiB.
fn resident(syncer: &Syncer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", syncer.process().id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn metrics(admin: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {admin}\r\n\r\n").unwrap();
    io::read_to_string(stream).unwrap()
}

/// Says a figure that the closing note wants.
fn figure(text: &str) {
    let mut out = io::stderr().lock();
    writeln!(out, "figure: {text}").unwrap();
}

/// Two targets with the printed rights for `user`, who is asked nothing unseen.
fn targets(user: &User) -> [ApiServer; 2] {
    let start = |name| {
        let options = ApiServerOptions::default().named(name).audit(Audit::Everything);
        printed::grant(options.user(user).start(), Side::Target)
    };
    thread::scope(|scope| {
        let west = scope.spawn(|| start("west"));
        [start("east"), west.join().unwrap()]
    })
}

/// A policy for the three kinds.
fn policy() -> Value {
    json!({"resources": [{"resource": "configmaps"}, {"resource": "services"}, {"group": "apps", "resource": "deployments"}]})
}

/// What stands in a metric's label for the address of `kcp`.
fn host(kcp: &Kcp) -> String {
    let server = kcp.kubeconfig("root").server;
    let host = server.split("://").nth(1).and_then(|rest| rest.split('/').next());
    format!("host=\"{}\"", host.unwrap())
}

/// What the syncer asked of `host`, by method and answer.
fn asked(syncer: &Syncer, host: &str) -> BTreeMap<String, u64> {
    let text = metrics(syncer.admin_address());
    let lines = text
        .lines()
        .filter(|line| line.starts_with("rest_client_requests_total") && line.contains(host));
    let counts = lines.filter_map(|line| {
        let (labels, count) = line.rsplit_once(' ')?;
        let value = |name: &str| labels.split(&format!("{name}=\"")).nth(1)?.split('"').next();
        Some((format!("{} {}", value("method")?, value("code")?), count.parse().ok()?))
    });
    counts.collect()
}

/// How many there are of `after` beyond `before`, with their kinds.
fn more(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> (u64, String) {
    let grown = after
        .iter()
        .map(|(kind, count)| (kind, count - before.get(kind).copied().unwrap_or(0)));
    let grown: Vec<_> = grown.filter(|(_, count)| *count > 0).collect();
    let kinds: Vec<_> = grown.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    (grown.iter().map(|(_, count)| count).sum(), kinds.join(", "))
}

#[test]
#[ignore = "a bigger load: cargo xtask test --full"]
fn fifty_workspaces_a_restart_of_kcp_a_new_workspace_and_one_that_goes() {
    let mut kcp = kcp_alone();
    let user = printed::user("plain");
    let [east, west] = targets(&user);
    let provider = Provider::make(&kcp, "crowd");
    for (name, server) in [("east", &east), ("west", &west)] {
        provider.target(&kcp, name, &server.kubeconfig_of(&user));
    }
    provider.policy(&kcp, "all", &policy());
    let upstream = kcp.write(&provider.syncer(&kcp));
    let arguments: [&OsStr; 5] = [
        "run".as_ref(),
        "--endpoint-slice".as_ref(),
        "kubernetes".as_ref(),
        "--upstream-kubeconfig".as_ref(),
        upstream.as_ref(),
    ];
    let syncer = Syncer::start(BINARY, arguments);
    let _report = FailureReport::on([east.process(), west.process(), syncer.process()]);
    let (host, started) = (host(&kcp), Instant::now());

    let consumers = populate(&kcp, &provider);
    let (populated, made) = (started.elapsed(), Instant::now());
    wait_held([&east, &west], WORKSPACES, [0; 3]);
    let objects = WORKSPACES * PER_WORKSPACE.iter().map(|(_, count)| count).sum::<usize>();
    let (requests, kinds) = more(&BTreeMap::new(), &asked(&syncer, &host));
    figure(&format!(
        "{requests} requests to kcp ({kinds}) for {objects} objects in {WORKSPACES} workspaces on 2 targets: {} each",
        per(requests, objects)
    ));
    figure(&format!(
        "all downstream {:?} after the last of them was made, which took {populated:?}",
        made.elapsed()
    ));
    figure(&format!(
        "{} KiB resident with {WORKSPACES} workspaces",
        resident(&syncer)
    ));

    at_rest(&syncer, &host);
    let late = a_new_workspace(&kcp, &provider, [&east, &west]);

    // kcp goes, and comes back.
    kcp.kill();
    stays("whole while kcp is away", Duration::from_secs(5), || {
        held(&east)[0] == WORKSPACES * PER_WORKSPACE[0].1 + 1
    });
    kcp.start_again();
    let config_map = format!("{}/web-0", PER_WORKSPACE[0].0);
    let edited = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-0"}, "data": {"key": "2"}});
    let client = late.client(&kcp);
    // It lets people in before it knows all that they may do.
    wait_for("an edit after the restart of kcp", KCP_SOON, || {
        let reply = client.try_call("PUT", &config_map, "application/json", Some(&edited))?;
        if reply.is_success() { Ok(()) } else { Err(reply.text) }
    });
    wait_for("that edit downstream", KCP_SOON, || {
        let items = east.client().items(&format!("/api/v1/configmaps?{OURS}"));
        items.iter().any(|item| item["data"]["key"] == "2")
    });
    wait_held([&east, &west], WORKSPACES, [1, 0, 0]);

    // A workspace is deleted to its end, and its objects leave both targets.
    let gone = &consumers[0];
    let workspace = gone.path.rsplit(':').next().unwrap();
    let workspace = format!("/apis/tenancy.kcp.io/v1alpha1/workspaces/{workspace}");
    let root = kcp.client("root");
    root.delete(&workspace);
    wait_held([&east, &west], WORKSPACES - 1, [1, 0, 0]);
    wait_for("the end of the workspace", LATER, || root.get(&workspace).is_none());

    for server in [&east, &west] {
        printed::assert_enough(server, &user);
    }
}

/// S5, and hardly a question: what is asked in a minute in which nothing happens.
fn at_rest(syncer: &Syncer, host: &str) {
    let writes = || counted(syncer, "tmc_syncer_writes_total", "side=\"downstream\"");
    // Statuses of our own objects follow the last object.
    let mut seen = (asked(syncer, host), Instant::now());
    wait_for("rest", LATER, || {
        let (now, kinds) = more(&seen.0, &asked(syncer, host));
        if now > 0 {
            seen = (asked(syncer, host), Instant::now());
        }
        if seen.1.elapsed() > PAUSE { Ok(()) } else { Err(kinds) }
    });
    let before = asked(syncer, host);
    let written = writes();
    stays("without a write downstream", REST, || writes() == written);
    let (requests, kinds) = more(&before, &asked(syncer, host));
    figure(&format!("{requests} requests to kcp in {REST:?} at rest: {kinds}"));
    assert!(requests <= AT_REST, "{kinds}");
}

/// A workspace that comes later is synced without a restart.
fn a_new_workspace(kcp: &Kcp, provider: &Provider, targets: [&ApiServer; 2]) -> Consumer {
    let start = Instant::now();
    let late = provider.consumer(kcp, "crowd-late");
    let bound = start.elapsed();
    let collection = PER_WORKSPACE[0].0;
    late.client(kcp).create(collection, &object(collection, 0));
    let made = Instant::now();
    wait_held(targets, WORKSPACES, [1, 0, 0]);
    figure(&format!(
        "first object of a new workspace downstream {:?} after its creation began: kcp took {bound:?} until it served what was bound, and {:?} went by since the object was made",
        start.elapsed(),
        made.elapsed()
    ));
    late
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn per(requests: u64, objects: usize) -> String {
    format!("{:.2}", requests as f64 / objects as f64)
}
