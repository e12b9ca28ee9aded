//! The key of hashes over Secrets: of a file, of a Secret beside the syncer, or of this process alone.

use std::{collections::BTreeMap, io, path::Path, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{json, value::RawValue};
use syncer_actors::Writes;
use syncer_clusters::{Cluster, ClusterConfig, Error, FieldsV1Kept, Next, Object, Write};
use syncer_core::{built_in, hash_key::HashKey, marker::FIELD_MANAGER};
use tracing::{info, warn};

/// The Secret that holds the key, in the syncer's own namespace of the cluster that it runs in.
const NAME: &str = "tmc-syncer-hash-key";
/// The field of it.
const FIELD: &str = "key";
/// The shortest key that hides anything, in bytes.
const SHORTEST: usize = 16;
/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no key that lasts.
#[derive(Debug, thiserror::Error)]
enum NoLastingKey {
    #[error(transparent)]
    Cluster(#[from] Error),
    #[error(
        "Secret {namespace}/{NAME} holds no key of at least {SHORTEST} bytes under {FIELD}; delete it to have it made anew"
    )]
    Unusable { namespace: String },
    #[error("no answer within {PATIENCE:?}")]
    Late,
    #[error("there is no Secret {namespace}/{NAME}, and a dry run makes none")]
    DryRun { namespace: String },
    #[error("no randomness: {0}")]
    Chance(#[from] getrandom::Error),
}

/// The key in `file`.
pub(crate) fn of_file(file: &Path) -> io::Result<HashKey> {
    let secret = std::fs::read(file)?;
    if secret.len() < SHORTEST {
        return Err(io::Error::other(format!("it holds fewer than {SHORTEST} bytes")));
    }
    Ok(HashKey::new(&secret))
}

/// The key beside a syncer that runs in a pod in `namespace`, made where it is missing; one of this process alone where that
/// cannot be: then Secrets are compared by value after a restart.
pub(crate) async fn of_pod(namespace: Option<&str>, writes: Writes) -> Result<HashKey, getrandom::Error> {
    if let Some(namespace) = namespace
        && let Ok(config) = ClusterConfig::in_cluster()
    {
        match Cluster::builder("the cluster of this pod").connect(config) {
            Ok(cluster) => match beside(&cluster, namespace, writes).await {
                Ok(key) => return Ok(key),
                Err(cause) => warn!(
                    "no key of hashes over Secrets that lasts, so they are compared by value after a restart: {cause}; allow get and \
                     create of Secret {namespace}/{NAME}, or give --hash-key-file"
                ),
            },
            Err(cause) => warn!("no key of hashes over Secrets that lasts: {cause}"),
        }
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(HashKey::new(&secret))
}

async fn beside(cluster: &Cluster, namespace: &str, writes: Writes) -> Result<HashKey, NoLastingKey> {
    let looking = look_or_make(cluster, namespace, writes);
    tokio::time::timeout(PATIENCE, looking)
        .await
        .map_err(|_| NoLastingKey::Late)?
}

/// Whoever creates it first has made it for all: the others read that one.
async fn look_or_make(cluster: &Cluster, namespace: &str, writes: Writes) -> Result<HashKey, NoLastingKey> {
    if let Some(found) = read(cluster, namespace).await? {
        return found;
    }
    if writes != Writes::Done {
        return Err(NoLastingKey::DryRun {
            namespace: namespace.to_owned(),
        });
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let body = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": namespace},
        "type": "Opaque",
        "immutable": true,
        "data": {FIELD: BASE64_STANDARD.encode(secret)},
    });
    let made = cluster
        .create(
            &built_in::secrets(),
            namespace,
            NAME,
            Bytes::from(body.to_string()),
            &Write::by(FIELD_MANAGER),
        )
        .await;
    match made {
        Ok(_) => {
            info!(%namespace, name = NAME, "made the key of hashes over Secrets");
            Ok(HashKey::new(&secret))
        }
        Err(error) if error.next() == Next::LookAgain => match read(cluster, namespace).await? {
            Some(found) => found,
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

async fn read(cluster: &Cluster, namespace: &str) -> Result<Option<Result<HashKey, NoLastingKey>>, Error> {
    let found = cluster
        .get(&built_in::secrets(), namespace, NAME, FieldsV1Kept::None)
        .await?;
    Ok(found.map(|object| {
        key(&object).ok_or_else(|| NoLastingKey::Unusable {
            namespace: namespace.to_owned(),
        })
    }))
}

fn key(object: &Object) -> Option<HashKey> {
    let data = object.member("data").map(RawValue::get)?;
    let data: BTreeMap<String, String> = serde_json::from_str(data).ok()?;
    let secret = BASE64_STANDARD.decode(data.get(FIELD)?).ok()?;
    (secret.len() >= SHORTEST).then(|| HashKey::new(&secret))
}

#[cfg(feature = "sandbox")]
#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::Full;
    use syncer_sandbox::{ApiServer, Hand, Options};
    use tower::{Service as _, service_fn};

    use super::*;

    /// A cluster with the namespace `tmc`.
    fn cluster() -> (ApiServer, Cluster) {
        let server = ApiServer::new(Options::default());
        let hand = Hand::at(&server, "admin");
        hand.create("/api/v1/namespaces", &json!({"metadata": {"name": "tmc"}}))
            .unwrap();
        let api = server.clone();
        let service = service_fn(move |request: Request<Bytes>| api.clone().call(request.map(Full::new)));
        let cluster = Cluster::builder("here").service("http://here", service).unwrap();
        (server, cluster)
    }

    #[tokio::test]
    async fn the_key_is_made_once_and_found_by_everybody_after_that() {
        let (_server, cluster) = cluster();
        let one = || beside(&cluster, "tmc", Writes::Done);
        let (first, second, third) = tokio::join!(one(), one(), one());
        let first = first.unwrap();
        assert_eq!(
            first.id(),
            second.unwrap().id(),
            "two replicas that start together agree"
        );
        assert_eq!(first.id(), third.unwrap().id());
        assert_eq!(first.id(), one().await.unwrap().id(), "a restart");
    }

    #[tokio::test]
    async fn without_the_right_to_write_or_with_garbage_it_is_said_and_nothing_is_written() {
        let (server, cluster) = cluster();
        let hand = Hand::at(&server, "admin");
        let path = format!("/api/v1/namespaces/tmc/secrets/{NAME}");
        let cause = beside(&cluster, "tmc", Writes::Reported).await.err().unwrap();
        assert!(cause.to_string().contains("a dry run makes none"), "{cause}");
        assert_eq!(hand.get(&path), None);
        let short = json!({"metadata": {"name": NAME}, "stringData": {"key": "hunter2"}});
        hand.create("/api/v1/namespaces/tmc/secrets", &short).unwrap();
        let cause = beside(&cluster, "tmc", Writes::Done).await.err().unwrap();
        assert!(!format!("{cause} {cause:?}").contains("hunter2"), "{cause}");
        assert!(cause.to_string().contains("delete it to have it made anew"), "{cause}");
        assert!(beside(&cluster, "nowhere", Writes::Done).await.is_err());
    }

    #[tokio::test]
    async fn outside_of_a_pod_the_key_is_of_this_process_alone() {
        let (one, other) = tokio::join!(of_pod(None, Writes::Done), of_pod(None, Writes::Done));
        assert_ne!(one.unwrap().id(), other.unwrap().id());
    }

    #[test]
    fn a_key_file_is_taken_as_it_is_and_has_to_be_long_enough() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "0123456789abcdef").unwrap();
        assert_eq!(of_file(&file).unwrap().id(), HashKey::new(b"0123456789abcdef").id());
        std::fs::write(&file, "short").unwrap();
        assert!(
            of_file(&file)
                .err()
                .unwrap()
                .to_string()
                .contains("fewer than 16 bytes")
        );
    }
}
