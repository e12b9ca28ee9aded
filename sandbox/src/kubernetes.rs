//! What every cluster has before anyone uses it.

use std::sync::Arc;

use serde_json::{Value, json};
use syncer_core::Gvr;

use crate::{
    request::options::{FieldValidation, Origin, Run, WriteOptions},
    state::{Now, State, Subject},
    write::Claim,
};

/// Creates the namespaces and the Service that every cluster has, in the logical cluster `cluster`.
pub(crate) fn furnish(state: &mut State, cluster: &str, now: Now) {
    for name in ["kube-system", "default", "kube-public", "kube-node-lease"] {
        place(
            state,
            cluster,
            &Gvr::new("", "v1", "namespaces"),
            "",
            json!({"metadata": {"name": name}}),
            now,
        );
    }
    let ports = json!([{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]);
    let labels = json!({"component": "apiserver", "provider": "kubernetes"});
    let service =
        json!({"metadata": {"name": "kubernetes", "labels": labels}, "spec": {"type": "ClusterIP", "ports": ports}});
    place(state, cluster, &Gvr::new("", "v1", "services"), "default", service, now);
}

/// Creates an object as the server itself; nothing happens where the resource is not served or the name is taken.
pub(crate) fn place(state: &mut State, cluster: &str, gvr: &Gvr, namespace: &str, object: Value, now: Now) {
    let Some(resource) = state.resource(cluster, gvr) else {
        return;
    };
    let subject = Subject {
        resource,
        cluster: Arc::from(cluster),
        namespace: namespace.to_owned(),
        name: String::new(),
    };
    let options = WriteOptions {
        manager: "kube-apiserver".to_owned(),
        manager_is_given: true,
        run: Run::Real,
        validation: FieldValidation::Ignore,
        force: None,
        origin: Origin::Server,
    };
    // A refusal means that it is there already: these objects are valid.
    let _ = state.create(&subject, object, Claim::Update, &options, now);
}
