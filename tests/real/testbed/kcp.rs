//! kcp with workspaces.

use serde_json::json;
use syncer_harness::Kcp;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn workspaces_keep_their_objects_apart() {
    let kcp = Kcp::start();
    let first = kcp.create_workspace("root", "first");
    let second = kcp.create_workspace("root", "second");
    assert_eq!((first.as_str(), second.as_str()), ("root:first", "root:second"));

    kcp.client(&first)
        .create(CONFIG_MAPS, &json!({"metadata": {"name": "a"}, "data": {"a": "1"}}));
    assert!(kcp.client(&first).get(&format!("{CONFIG_MAPS}/a")).is_some());
    assert!(kcp.client(&second).get(&format!("{CONFIG_MAPS}/a")).is_none());
    assert!(kcp.write(&kcp.kubeconfig(&first)).exists());
}
