//! Resources out of custom resource definitions.

use serde_json::{Value, json};
use syncer_core::{Gvr, Scope};

use super::{Column, Nature, Resource, ScalePaths, StatusPart};
use crate::{object::put, schema};

/// The resources that the CRD `definition` asks to serve, one for each served version.
pub(crate) fn resources(definition: &Value) -> Vec<Resource> {
    let spec = definition.get("spec").unwrap_or(&Value::Null);
    let versions = spec
        .get("versions")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let served = versions
        .iter()
        .filter(|version| version.get("served").and_then(Value::as_bool) == Some(true));
    served.filter_map(|version| resource(spec, version)).collect()
}

/// The resources of an `APIResourceSchema`, which holds its schemas without a wrapping.
pub(crate) fn exported(schema: &Value) -> Vec<Resource> {
    let mut definition = schema.clone();
    let versions = definition.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        let schema = version.get("schema").cloned().unwrap_or_default();
        put(version, "schema", json!({"openAPIV3Schema": schema}));
    }
    resources(&definition)
}

fn resource(spec: &Value, version: &Value) -> Option<Resource> {
    let names = spec.get("names")?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let texts = |name: &str| -> Vec<String> {
        names
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let kind = text(names, "kind")?;
    let scope = if text(spec, "scope")? == "Namespaced" {
        Scope::Namespaced
    } else {
        Scope::Cluster
    };
    let gvr = Gvr::new(&text(spec, "group")?, &text(version, "name")?, &text(names, "plural")?);
    let any = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let shape = schema::crd::object(version.pointer("/schema/openAPIV3Schema").unwrap_or(&any));
    let singular = text(names, "singular").unwrap_or_else(|| kind.to_lowercase());
    let mut resource = Resource::new(gvr, &kind, &singular, scope, shape);
    resource.nature = Nature::Custom;
    resource.short_names = texts("shortNames");
    resource.categories = texts("categories");
    if version.pointer("/subresources/status").is_some() {
        resource.status = StatusPart::Subresource;
    }
    resource.scale = version.pointer("/subresources/scale").map(|scale| {
        let pointer = |name: &str| text(scale, name).map(|path| path.replace('.', "/"));
        ScalePaths {
            spec: pointer("specReplicasPath").unwrap_or_default(),
            status: pointer("statusReplicasPath").unwrap_or_default(),
            selector: pointer("labelSelectorPath"),
        }
    });
    let selectable = version
        .get("selectableFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    resource
        .selectable
        .extend(selectable.filter_map(|field| Some(text(field, "jsonPath")?.trim_start_matches('.').to_owned())));
    let columns = version
        .get("additionalPrinterColumns")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    resource.columns.extend(columns.filter_map(|column| {
        Some(Column {
            name: text(column, "name")?,
            cell_type: text(column, "type")?,
            priority: column.get("priority").and_then(Value::as_i64).unwrap_or_default(),
            path: text(column, "jsonPath")?,
        })
    }));
    Some(resource)
}

/// What the API server says of a CRD that it serves.
pub(crate) fn established(definition: &mut Value, now: &str) {
    let names = definition.pointer("/spec/names").cloned().unwrap_or_default();
    let stored: Vec<Value> = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|version| version.get("storage").and_then(Value::as_bool) == Some(true))
        .filter_map(|version| version.get("name").cloned())
        .collect();
    let condition = |condition: &str, reason: &str, message: &str| json!({"type": condition, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now});
    let Some(object) = definition.as_object_mut() else {
        return;
    };
    let status = json!({
        "acceptedNames": names,
        "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
    object.insert("status".to_owned(), status);
}
