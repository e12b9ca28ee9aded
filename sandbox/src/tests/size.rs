//! What 100,000 objects cost. The numbers are asserted with room to spare, in a release build only.

use http::Method;
use http_body_util::BodyExt as _;

use super::client::{post, send, server};

/// Resident memory of this process, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse::<u64>().ok())
        .unwrap_or_default()
        / 1024
}

#[tokio::test]
#[ignore = "takes half a minute; run it with `cargo test --release -p syncer-sandbox -- --ignored --nocapture`"]
async fn a_hundred_thousand_objects_fit_and_list_quickly() {
    let server = server();
    let start = std::time::Instant::now();
    for n in 0..100_000 {
        let name = format!("web-{n:06}");
        let body = super::client::deployment(&name);
        assert_eq!(post(&server, super::client::DEPLOYMENTS, &body).await.status, 201);
    }
    let (filled, memory) = (start.elapsed(), resident());
    let start = std::time::Instant::now();
    let mut body = send(&server, Method::GET, super::client::DEPLOYMENTS, "", "")
        .await
        .unwrap()
        .into_body();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        size += frame.unwrap().into_data().unwrap().len();
    }
    let listed = start.elapsed();
    println!(
        "100,000 deployments: created in {filled:?}, {memory} MiB resident, a list of {} MiB in {listed:?}",
        size / 1024 / 1024
    );
    assert!(memory < 1024, "{memory} MiB");
    assert!(listed.as_secs_f64() < 2.0, "{listed:?}");
}
