//! The plain manifests: what the chart renders, for whoever does not use Helm.

use std::{fs, path::Path};

use serde_json::{Value, json};
use syncer_harness::ApiServer;

use super::helm::Helm;

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: tmc-system}\n";

/// The files, what each is for, and the values that it is rendered with.
fn files() -> [(&'static str, &'static str, Value); 3] {
    let up = json!({"kind": "kcp", "kubeconfig": {"existingSecret": "upstream"}});
    [
        (
            "syncer.yaml",
            "The syncer, in the cluster that is its upstream.",
            json!({}),
        ),
        (
            "syncer-kcp.yaml",
            "The syncer for a kcp, whose kubeconfig is in Secret tmc-system/upstream (docs/kcp.md).",
            json!({"upstream": up}),
        ),
        (
            "target.yaml",
            "In each cluster that objects go to: whom the syncer acts as there.",
            json!({"component": "target", "sync": {"secrets": false}}),
        ),
    ]
}

/// Without the words that are about Helm.
fn rendered(about: &str, values: &Value) -> String {
    let rendered = Helm::new().template(values).unwrap();
    let lines = rendered.lines().filter(|line| {
        let line = line.trim_start();
        !line.starts_with("# Source:")
            && !line.starts_with("helm.sh/chart:")
            && !line.starts_with("app.kubernetes.io/managed-by:")
    });
    let body: String = lines.flat_map(|line| [line.trim_end(), "\n"]).collect();
    format!(
        "# {about}\n# Rendered from deploy/chart/tmc-syncer: UPDATE_MANIFESTS=1 cargo test --features testbed --test real install::plain\n\
         {NAMESPACE}{body}"
    )
}

#[test]
fn the_plain_manifests_are_those_of_the_chart_and_a_server_takes_them() {
    let server = ApiServer::start();
    for (name, about, values) in files() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/plain").join(name);
        let current = rendered(about, &values);
        if std::env::var_os("UPDATE_MANIFESTS").is_some() {
            fs::write(&file, &current).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == current,
            "{} is out of date: UPDATE_MANIFESTS=1 cargo test --features testbed --test real install::plain",
            file.display()
        );
        server.kubectl(&["apply", "--server-side", "-f", file.to_str().unwrap()]);
    }
}
