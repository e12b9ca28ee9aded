//! The rows on real servers, compared with the sandbox.

use std::{io::Write as _, sync::LazyLock};

use syncer_harness::{ApiServerOptions, Controllers, FailureReport, Kcp};
use tokio::runtime::Runtime;

use crate::{compare, row::Kind, rows, run::Transcripts, sandbox, server::Server, workspaces};

/// How many rows run at a time on a real server.
const SIDE_BY_SIDE: usize = 6;

/// What came of the rows of one kind.
struct Outcome {
    rows: usize,
    /// Rows that did as they say on the sandbox.
    sandbox: usize,
    /// Rows that did as they say on the real server, and the same as on the sandbox where they should.
    real: usize,
    /// What is wrong, by row.
    wrong: Vec<String>,
}

static KUBE_APISERVER: LazyLock<Outcome> = LazyLock::new(|| {
    // Expired pages need a store that is compacted within the patience of a test.
    let server = ApiServerOptions::default()
        .named("conformance")
        .controllers(Controllers::Namespaces)
        .flag("--etcd-compaction-interval=5s")
        .flag("--watch-cache-sizes=leases.coordination.k8s.io#0")
        .start();
    let _report = FailureReport::on([server.process()]);
    let kubeconfig = server.kubeconfig().to_yaml();
    let answers = Runtime::new().expect("a runtime").block_on(async {
        let server = Server::new(&kubeconfig).await;
        Transcripts::of(rows::of(Kind::Plain), &server, SIDE_BY_SIDE).await
    });
    Outcome::of(Kind::Plain, &answers)
});

static KCP: LazyLock<Outcome> = LazyLock::new(|| {
    let kcp = Kcp::start();
    let _report = FailureReport::on([kcp.process()]);
    let mut kubeconfig = kcp.kubeconfig("root");
    // Rows name the logical cluster in their paths.
    let base = kubeconfig
        .server
        .split("/clusters/")
        .next()
        .unwrap_or_default()
        .to_owned();
    kubeconfig.server = base;
    let answers = Runtime::new().expect("a runtime").block_on(async {
        let mut server = Server::new(&kubeconfig.to_yaml()).await;
        workspaces::furnish(&mut server).await;
        Transcripts::of(rows::of(Kind::Kcp), &server, SIDE_BY_SIDE).await
    });
    Outcome::of(Kind::Kcp, &answers)
});

// === impl Outcome ===

impl Outcome {
    fn of(kind: Kind, real: &Transcripts) -> Self {
        let sandbox = sandbox::answers(kind);
        let mut wrong = Vec::new();
        let mut good = 0;
        for (own, other) in sandbox.0.iter().zip(&real.0) {
            let before = wrong.len();
            wrong.extend(
                other
                    .report()
                    .into_iter()
                    .map(|report| format!("on the real server {report}")),
            );
            let differences = compare::differences(&own.entries, &other.entries);
            let name = own.row.name;
            match (own.row.known, differences.is_empty()) {
                (None, false) => wrong.extend(differences.iter().map(|difference| format!("[{name}] {difference}"))),
                (Some(reason), true) => wrong.push(format!("[{name}] the known difference is gone: {reason}")),
                _ => {}
            }
            good += usize::from(wrong.len() == before);
        }
        Self {
            rows: real.0.len(),
            sandbox: sandbox.good(),
            real: good,
            wrong,
        }
    }

    fn assert_good(&self) {
        let Self { rows, real, .. } = self;
        assert!(
            self.wrong.is_empty(),
            "{} of {rows} rows fail:\n{}",
            rows - real,
            self.wrong.join("\n")
        );
    }
}

#[test]
fn conformance_of_the_sandbox_with_kube_apiserver() {
    KUBE_APISERVER.assert_good();
}

#[test]
fn conformance_of_the_sandbox_with_kcp() {
    KCP.assert_good();
}

#[test]
fn conformance_in_numbers() {
    let (plain, kcp) = (&*KUBE_APISERVER, &*KCP);
    let line = format!(
        "rows {}, sandbox {}, kube-apiserver {}, kcp {}\n",
        plain.rows + kcp.rows,
        plain.sandbox + kcp.sandbox,
        plain.real,
        kcp.real
    );
    // Past the capture of output: the numbers are for people.
    std::io::stdout().write_all(line.as_bytes()).expect("stdout");
}
