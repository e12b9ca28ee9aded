//! The controllers and the scheduler of Kubernetes.

use std::{process::Command, time::Duration};

use crate::{ApiServer, Client, Credentials, Kubeconfig, OrFail, Process, Program, free_port, ports};

/// A loaded machine starts slowly.
const READY_WITHIN: Duration = Duration::from_mins(3);

/// Lets namespaces end, and takes away what belongs to deleted objects.
pub(crate) const NAMESPACES: &str = "namespace-controller,garbage-collector-controller";

/// All that a workload needs. Without node-lifecycle the node keeps its taint of not being ready.
pub(crate) const WORKLOAD: &str = "deployment-controller,replicaset-controller,namespace-controller,\
    garbage-collector-controller,serviceaccount-controller,endpointslice-controller,\
    root-ca-certificate-publisher-controller,node-lifecycle-controller";

/// A kube-controller-manager at an API server.
pub struct ControllerManager {
    _process: Process,
}

/// A kube-scheduler at an API server.
pub struct Scheduler {
    _process: Process,
}

// === impl ControllerManager ===

impl ControllerManager {
    /// Starts `controllers`, separated by commas, for `server`.
    ///
    /// # Panics
    /// When they do not come up.
    pub fn start(server: &ApiServer, controllers: &str) -> Self {
        let files = server.scratch();
        let ca = files.path().join("ca.crt");
        let key = files.path().join("service-account.key");
        let mut arguments = vec![
            format!("--controllers={controllers}"),
            format!("--root-ca-file={}", ca.display()),
            format!("--service-account-private-key-file={}", key.display()),
            "--horizontal-pod-autoscaler-sync-period=2s".to_owned(),
            // A played node sends no heartbeats: after a minute its pods would count as lost.
            "--node-monitor-grace-period=24h".to_owned(),
            // Its default of 20 requests a second would throttle every load.
            "--kube-api-qps=1000".to_owned(),
            "--kube-api-burst=2000".to_owned(),
        ];
        Self {
            _process: start(server, Program::KubeControllerManager, &mut arguments),
        }
    }
}

// === impl Scheduler ===

impl Scheduler {
    /// Starts a scheduler for `server`.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(server: &ApiServer) -> Self {
        let mut arguments = vec!["--kube-api-qps=1000".to_owned(), "--kube-api-burst=2000".to_owned()];
        Self {
            _process: start(server, Program::KubeScheduler, &mut arguments),
        }
    }
}

/// Starts `program`, one of the two that share these flags, and waits until it says that it is well.
fn start(server: &ApiServer, program: Program, arguments: &mut Vec<String>) -> Process {
    let name = program.file_name();
    let path = server.testbed().find(program).or_fail(&format!("start {name}"));
    let files = server.scratch();
    let kubeconfig = server.write(server.kubeconfig());
    arguments.extend([
        format!("--kubeconfig={}", kubeconfig.display()),
        "--leader-elect=false".to_owned(),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--tls-cert-file={}", files.path().join("server.crt").display()),
        format!("--tls-private-key-file={}", files.path().join("server.key").display()),
    ]);
    ports::retried(name, || {
        let port = free_port();
        let mut command = Command::new(&path);
        command.args(&*arguments).arg(format!("--secure-port={port}"));
        let mut process = Process::start(name, command, &files.path().join(format!("{name}.log")));
        let client = Client::new(&Kubeconfig {
            server: format!("https://127.0.0.1:{port}"),
            authority: server.authority().certificate(),
            credentials: Credentials::Anonymous,
        });
        process.wait_ready(READY_WITHIN, || match client.try_call("GET", "/healthz", "", None) {
            Ok(reply) if reply.is_success() => Ok(()),
            Ok(reply) => Err(format!("GET /healthz: answered {}", reply.status)),
            Err(cause) => Err(cause),
        })?;
        Ok(process)
    })
}
