//! The rows on the sandbox, over TCP and TLS.

use syncer_sandbox::{ApiServer, Flavor, Options, Transport};
use tokio::runtime::Runtime;

use crate::{row::Kind, rows, run::Transcripts, server::Server, workspaces};

/// What the rows of `kind` come to on a sandbox of their own.
pub(crate) fn answers(kind: Kind) -> Transcripts {
    let rows = rows::of(kind);
    Runtime::new().expect("a runtime").block_on(async {
        let sandbox = ApiServer::new(Options {
            flavor: match kind {
                Kind::Plain => Flavor::Kubernetes,
                Kind::Kcp => Flavor::Kcp,
            },
            ..Options::default()
        });
        let serving = sandbox.serve(Transport::default()).await.expect("a port");
        let mut server = Server::new(&serving.kubeconfig("sandbox", "")).await;
        server.sandbox = Some(sandbox);
        if kind == Kind::Kcp {
            workspaces::furnish(&mut server).await;
        }
        // One after the other: a row that makes the server forget must not disturb the next.
        Transcripts::of(rows, &server, 1).await
    })
}
