//! Fifty workspaces, with the permissions that are printed and no others: on kcp for a ServiceAccount of the provider, on the targets for
//! the roles of `manifests rbac`.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use syncer_harness::{ApiServer, FailureReport, Kcp, Scratch, Syncer, User, stays, wait_for};

use super::provider::{Consumer, KCP_SOON, Provider, kcp_alone};
use crate::{manifests::roles, world::BINARY};

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
const REST: Duration = Duration::from_secs(20);

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

/// Both clusters, reached as `user`, and one policy for the three kinds.
fn documents(targets: [(&str, &ApiServer); 2], user: &User) -> String {
    let targets = targets.iter().map(|(name, server)| {
        let kubeconfig = server.write(&server.kubeconfig_of(user));
        json!({
            "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncTarget", "metadata": {"name": name},
            "spec": {"kubeconfigFile": kubeconfig},
        })
    });
    let resources =
        json!([{"resource": "configmaps"}, {"resource": "services"}, {"group": "apps", "resource": "deployments"}]);
    let policy = json!({
        "apiVersion": "workload.kcp.io/v1alpha1", "kind": "SyncPolicy", "metadata": {"name": "all"},
        "spec": {"resources": resources},
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": targets.chain([policy]).collect::<Vec<_>>()});
    list.to_string()
}

/// Whoever of `user`'s requests `server` has refused for want of permission.
fn refused(server: &ApiServer, user: &User) -> Vec<String> {
    let denied = server
        .audit()
        .into_iter()
        .filter(|event| event.user == user.name() && event.code == 403);
    denied.map(|event| format!("{} {}", event.verb, event.uri)).collect()
}

#[test]
#[ignore = "takes minutes and a machine of its own: cargo test --features testbed --test real -- --ignored fifty"]
fn fifty_workspaces_a_restart_of_kcp_a_new_workspace_and_one_that_goes() {
    let mut kcp = kcp_alone();
    let user = User::new("plain");
    let granted = ["tmc-syncer-target", "tmc-syncer-target-namespaces"];
    let (east, west) = thread::scope(|scope| {
        let east = scope.spawn(|| roles::server("east", &user, &granted));
        let west = roles::server("west", &user, &granted);
        (east.join().unwrap(), west)
    });
    let provider = Provider::make(&kcp, "crowd");
    let files = Scratch::new("crowd");
    let file = files.write("sync.yaml", &documents([("east", &east), ("west", &west)], &user));
    let upstream = kcp.write(&provider.syncer(&kcp));
    let arguments: [&OsStr; 7] = [
        "run".as_ref(),
        "--endpoint-slice".as_ref(),
        "kubernetes".as_ref(),
        "--upstream-kubeconfig".as_ref(),
        upstream.as_ref(),
        "-f".as_ref(),
        file.as_ref(),
    ];
    let syncer = Syncer::start(BINARY, arguments);
    let _report = FailureReport::on([east.process(), west.process(), syncer.process()]);

    let consumers = populate(&kcp, &provider);
    wait_held([&east, &west], WORKSPACES, [0; 3]);
    let host = format!(
        "host=\"{}\"",
        kcp.kubeconfig("root")
            .server
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split('/').next())
            .unwrap()
    );
    let requests = || counted(&syncer, "rest_client_requests_total", &host);
    let objects = WORKSPACES * PER_WORKSPACE.iter().map(|(_, count)| count).sum::<usize>();
    figure(&format!(
        "{} requests to kcp for {objects} objects in {WORKSPACES} workspaces on 2 targets",
        requests()
    ));
    figure(&format!(
        "{} KiB resident with {WORKSPACES} workspaces",
        resident(&syncer)
    ));

    // S5.
    let writes = || counted(&syncer, "tmc_syncer_writes_total", "side=\"downstream\"");
    let (before, written) = (requests(), writes());
    stays("without a write downstream", REST, || writes() == written);
    figure(&format!("{} requests to kcp in {REST:?} at rest", requests() - before));

    // A new workspace, without restart.
    let start = Instant::now();
    let late = provider.consumer(&kcp, "crowd-late");
    let bound = start.elapsed();
    late.client(&kcp)
        .create(PER_WORKSPACE[0].0, &object(PER_WORKSPACE[0].0, 0));
    wait_held([&east, &west], WORKSPACES, [1, 0, 0]);
    figure(&format!(
        "first object of a new workspace downstream after {:?}, of which kcp took {bound:?} until it was bound",
        start.elapsed()
    ));

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

    for (name, server) in [("east", &east), ("west", &west)] {
        assert_eq!(refused(server, &user), Vec::<String>::new(), "{name}");
    }
    assert_eq!(counted(&syncer, "rest_client_requests_total", "code=\"403\""), 0);
}
