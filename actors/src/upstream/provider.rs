//! Who a kcp upstream is, and what its export has: asked in the workspace of the endpoint slice.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::value::RawValue;
use syncer_clusters::{
    Cluster, Next, Object, Served,
    upstream_identity::{IdentifyError, endpoint_slice, home_of_workspace, must_have},
};
use syncer_core::{
    Gvr, LogicalCluster, ResourceType,
    config::ResourceRef,
    kcp::{
        Export, Provision, ResourceSchema, slice,
        types::{self, CLUSTER_ANNOTATION, PATH_ANNOTATION},
    },
};

use super::{identify::Identity, workspaces::OwnExport};

/// The export behind an endpoint slice.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    /// What it is, and how it comes by its resources.
    pub(crate) export: OwnExport,
    /// Its workspace.
    pub(crate) workspace: Cluster,
    /// Its version: another one may have other resources and claims.
    pub(crate) generation: i64,
}

/// Asks the workspace `provider` who it is, and which of the resources `wanted` the export of its endpoint slice `slice` has.
/// `endpoint` is one of its endpoints, if there is any yet.
pub(super) async fn identify(
    provider: &Cluster,
    slice: &str,
    endpoint: Option<&Cluster>,
    wanted: &BTreeSet<ResourceRef>,
) -> Result<Identity, IdentifyError> {
    let home = home_of_workspace(provider).await?;
    let found = endpoint_slice(provider, slice).await?;
    let reference = found.member("spec").and_then(|spec| slice::export_of(spec.get()));
    let reference = reference.ok_or_else(|| IdentifyError::Unusable {
        what: format!("{}: endpoint slice {slice} names no export", provider.name()),
    })?;
    let path = home.annotations().get(PATH_ANNOTATION).unwrap_or_default();
    let workspace = if reference.path.is_empty() || reference.path == path {
        provider.clone()
    } else {
        provider.workspace(&LogicalCluster::new(&reference.path))
    };
    let found = must_have(&workspace, &types::exports(), &reference.name).await?;
    let export = Export::parse(spec_of(&found)).map_err(|cause| IdentifyError::Unusable {
        what: format!("{}: export {} cannot be read: {cause}", provider.name(), reference.name),
    })?;
    let mut known = Catalogue::new(provider, endpoint);
    let mut resources = Vec::new();
    let mut provisions = HashMap::new();
    let mut unserved = Vec::new();
    for ResourceRef { group, resource } in wanted {
        let provision = export.provision(group, resource);
        let found = match provision {
            Some(Provision::Own) => known.own(&workspace, &export, group, resource).await?,
            Some(_) => known.claimed(group, resource).await?,
            None => None,
        };
        match (found, provision) {
            (Some(found), Some(provision)) => {
                provisions.insert(found.gvr.clone(), provision);
                resources.push(found);
            }
            _ => unserved.push(Gvr::new(group, "", resource).to_string()),
        }
    }
    let cluster = found
        .annotations()
        .get(CLUSTER_ANNOTATION)
        .or_else(|| home.annotations().get(CLUSTER_ANNOTATION));
    Ok(Identity {
        id: home.uid().into(),
        resources: resources.into(),
        unserved: unserved.into(),
        provider: Some(Provider {
            export: OwnExport {
                name: reference.name.as_str().into(),
                cluster: LogicalCluster::new(cluster.unwrap_or_default()),
                provisions: Arc::new(provisions),
            },
            workspace,
            generation: found.generation(),
        }),
    })
}

fn spec_of(object: &Object) -> &str {
    object.member("spec").map_or("{}", RawValue::get)
}

/// How the objects of resources are addressed.
struct Catalogue<'a> {
    provider: &'a Cluster,
    endpoint: Option<&'a Cluster>,
    built_in: Option<Served>,
    shown: Option<Served>,
}

// === impl Catalogue ===

impl<'a> Catalogue<'a> {
    fn new(provider: &'a Cluster, endpoint: Option<&'a Cluster>) -> Self {
        Self {
            provider,
            endpoint,
            built_in: None,
            shown: None,
        }
    }

    async fn own(
        &mut self,
        workspace: &Cluster,
        export: &Export,
        group: &str,
        resource: &str,
    ) -> Result<Option<ResourceType>, IdentifyError> {
        let Some(exported) = export.own(group, resource) else {
            return Ok(None);
        };
        let schema = match must_have(workspace, &types::resource_schemas(), &exported.schema).await {
            Ok(schema) => schema,
            // Schemas need not be readable: an endpoint shows what they say, as soon as there is one.
            Err(IdentifyError::Cluster(error)) if error.next() == Next::Forbidden => {
                return self.shown(group, resource).await;
            }
            Err(error) => return Err(error),
        };
        let schema = ResourceSchema::parse(spec_of(&schema)).map_err(|cause| IdentifyError::Unusable {
            what: format!(
                "{}: schema {} cannot be read: {cause}",
                self.provider.name(),
                exported.schema
            ),
        })?;
        Ok(schema.resource_type())
    }

    /// What is claimed is built into every workspace, or another export's, which only an endpoint shows.
    async fn claimed(&mut self, group: &str, resource: &str) -> Result<Option<ResourceType>, IdentifyError> {
        let built_in = match self.built_in.take() {
            Some(served) => served,
            None => self.provider.discover().await?,
        };
        let found = built_in.resource_type(group, resource);
        self.built_in = Some(built_in);
        match found {
            Some(found) => Ok(Some(found)),
            None => self.shown(group, resource).await,
        }
    }

    async fn shown(&mut self, group: &str, resource: &str) -> Result<Option<ResourceType>, IdentifyError> {
        let Some(endpoint) = self.endpoint else { return Ok(None) };
        let shown = match self.shown.take() {
            Some(served) => served,
            None => endpoint.wildcard().discover().await?,
        };
        let found = shown.resource_type(group, resource);
        self.shown = Some(shown);
        Ok(found)
    }
}
