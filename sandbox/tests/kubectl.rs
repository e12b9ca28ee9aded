//! A person with kubectl at a sandbox server: every command of the daily work.
#![cfg(feature = "testbed")]
#![expect(
    clippy::unwrap_used,
    reason = "steps of a test outside of its function: their panic is the test's failure"
)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use syncer_harness::{Program, Testbed};
use syncer_sandbox::{ApiServer, Options, Serving, SystemClock, Transport, WorkloadPlan, Workloads};

const MANIFEST: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1", env: [{name: A, value: "1"}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}], type: LoadBalancer}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {a: b}
"#;

/// kubectl, pointed at a server of its own.
struct Kubectl {
    program: PathBuf,
    folder: tempfile::TempDir,
    _serving: Serving,
}

impl Kubectl {
    async fn new() -> Self {
        let server = ApiServer::new(Options {
            clock: Arc::new(SystemClock),
            ..Options::default()
        });
        let plan = WorkloadPlan {
            step: Duration::from_millis(50),
            ..WorkloadPlan::default()
        };
        tokio::spawn(Workloads::new(&server, plan).run());
        let serving = server.serve(Transport::default()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), serving.kubeconfig("sandbox", "")).unwrap();
        std::fs::write(folder.path().join("web.yaml"), MANIFEST).unwrap();
        let program = Testbed::locate().find(Program::Kubectl).unwrap();
        Self {
            program,
            folder,
            _serving: serving,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn try_run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("KUBECONFIG", self.path("kubeconfig"));
        command
            .env("HOME", self.folder.path())
            .env("EDITOR", "sed -i s/a:.b/a:\\ edited/");
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// The output of a command that must work.
    async fn run(&self, args: &[&str]) -> String {
        let output = self.try_run(args).await;
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "kubectl {args:?}: {out}{err}");
        format!("{out}{err}")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daily_work_works() {
    let kubectl = Kubectl::new().await;
    assert!(
        kubectl
            .run(&["apply", "-f", "web.yaml"])
            .await
            .contains("deployment.apps/web created")
    );
    assert!(
        kubectl
            .run(&["apply", "-f", "web.yaml"])
            .await
            .contains("deployment.apps/web unchanged")
    );
    assert!(
        kubectl
            .run(&["rollout", "status", "deploy/web", "--timeout=30s"])
            .await
            .contains("successfully rolled out")
    );
    assert!(kubectl.run(&["get", "deploy", "web"]).await.contains("2/2"));
    assert!(
        kubectl
            .run(&["get", "all,cm,ns,svc", "-A"])
            .await
            .contains("configmap/conf")
    );
    let described = kubectl.run(&["describe", "deploy", "web"]).await;
    assert!(
        described.contains("2 desired | 2 updated | 2 total | 2 available"),
        "{described}"
    );

    let refused = kubectl
        .try_run(&[
            "apply",
            "--server-side",
            "--field-manager=other",
            "-f",
            changed(kubectl.folder.path()),
        ])
        .await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("conflict with \"kubectl-client-side-apply\""));
    let forced = kubectl
        .run(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=other",
            "-f",
            "changed.yaml",
        ])
        .await;
    assert!(forced.contains("deployment.apps/web serverside-applied"));

    kubectl.run(&["set", "image", "deploy/web", "web=nginx:9"]).await;
    kubectl.run(&["scale", "deploy/web", "--replicas=5"]).await;
    kubectl.run(&["label", "cm", "conf", "x=y"]).await;
    kubectl.run(&["annotate", "deploy", "web", "a=b"]).await;
    kubectl.run(&["edit", "cm", "conf"]).await;
    assert!(
        kubectl
            .run(&["get", "cm", "conf", "-o", "yaml"])
            .await
            .contains("a: edited")
    );
    assert!(
        kubectl
            .run(&["rollout", "status", "deploy/web", "--timeout=30s"])
            .await
            .contains("successfully rolled out")
    );
    let jsonpath = "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image} {.status.readyReplicas}";
    assert_eq!(
        kubectl.run(&["get", "deploy", "web", "-o", jsonpath]).await,
        "5 nginx:9 5"
    );
    kubectl.run(&["rollout", "restart", "deploy/web"]).await;
    kubectl
        .run(&["wait", "--for=condition=Available", "deploy/web", "--timeout=30s"])
        .await;
    assert!(
        kubectl
            .run(&["explain", "deploy.spec.strategy"])
            .await
            .contains("rollingUpdate")
    );
    assert!(
        kubectl
            .run(&["delete", "--wait", "cm", "conf"])
            .await
            .contains("deleted")
    );
    assert!(!kubectl.try_run(&["get", "cm", "conf"]).await.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_prints_what_happens() {
    let kubectl = Kubectl::new().await;
    kubectl.run(&["apply", "-f", "web.yaml"]).await;
    let mut command = tokio_command(&kubectl, &["get", "cm", "-w"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let out = child.stdout.take().unwrap();
    let lines = tokio::task::spawn_blocking(move || {
        use std::io::BufRead as _;
        std::io::BufReader::new(out)
            .lines()
            .map_while(Result::ok)
            .take(3)
            .collect::<Vec<_>>()
    });
    // The head and the present state come first; the change after them.
    kubectl.run(&["wait", "--for=create", "cm/conf", "--timeout=30s"]).await;
    let found = loop {
        kubectl
            .run(&[
                "annotate",
                "cm",
                "conf",
                "--overwrite",
                &format!("n={}", fastrand::u64(..)),
            ])
            .await;
        if lines.is_finished() {
            break lines.await.unwrap();
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        found[0].starts_with("NAME") && found[1].starts_with("conf") && found[2].starts_with("conf"),
        "{found:?}"
    );
}

fn tokio_command(kubectl: &Kubectl, args: &[&str]) -> Command {
    let mut command = Command::new(&kubectl.program);
    command
        .args(args)
        .env("KUBECONFIG", kubectl.path("kubeconfig"))
        .env("HOME", kubectl.folder.path());
    command
}

/// A second manifest, with another image and another value.
fn changed(folder: &Path) -> &'static str {
    std::fs::write(folder.join("changed.yaml"), MANIFEST.replace("nginx:1", "nginx:2")).unwrap();
    "changed.yaml"
}
