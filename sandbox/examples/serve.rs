//! One sandbox server behind a port: prints the kubeconfig and serves until it is killed.
//!
//!     cargo run -p syncer-sandbox --example serve -- 127.0.0.1:16443 [kcp] > kubeconfig

use std::{error::Error, io::Write as _};

use syncer_sandbox::{ApiServer, Flavor, Options, Transport};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned())
        .parse()?;
    let server = ApiServer::new(Options {
        flavor: if std::env::args().any(|word| word == "kcp") {
            Flavor::Kcp
        } else {
            Flavor::Kubernetes
        },
        ..Options::default()
    });
    let serving = server
        .serve(Transport {
            address,
            ..Transport::default()
        })
        .await?;
    let mut out = std::io::stdout();
    out.write_all(serving.kubeconfig("sandbox", "").as_bytes())?;
    out.flush()?;
    std::future::pending().await
}
