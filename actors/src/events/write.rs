//! One write of an Event: its name, its body, and what an answer means.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use syncer_clusters::{Cluster, Error, Next, Object, Write};
use syncer_core::{ResourceType, built_in, marker::FIELD_MANAGER};
use xxhash_rust::xxh3::Xxh3;

use super::{
    EventKey,
    record::{Known, Writing},
};
use crate::metrics::WriteVerb;

/// What came of a write.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// The API server has it.
    Written {
        /// What it took.
        verb: WriteVerb,
        /// What it has now.
        known: Known,
    },
    /// The API server does not take it; why.
    Refused(String),
    /// There was no answer, or none that says anything of the Event.
    Failed {
        /// How long the answer asks to wait.
        wait: Duration,
    },
}

/// The longest name of an object, in bytes.
const LONGEST_NAME: usize = 253;
/// Where Events about cluster-scoped objects are.
const DEFAULT_NAMESPACE: &str = "default";

/// Writes the Event `key` to `cluster`. At most three requests, each with the client's own deadline.
pub(super) async fn write(cluster: &Cluster, key: &EventKey, writing: &Writing) -> Outcome {
    let target = Target {
        cluster,
        key,
        name: name(key),
        resource: built_in::events(),
    };
    target.write(writing).await.unwrap_or_else(|error| outcome(&error))
}

/// One Event, and where it is.
struct Target<'a> {
    cluster: &'a Cluster,
    key: &'a EventKey,
    name: String,
    resource: ResourceType,
}

// === impl Target ===

impl Target<'_> {
    async fn write(&self, writing: &Writing) -> Result<Outcome, Error> {
        let tidings = &writing.tidings;
        let Some(known) = writing.known else {
            let known = Known {
                count: tidings.times,
                first: tidings.first,
            };
            return match self.create(known, tidings.last).await {
                // We wrote it before a restart: the name is the same.
                Err(error) if error.next() == Next::LookAgain => self.take_over(known, tidings.last).await,
                created => created.map(|()| written(WriteVerb::Create, known)),
            };
        };
        let known = Known {
            count: known.count.saturating_add(tidings.times),
            ..known
        };
        match self.patch(known, tidings.last).await {
            // The API server forgets Events after a while.
            Err(error) if error.next() == Next::NotFound => {
                self.create(known, tidings.last).await?;
                Ok(written(WriteVerb::Create, known))
            }
            patched => patched.map(|()| written(WriteVerb::Patch, known)),
        }
    }

    async fn create(&self, known: Known, last: SystemTime) -> Result<(), Error> {
        let body = Bytes::from(body(self.key, &self.name, known, last).to_string());
        let options = Write::by(FIELD_MANAGER);
        let created = self
            .cluster
            .create(&self.resource, self.namespace(), &self.name, body, &options);
        created.await.map(drop)
    }

    async fn patch(&self, known: Known, last: SystemTime) -> Result<(), Error> {
        let body = json!({"count": known.count, "lastTimestamp": timestamp(last)});
        self.patch_with(&body).await.map(drop)
    }

    async fn patch_with(&self, body: &Value) -> Result<Object, Error> {
        let options = Write::by(FIELD_MANAGER);
        let body = Bytes::from(body.to_string());
        let patched = self
            .cluster
            .patch_merge(&self.resource, self.namespace(), &self.name, body, &options);
        patched.await
    }

    /// Counts on from what is there. The answer to a patch says it: Events are nothing that the syncer may read.
    async fn take_over(&self, told: Known, last: SystemTime) -> Result<Outcome, Error> {
        let touched = json!({"lastTimestamp": timestamp(last)});
        let there = self.patch_with(&touched).await?;
        let known = Known {
            count: count(&there).saturating_add(told.count),
            ..told
        };
        self.patch(known, last).await?;
        Ok(written(WriteVerb::Patch, known))
    }

    fn namespace(&self) -> &str {
        namespace(self.key)
    }
}

fn written(verb: WriteVerb, known: Known) -> Outcome {
    Outcome::Written { verb, known }
}

fn outcome(error: &Error) -> Outcome {
    match error.next() {
        Next::Forbidden | Next::Unserved | Next::NamespaceMissing | Next::Terminating | Next::Invalid => {
            Outcome::Refused(error.to_string())
        }
        Next::Wait(wait) => Outcome::Failed { wait },
        Next::LookAgain | Next::Backoff | Next::Reauthenticate | Next::NotFound | Next::Expired => {
            Outcome::Failed { wait: Duration::ZERO }
        }
    }
}

fn count(event: &Object) -> u32 {
    let count = event.member("count").map(|count| count.get().trim().parse());
    count.and_then(Result::ok).unwrap_or(1)
}

fn namespace(key: &EventKey) -> &str {
    match &*key.subject.key.namespace {
        "" => DEFAULT_NAMESPACE,
        namespace => namespace,
    }
}

/// The same after a restart, so that a storm is not told twice: the object's name as far as it fits, and a hash of the rest.
pub(super) fn name(key: &EventKey) -> String {
    let subject = &key.subject;
    let mut hash = Xxh3::new();
    let gvr = subject.key.gvr.to_string();
    for part in [&gvr, &*subject.key.name, &*subject.uid, key.reason.as_str(), &key.note] {
        hash.update(part.as_bytes());
        hash.update(&[0xff]);
    }
    let hash = format!("{:016x}", hash.digest());
    // Some kinds have names that an Event cannot have.
    let is_plain = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
    };
    let name = subject.key.name.get(..LONGEST_NAME - hash.len() - 1);
    let name = name.unwrap_or(&subject.key.name).trim_end_matches(['-', '.']);
    if name.is_empty() || !is_plain(name) {
        return format!("{FIELD_MANAGER}.{hash}");
    }
    format!("{name}.{hash}")
}

fn body(key: &EventKey, name: &str, known: Known, last: SystemTime) -> Value {
    let subject = &key.subject;
    let mut involved = json!({
        "apiVersion": subject.resource.gvr.api_version(),
        "kind": *subject.resource.kind,
        "name": *subject.key.name,
        "uid": *subject.uid,
    });
    if !subject.key.namespace.is_empty()
        && let Some(involved) = involved.as_object_mut()
    {
        involved.insert("namespace".into(), (*subject.key.namespace).into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace(key)},
        "involvedObject": involved,
        "type": key.reason.event_type().as_str(),
        "reason": key.reason.as_str(),
        "message": *key.note,
        "count": known.count,
        "firstTimestamp": timestamp(known.first),
        "lastTimestamp": timestamp(last),
        "source": {"component": FIELD_MANAGER},
        // What `reportingController` is called in this version.
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": FIELD_MANAGER,
    })
}

/// Whole seconds, as the API has them.
fn timestamp(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).ok().map(Timestamp::as_second);
    let time = time.and_then(|second| Timestamp::from_second(second).ok());
    time.unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
