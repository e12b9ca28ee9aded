//! A pod's container without a kubelet: the program in a root folder that holds what the image holds, what the pod mounts, and nothing
//! else, as the user that the pod asks for, with its arguments and environment, over a root that cannot be written to.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use syncer_harness::{
    ApiServer, Client, Credentials, Exit, ImageRoot, Kubeconfig, Process, Scratch, free_port, wait_for,
};

use crate::world::BINARY;

/// By when it has to be ready on a loaded machine.
const READY_WITHIN: Duration = Duration::from_mins(3);

/// Its running container.
pub(super) struct Pod {
    process: Process,
    health: Client,
    container: Value,
    root: ImageRoot,
    _log: Scratch,
}

/// On which ports it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// On those that its arguments name.
    AsGiven,
    /// On free ones: a pod of a real cluster has an address of its own, here all share one.
    OfItsOwn,
}

/// A pod of `server` on its way to run.
struct Kubelet<'a> {
    server: &'a ApiServer,
    pod: &'a Value,
    root: ImageRoot,
}

// === impl Pod ===

impl Pod {
    /// Runs the one pod with labels `selector` in `namespace` that is not about to go.
    #[track_caller]
    pub(super) fn run(server: &ApiServer, namespace: &str, selector: &str) -> Self {
        let path = format!("/api/v1/namespaces/{namespace}/pods?labelSelector={selector}");
        let pod = wait_for("the only pod", READY_WITHIN, || {
            let mut pods = server.client().items(&path);
            pods.retain(|pod| pod["metadata"]["deletionTimestamp"].is_null());
            match pods.as_slice() {
                [pod] if pod["status"]["phase"] == "Running" => Ok(pod.clone()),
                others => Err(format!("{} pods", others.len())),
            }
        });
        Self::start(server, &pod, Ports::AsGiven)
    }

    /// Runs what `pod` asks for.
    #[track_caller]
    pub(super) fn start(server: &ApiServer, pod: &Value, ports: Ports) -> Self {
        Self::try_start(server, pod, ports).unwrap()
    }

    /// The same; none where something that it mounts, or whom it acts as, is not there: the pod is about to go, or came too early.
    #[track_caller]
    pub(super) fn try_start(server: &ApiServer, pod: &Value, ports: Ports) -> Option<Self> {
        let log = Scratch::new("pod");
        let root = ImageRoot::lay_out(Path::new(BINARY));
        let mut container = pod["spec"]["containers"][0].clone();
        if ports == Ports::OfItsOwn {
            move_ports(&mut container);
        }
        let kubelet = Kubelet { server, pod, root };
        for mount in items(&container["volumeMounts"]) {
            kubelet.mount(mount)?;
        }
        kubelet.hosts();
        let command = kubelet.command(&container);
        let process = Process::start("the pod's tmc-syncer", command, &log.path().join("container.log"));
        let port = items(&container["ports"])[0]["containerPort"].as_u64().unwrap();
        let health = Client::new(&Kubeconfig {
            server: format!("http://127.0.0.1:{port}"),
            authority: String::new(),
            credentials: Credentials::Anonymous,
        });
        Some(Self {
            process,
            health,
            container,
            root: kubelet.root,
            _log: log,
        })
    }

    /// Waits until all its probes are answered well.
    #[track_caller]
    pub(super) fn wait_ready(&mut self) {
        let (health, container, process) = (&self.health, &self.container, &mut self.process);
        wait_for("the probes to be answered", READY_WITHIN, || {
            if let Some(status) = process.ended() {
                return Err(format!("{status}: {}", process.log()));
            }
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                let path = text(&container[probe]["httpGet"]["path"]);
                let reply = health
                    .try_call("GET", path, "", None)
                    .map_err(|error| format!("{error}: {}", process.log()))?;
                if reply.status != 200 {
                    return Err(format!("{path}: {}: {}", reply.text, process.log()));
                }
            }
            Ok(())
        });
    }

    /// What it answers on its health address.
    #[track_caller]
    pub(super) fn get(&self, path: &str) -> String {
        let reply = self.health.call("GET", path, None);
        assert!(reply.is_success(), "{path}: {reply:?}");
        reply.text
    }

    /// Its output so far.
    pub(super) fn log(&self) -> String {
        self.process.log()
    }

    /// The arguments that it was started with.
    pub(super) fn arguments(&self) -> Vec<String> {
        super::helm::arguments(&self.container)
    }

    /// A folder in its root.
    pub(super) fn folder(&self, path: &str) -> PathBuf {
        self.root.mount_point(path)
    }

    /// Ends it as Kubernetes does: within the pod's own time.
    #[track_caller]
    pub(super) fn end(&mut self) -> Exit {
        self.process.terminate(Duration::from_secs(30))
    }
}

// === impl Kubelet ===

impl Kubelet<'_> {
    fn namespace(&self) -> &str {
        text(&self.pod["metadata"]["namespace"])
    }

    fn read(&self, plural: &str, name: &str) -> Option<Value> {
        self.server
            .client()
            .get(&format!("/api/v1/namespaces/{}/{plural}/{name}", self.namespace()))
    }

    /// Fills the folder of `mount` with what its volume holds.
    #[track_caller]
    fn mount(&self, mount: &Value) -> Option<()> {
        let mut volumes = items(&self.pod["spec"]["volumes"]).iter();
        let volume = volumes.find(|volume| volume["name"] == mount["name"]).unwrap();
        let (kind, files) = if let Some(secret) = volume.get("secret") {
            (secret, self.of_secret(secret)?)
        } else if let Some(map) = volume.get("configMap") {
            (map, self.of_config_map(map)?)
        } else {
            let mut files = BTreeMap::new();
            for source in items(&volume["projected"]["sources"]) {
                files.extend(self.projected(source)?);
            }
            (&volume["projected"], files)
        };
        let mode = u32::try_from(kind["defaultMode"].as_u64().unwrap_or(0o644)).unwrap();
        let folder = self.root.mount_point(text(&mount["mountPath"]));
        write_atomically(&folder, &files, mode, self.group());
        Some(())
    }

    fn of_secret(&self, volume: &Value) -> Option<BTreeMap<String, Vec<u8>>> {
        let data = self.read("secrets", text(&volume["secretName"]))?["data"].clone();
        let data = data.as_object().unwrap().iter();
        let data = data.map(|(key, value)| (key.clone(), BASE64_STANDARD.decode(text(value)).unwrap()));
        Some(chosen(volume, &data.collect()))
    }

    fn of_config_map(&self, volume: &Value) -> Option<BTreeMap<String, Vec<u8>>> {
        let data = self.read("configmaps", text(&volume["name"]))?["data"].clone();
        let data = data.as_object().unwrap().iter();
        let data = data.map(|(key, value)| (key.clone(), text(value).as_bytes().to_vec()));
        Some(chosen(volume, &data.collect()))
    }

    /// What Kubernetes itself gives to a pod.
    fn projected(&self, source: &Value) -> Option<BTreeMap<String, Vec<u8>>> {
        if let Some(token) = source.get("serviceAccountToken") {
            let path = text(&token["path"]).to_owned();
            return Some(BTreeMap::from([(path, self.token(token)?.into_bytes())]));
        }
        if let Some(map) = source.get("configMap") {
            return self.of_config_map(map);
        }
        let fields = items(&source["downwardAPI"]["items"]).iter();
        let fields = fields.map(|item| {
            assert_eq!(item["fieldRef"]["fieldPath"], "metadata.namespace");
            (text(&item["path"]).to_owned(), self.namespace().as_bytes().to_vec())
        });
        Some(fields.collect())
    }

    /// A token of its ServiceAccount that holds for this pod.
    fn token(&self, asked: &Value) -> Option<String> {
        let metadata = &self.pod["metadata"];
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {
                "expirationSeconds": asked["expirationSeconds"],
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]},
            },
        });
        let account = text(&self.pod["spec"]["serviceAccountName"]);
        let path = format!(
            "/api/v1/namespaces/{}/serviceaccounts/{account}/token",
            self.namespace()
        );
        let reply = self.server.client().call("POST", &path, Some(&request));
        // 404 where account or pod are gone, 409 where the pod's UID is another's by now, 403 where their namespace goes.
        let goes = reply.status == 403 && reply.text.contains("NamespaceTerminating");
        assert!(
            reply.is_success() || goes || [404, 409].contains(&reply.status),
            "{}",
            reply.text
        );
        reply.json()["status"]["token"].as_str().map(str::to_owned)
    }

    /// What a kubelet writes for name resolution.
    fn hosts(&self) {
        fs::write(self.root.mount_point("/etc").join("hosts"), "127.0.0.1 localhost\n").unwrap();
    }

    fn user(&self) -> u32 {
        u32::try_from(self.pod["spec"]["securityContext"]["runAsUser"].as_u64().unwrap()).unwrap()
    }

    fn group(&self) -> u32 {
        u32::try_from(self.pod["spec"]["securityContext"]["fsGroup"].as_u64().unwrap()).unwrap()
    }

    fn command(&self, container: &Value) -> Command {
        let (host, port) = self
            .server
            .url()
            .trim_start_matches("https://")
            .split_once(':')
            .unwrap();
        let mut command = self
            .root
            .command((self.user(), self.group()), &super::helm::arguments(container));
        command.envs([("KUBERNETES_SERVICE_HOST", host), ("KUBERNETES_SERVICE_PORT", port)]);
        for variable in container["env"].as_array().into_iter().flatten() {
            command.env(text(&variable["name"]), text(&variable["value"]));
        }
        command
    }
}

/// Has it listen on free ports instead of those that its arguments name.
fn move_ports(container: &mut Value) {
    let (health, admin) = (free_port(), free_port());
    for argument in container["args"].as_array_mut().unwrap() {
        let moved = match text(argument).split_once('=') {
            Some(("--health-address", _)) => format!("--health-address=127.0.0.1:{health}"),
            Some(("--admin-address", _)) => format!("--admin-address=127.0.0.1:{admin}"),
            _ => continue,
        };
        *argument = json!(moved);
    }
    container["ports"][0]["containerPort"] = json!(health);
}

/// The keys of a volume: those that it lists, under the paths that it gives them, or all.
fn chosen(volume: &Value, data: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let Some(listed) = volume["items"].as_array() else {
        return data.clone();
    };
    let listed = listed.iter();
    listed
        .map(|item| (text(&item["path"]).to_owned(), data[text(&item["key"])].clone()))
        .collect()
}

/// As a kubelet does: the files lie in a folder that can be swapped by one link.
fn write_atomically(folder: &Path, files: &BTreeMap<String, Vec<u8>>, mode: u32, group: u32) {
    let data = folder.join("..data_1");
    fs::create_dir_all(&data).unwrap();
    for (name, content) in files {
        let file = data.join(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(&file, None, Some(group)).unwrap();
        }
        symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
    }
    symlink("..data_1", folder.join("..data")).unwrap();
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().ok_or_else(|| format!("{value} is no text")).unwrap()
}
