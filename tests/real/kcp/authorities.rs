//! Endpoints that are not where the kubeconfig leads: at another port, under another host name, with the certificate of another authority.

use serde_json::json;
use syncer_harness::{Authority, GoBetween, stays, wait_for};

use super::{
    provider::KCP_SOON,
    scene::{CONFIG_MAPS, DEPLOYMENTS, QUIET, copy, shared, target, wait_data},
    shards::{Shard, name, scene},
};

const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// The token is for kcp: nobody gets it whom no authority in the kubeconfig vouches for, and nobody without TLS.
#[test]
fn an_endpoint_elsewhere_is_used_once_the_kubeconfig_has_its_authority_and_gets_no_token_before() {
    let kcp = shared();
    let mut scene = scene(&kcp, "elsewhere");
    let (red, blue) = (scene.consumer("elsewhere-red"), scene.consumer("elsewhere-blue"));
    let unknown = Authority::new("unknown");
    let trusted = Shard::of(&scene, &red);
    let stranger = Shard::vouched_for(&unknown, &scene, &blue);
    let plain = GoBetween::before(&kcp.kubeconfig("root"));
    let urls = [trusted.url(), stranger.url_at("localhost"), plain.at("localhost")];
    name(&scene, &urls);
    for consumer in [&red, &blue] {
        scene.config_map(consumer, "web", &json!({"of": consumer.path}));
        scene.deployment(consumer, "web", 1);
    }
    scene.run();
    wait_data(&red, "web", &json!({"of": red.path}));
    // What cannot be used is said with its address and the cause, and holds up no other.
    let [_, stranger_url, plain_url] = &urls;
    let (stranger_server, _) = stranger_url.split_once("/services/").unwrap();
    let line = scene
        .syncer()
        .wait_for_log(&[stranger_server, "invalid peer certificate"], KCP_SOON);
    assert!(line.contains("WARN") || line.contains("ERROR"), "{line}");
    scene
        .syncer()
        .wait_for_log(&["ERROR", plain_url, "sent in clear"], KCP_SOON);
    stays("not synced", QUIET, || {
        copy(target(0), CONFIG_MAPS, &blue, "web").is_none()
    });
    assert!(stranger.asked().is_empty(), "{:?}", stranger.asked());
    scene.kill();

    let [ours, theirs] = [&scene.authority, &unknown].map(Authority::certificate);
    let kubeconfig = scene.trusting(&[&ours, &theirs]);
    scene.run_as(&kubeconfig, "parts");
    for consumer in [&red, &blue] {
        wait_data(consumer, "web", &json!({"of": consumer.path}));
        wait_for("the finalizers", KCP_SOON, || {
            let finalizers = consumer.client(&kcp).read(WEB)["metadata"]["finalizers"].clone();
            let ours = finalizers.to_string().matches("workload.kcp.io/syncer-").count();
            if ours == 2 { Ok(()) } else { Err(finalizers.to_string()) }
        });
        wait_for("the Deployment", KCP_SOON, || {
            copy(target(0), DEPLOYMENTS, consumer, "web")
        });
    }
    // With the credentials of the kubeconfig, and about its own workspace alone.
    let asked = stranger.asked();
    assert!(asked.iter().all(|asked| asked.authorization.starts_with("Bearer ")));
    assert!(asked.iter().any(|asked| asked.method == "PATCH"));
    assert_eq!(stranger.astray(), Vec::<String>::new());
}
