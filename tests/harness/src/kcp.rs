//! kcp: a control plane with workspaces.

use std::{
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    AuditEvent, Client, Credentials, Exit, Kubeconfig, NotReady, OrFail, Process, Program, Scratch, Testbed, free_port,
    kubeconfig, ports, wait_for,
};

/// What kcp calls the kubeconfig of its administrator.
const ADMIN_FILE: &str = "admin.kubeconfig";

/// Every request of the ServiceAccount that the syncer is in any workspace, and of nobody else: kcp asks itself a lot.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules:\n\
    - {level: Metadata, users: [\"system:serviceaccount:tmc-system:tmc-syncer\"]}\n- {level: None}\n";
const AUDIT_LOG: &str = "kcp-audit.log";

/// It takes about half a minute on two idle cores.
const READY_WITHIN: Duration = Duration::from_mins(8);

/// How long it may take to end what is in flight, its store included.
const ENDS_WITHIN: Duration = Duration::from_secs(70);

/// How long a workspace may take.
const WORKSPACE_WITHIN: Duration = Duration::from_mins(4);

/// A kcp with its own store on the loopback address.
pub struct Kcp {
    process: Process,
    command: CommandLine,
    admin: Kubeconfig,
    testbed: Testbed,
    scratch: Scratch,
}

/// What starts the same server again: the store remembers its ports.
struct CommandLine {
    program: PathBuf,
    root: PathBuf,
    port: u16,
    client: u16,
    peer: u16,
}

// === impl Kcp ===

impl Kcp {
    /// Starts it and waits until it serves workspaces.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start() -> Self {
        let testbed = Testbed::locate();
        let program = testbed.find(Program::Kcp).or_fail("start kcp");
        let scratch = Scratch::new("kcp");
        let (process, command, admin) = ports::retried("kcp", || {
            // Another try starts from nothing.
            let command = CommandLine {
                program: program.clone(),
                root: scratch.path().join(format!("root-{}", free_port())),
                port: free_port(),
                client: free_port(),
                peer: free_port(),
            };
            let (process, admin) = command.start(&testbed, &scratch)?;
            Ok((process, command, admin))
        });
        Self {
            process,
            command,
            admin,
            testbed,
            scratch,
        }
    }

    /// Its process, for a report on failure.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Whether anybody listens at its port.
    pub fn is_up(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.command.port)).is_ok()
    }

    /// Ends it, its store included, in an orderly way; the data stay.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn stop(&mut self) -> Exit {
        self.process.terminate(ENDS_WITHIN)
    }

    /// Ends it at once, its store included; the data stay.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, on the same ports and with the same data. Its administrator has another token then: what
    /// [`kubeconfig`](Self::kubeconfig) and [`client`](Self::client) gave before is not let in any more.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start_again(&mut self) {
        (self.process, self.admin) = self
            .command
            .start(&self.testbed, &self.scratch)
            .or_fail("start kcp again");
    }

    /// How an administrator reaches the workspace at `path`, such as `root:org:team`.
    pub fn kubeconfig(&self, path: &str) -> Kubeconfig {
        self.admin.at(&format!("/clusters/{path}"))
    }

    /// Calls the workspace at `path` as an administrator.
    pub fn client(&self, path: &str) -> Client {
        Client::new(&self.kubeconfig(path))
    }

    /// The kubeconfig file that it wrote for its administrator, with all contexts.
    pub fn admin_file(&self) -> PathBuf {
        self.command.root.join(ADMIN_FILE)
    }

    /// What the syncer asked that is the printed service account of the logical cluster `home`, oldest first, since the first start.
    /// What passes the virtual workspace is there twice: as it was asked, and as that asks the workspace.
    pub fn audit(&self, home: &str) -> Vec<AuditEvent> {
        let log = std::fs::read_to_string(self.scratch.path().join(AUDIT_LOG)).unwrap_or_default();
        let events = AuditEvent::parse(&log).into_iter();
        events.filter(|event| event.home == home).collect()
    }

    /// Writes `kubeconfig` to a file that lives as long as this server.
    pub fn write(&self, kubeconfig: &Kubeconfig) -> PathBuf {
        kubeconfig::write(&self.scratch, kubeconfig)
    }

    /// How the ServiceAccount `name` in `namespace` of the workspace at `path` reaches that workspace; for a day.
    ///
    /// # Panics
    /// When it gets no token.
    #[track_caller]
    pub fn service_account(&self, path: &str, namespace: &str, name: &str) -> Kubeconfig {
        let output = self.kubectl(path, &["create", "token", name, "-n", namespace, "--duration=24h"]);
        let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(
            output.status.success() && !token.is_empty(),
            "a token for {namespace}/{name} in {path}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.kubeconfig(path).with(Credentials::Token(token))
    }

    /// Runs kubectl as an administrator of the workspace at `path`; its output, whatever came of it.
    #[track_caller]
    pub fn kubectl(&self, path: &str, arguments: &[&str]) -> Output {
        let program = self.testbed.find(Program::Kubectl).or_fail("run kubectl");
        Command::new(program)
            .arg("--kubeconfig")
            .arg(self.write(&self.kubeconfig(path)))
            .args(arguments)
            .output()
            .or_fail("run kubectl")
    }

    /// Creates the workspace `name` under the workspace `parent`, waits until it is ready and returns its path.
    ///
    /// # Panics
    /// When it does not get ready.
    #[track_caller]
    pub fn create_workspace(&self, parent: &str, name: &str) -> String {
        const WORKSPACES: &str = "/apis/tenancy.kcp.io/v1alpha1/workspaces";
        let client = self.client(parent);
        let workspace = json!({
            "apiVersion": "tenancy.kcp.io/v1alpha1",
            "kind": "Workspace",
            "metadata": {"name": name},
            "spec": {"type": {"name": "universal", "path": "root"}},
        });
        // For a few seconds after the start the type is not found yet, which it answers with 403.
        wait_for(
            &format!("the creation of workspace {parent}:{name}"),
            WORKSPACE_WITHIN,
            || {
                let reply = client.try_call("POST", WORKSPACES, "application/json", Some(&workspace))?;
                if reply.is_success() || reply.status == 409 {
                    Ok(())
                } else {
                    Err(reply.text)
                }
            },
        );
        let path = format!("{WORKSPACES}/{name}");
        wait_for(&format!("workspace {parent}:{name}"), WORKSPACE_WITHIN, || {
            let seen = client.read(&path);
            if seen.pointer("/status/phase") == Some(&json!("Ready")) {
                Ok(())
            } else {
                Err(seen.to_string())
            }
        });
        // It is ready before its namespace `default` is there, which whoever makes something in it needs.
        let path = format!("{parent}:{name}");
        let client = self.client(&path);
        wait_for(&format!("the namespace default of {path}"), WORKSPACE_WITHIN, || {
            let reply = client.try_call("GET", "/api/v1/namespaces/default", "", None)?;
            if reply.is_success() { Ok(()) } else { Err(reply.text) }
        });
        path
    }
}

// === impl CommandLine ===

impl CommandLine {
    fn start(&self, testbed: &Testbed, scratch: &Scratch) -> Result<(Process, Kubeconfig), NotReady> {
        let mut command = Command::new(&self.program);
        command
            .arg("start")
            .arg(format!("--root-directory={}", self.root.display()))
            .args(["--bind-address=127.0.0.1", "--embedded-etcd-wal-size-bytes=5000"])
            .arg(format!("--secure-port={}", self.port))
            .arg(format!("--embedded-etcd-client-port={}", self.client))
            .arg(format!("--embedded-etcd-peer-port={}", self.peer))
            .arg(format!(
                "--audit-policy-file={}",
                scratch.write("kcp-audit.yaml", AUDIT_POLICY).display()
            ))
            .arg(format!("--audit-log-path={}", scratch.path().join(AUDIT_LOG).display()))
            .env("UNSAFE_E2E_HACK_DISABLE_ETCD_FSYNC", "true");
        let mut process = Process::start("kcp", command, &scratch.path().join("kcp.log"));
        let file = self.root.join(ADMIN_FILE);
        // The file is read at each look: after a restart it holds the token of before for a while.
        let admin = process.wait_ready(READY_WITHIN, || {
            let admin = admin(testbed, &file).ok_or("no admin.kubeconfig")?;
            serves_workspaces(&admin).map(|()| admin)
        })?;
        Ok((process, admin))
    }
}

/// What `file`, written by kcp, says about its administrator; none while it is not written.
fn admin(testbed: &Testbed, file: &Path) -> Option<Kubeconfig> {
    if !file.exists() {
        return None;
    }
    let kubectl = testbed.find(Program::Kubectl).or_fail("read kcp's kubeconfig");
    let output = Command::new(kubectl)
        .arg("--kubeconfig")
        .arg(file)
        .args(["--context=root", "config", "view", "--raw", "--minify", "-o", "json"])
        .output()
        .ok()?;
    let config: Value = serde_json::from_slice(&output.stdout).ok()?;
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    let decoded = |pointer: &str| String::from_utf8(BASE64_STANDARD.decode(text(pointer)?).ok()?).ok();
    let server = text("/clusters/0/cluster/server")?;
    Some(Kubeconfig {
        server: server.split("/clusters/").next()?.to_owned(),
        authority: decoded("/clusters/0/cluster/certificate-authority-data")?,
        credentials: Credentials::Token(text("/users/0/user/token")?.to_owned()),
    })
}

fn serves_workspaces(admin: &Kubeconfig) -> Result<(), String> {
    let client = Client::new(&admin.at("/clusters/root"));
    let reply = client.try_call("GET", "/apis/tenancy.kcp.io/v1alpha1/workspaces", "", None)?;
    if reply.is_success() { Ok(()) } else { Err(reply.text) }
}
