//! A Kubernetes API server with its store.

mod audit_log;
mod backup;
mod options;

use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::Mutex,
    time::Duration,
};

use serde_json::{Value, json};

use audit_log::ReadLog;
pub use backup::Backup;
pub use options::{ApiServerOptions, Controllers, User};

use crate::{
    Authority, Client, ControllerManager, Credentials, Exit, Kubeconfig, Kwok, OrFail, Process, Program, RequestCounts,
    Scheduler, Scratch, Testbed, controllers, etcd::Etcd, free_port, kubeconfig, ports, wait_for,
};

/// A loaded machine starts slowly.
const READY_WITHIN: Duration = Duration::from_mins(4);

/// How long a server may take to end what is in flight.
const ENDS_WITHIN: Duration = Duration::from_secs(70);

/// The user that the harness itself acts as.
const ADMIN: &str = "admin";

/// A kube-apiserver and its etcd on the loopback address, and the controllers that its options ask for.
///
/// Fields end in this order: those that call before those that answer.
pub struct ApiServer {
    attached: Vec<Box<dyn Send + Sync>>,
    process: Process,
    etcd: Etcd,
    command: CommandLine,
    client: Client,
    authority: Authority,
    admin: Kubeconfig,
    options: ApiServerOptions,
    testbed: Testbed,
    scratch: Scratch,
    log: Mutex<ReadLog>,
}

/// What starts the same server again.
#[derive(Clone)]
struct CommandLine {
    program: PathBuf,
    arguments: Vec<String>,
    port: u16,
}

// === impl ApiServer ===

impl ApiServer {
    /// A server with nothing beside it and the default options.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start() -> Self {
        ApiServerOptions::default().start()
    }

    fn start_with(options: ApiServerOptions) -> Self {
        let testbed = Testbed::locate();
        let program = testbed.find(Program::KubeApiserver).or_fail("start kube-apiserver");
        let scratch = Scratch::new(&options.name);
        let authority = Authority::new("test-ca");
        let etcd = Etcd::start(&testbed, &scratch);
        let fixed = options::arguments(&options, &scratch, &authority, etcd.url());
        let (process, command, admin, client) = ports::retried("kube-apiserver", || {
            let port = free_port();
            let command = CommandLine {
                program: program.clone(),
                arguments: fixed.clone(),
                port,
            };
            let admin = Kubeconfig {
                server: format!("https://127.0.0.1:{port}"),
                authority: authority.certificate(),
                credentials: Credentials::Token(User::admin(ADMIN).token()),
            };
            let client = Client::new(&admin);
            let mut process = command.start(&scratch);
            process.wait_ready(READY_WITHIN, || ready(&client))?;
            Ok((process, command, admin, client))
        });
        let attached = Vec::new();
        let mut server = Self {
            attached,
            process,
            etcd,
            command,
            client,
            authority,
            admin,
            options,
            testbed,
            scratch,
            log: Mutex::default(),
        };
        let controllers = server.start_controllers();
        server.attached.extend(controllers);
        server
    }

    fn start_controllers(&self) -> Vec<Box<dyn Send + Sync>> {
        match self.options.controllers {
            Controllers::None => Vec::new(),
            Controllers::Namespaces => vec![Box::new(ControllerManager::start(self, controllers::NAMESPACES))],
            Controllers::Workload => vec![
                Box::new(ControllerManager::start(self, controllers::WORKLOAD)),
                Box::new(Scheduler::start(self)),
                Box::new(Kwok::start(self)),
            ],
        }
    }

    /// Calls it as an administrator.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Calls it as `user`.
    pub fn client_as(&self, user: &User) -> Client {
        Client::new(&self.kubeconfig_of(user))
    }

    /// How an administrator reaches it.
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.admin
    }

    /// How `user` reaches it.
    pub fn kubeconfig_of(&self, user: &User) -> Kubeconfig {
        self.admin.with(Credentials::Token(user.token()))
    }

    /// How `user` of `group` reaches it with a client certificate.
    pub fn kubeconfig_with_certificate(&self, user: &str, group: &str) -> Kubeconfig {
        self.admin
            .with(Credentials::Certificate(self.authority.client(user, group)))
    }

    /// Writes `kubeconfig` to a file that lives as long as this server.
    pub fn write(&self, kubeconfig: &Kubeconfig) -> PathBuf {
        kubeconfig::write(&self.scratch, kubeconfig)
    }

    /// The folder of its files.
    pub(crate) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Where its programs come from.
    pub(crate) fn testbed(&self) -> &Testbed {
        &self.testbed
    }

    /// The authority of its certificates.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The base URL.
    pub fn url(&self) -> &str {
        &self.admin.server
    }

    /// What identifies it as an upstream: the UID of namespace `kube-system`.
    #[track_caller]
    pub fn id(&self) -> String {
        let namespace = self.client.read("/api/v1/namespaces/kube-system");
        namespace
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .or_fail("read the UID of kube-system")
            .to_owned()
    }

    /// Allows `user` what `rules` (a list of RBAC policy rules) say, in the whole cluster, by a role of the user's name.
    #[track_caller]
    pub fn grant(&self, user: &User, rules: &Value) {
        self.grant_as(user.name(), user, rules);
    }

    /// As [`grant`](Self::grant), by a role of the name `role`: for what is granted later.
    #[track_caller]
    pub fn grant_as(&self, role: &str, user: &User, rules: &Value) {
        const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1";
        self.client.create(
            &format!("{ROLES}/clusterroles"),
            &json!({"metadata": {"name": role}, "rules": rules}),
        );
        let binding = json!({
            "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name()}],
        });
        self.client.create(&format!("{ROLES}/clusterrolebindings"), &binding);
    }

    /// Runs kubectl as an administrator; its output, whatever came of it.
    #[track_caller]
    pub fn try_kubectl(&self, arguments: &[&str]) -> Output {
        let program = self.testbed.find(Program::Kubectl).or_fail("run kubectl");
        let kubeconfig = self.write(&self.admin);
        Command::new(program)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(arguments)
            .output()
            .or_fail("run kubectl")
    }

    /// Runs kubectl as an administrator; what it printed.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.try_kubectl(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {}: {errors}", arguments.join(" "));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How often it has been asked what since it was started last.
    #[track_caller]
    pub fn request_counts(&self) -> RequestCounts {
        let reply = self.client.call("GET", "/metrics", None);
        assert!(reply.is_success(), "GET /metrics: answered {}", reply.status);
        RequestCounts::parse(&reply.text)
    }

    /// Its process, for a report on failure.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends the server in an orderly way; the store goes on and keeps the data.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn stop(&mut self) -> Exit {
        self.process.terminate(ENDS_WITHIN)
    }

    /// Ends the server at once; the store goes on and keeps the data.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the server again, on the same port and with the same data.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start_again(&mut self) {
        self.process = self.command.start(&self.scratch);
        // A client of before may still hold connections to the former process.
        self.client = Client::new(&self.admin);
        let client = self.client.clone();
        self.process
            .wait_ready(READY_WITHIN, || ready(&client))
            .or_fail("start kube-apiserver again");
    }

    /// Lets it hang: connections stay open and nothing answers.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Waits until the namespace `name` is gone.
    ///
    /// # Panics
    /// When it is still there after `deadline`.
    #[track_caller]
    pub fn wait_namespace_gone(&self, name: &str, deadline: Duration) {
        let path = format!("/api/v1/namespaces/{name}");
        wait_for(&format!("the end of namespace {name}"), deadline, || {
            self.client.get(&path).is_none()
        });
    }
}

/// Ready means that it says so, and that the namespaces that every cluster has are there.
fn ready(client: &Client) -> Result<(), String> {
    for path in [
        "/readyz",
        "/api/v1/namespaces/default",
        "/api/v1/namespaces/kube-system",
    ] {
        let reply = client.try_call("GET", path, "", None)?;
        if !reply.is_success() {
            return Err(format!("GET {path}: answered {}: {}", reply.status, reply.text));
        }
    }
    Ok(())
}

// === impl CommandLine ===

impl CommandLine {
    fn start(&self, scratch: &Scratch) -> Process {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .arg(format!("--secure-port={}", self.port));
        Process::start("kube-apiserver", command, &scratch.path().join("kube-apiserver.log"))
    }
}
