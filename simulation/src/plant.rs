//! What is broken on purpose, on the wire, to see whether the checks see it.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use syncer_clusters::Limits;
use syncer_sandbox::Body;

use crate::{observation::Observation, request::Asked, wire::Side};

/// A fault of the syncer, planted on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Deletes lose their UID precondition.
    PreconditionDropped,
    /// After a restart, the upstream's lists end early and are taken for complete, and the reads that should refute that are answered from them.
    PartialListTrusted,
    /// Some writes are never answered, and their places never freed.
    PermitLeaked,
}

/// How many objects a partial list lacks: few enough that no guard holds their deletion.
const MISSING: usize = 2;
/// How many writes are in flight at most where permits leak, and how many leak.
const PERMITS: usize = 4;

// === impl Plant ===

impl Plant {
    /// The limits of clusters with this plant.
    pub(crate) fn limits(self, limits: Limits) -> Limits {
        match self {
            // Nothing frees a place but an answer.
            Self::PermitLeaked => Limits {
                writes_in_flight: PERMITS,
                request_timeout: std::time::Duration::from_hours(100),
                ..limits
            },
            _ => limits,
        }
    }

    /// Alters a request before anybody sees it.
    pub(crate) fn alter(self, request: Request<Bytes>, side: &Side) -> Request<Bytes> {
        match (self, side) {
            (Self::PreconditionDropped, Side::Target(_)) if request.method() == Method::DELETE => {
                request.map(|_| Bytes::from_static(b"{}"))
            }
            _ => request,
        }
    }

    /// Whether a request is carried out and never answered.
    pub(crate) fn swallows(self, asked: &Asked, side: &Side, observation: &Observation) -> bool {
        self == Self::PermitLeaked
            && matches!(side, Side::Target(_))
            && asked.is_write()
            && observation.swallowed_fewer_than(PERMITS)
    }

    /// Alters an answer.
    pub(crate) async fn spoil(
        self,
        asked: &Asked,
        side: &Side,
        observation: &Observation,
        answer: Response<Body>,
    ) -> Response<Body> {
        let partial = self == Self::PartialListTrusted && *side == Side::Upstream && observation.has_restarted();
        if !partial || !asked.is_read_of("configmaps") {
            return answer;
        }
        if asked.name.is_empty() {
            return cut(answer, observation).await;
        }
        if observation.is_hidden(&asked.path) {
            return not_found(answer, &asked.name);
        }
        answer
    }
}

/// Takes the last objects off a list, and the token that says there are more.
async fn cut(answer: Response<Body>, observation: &Observation) -> Response<Body> {
    let (head, body) = answer.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::from_parts(head, text(String::new()));
    };
    let mut list: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    if let Some(Value::Array(items)) = list.get_mut("items") {
        let ours = |item: &Value| {
            item.pointer("/metadata/namespace")
                .and_then(Value::as_str)
                .is_some_and(|namespace| namespace.starts_with("team-"))
                && item.pointer("/metadata/name").and_then(Value::as_str) != Some("kube-root-ca.crt")
        };
        let mut missing = MISSING;
        while missing > 0
            && let Some(at) = items.iter().rposition(ours)
        {
            let item = items.remove(at);
            let of = |name: &str| {
                item.pointer(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let (namespace, name) = (of("/metadata/namespace"), of("/metadata/name"));
            observation.hide(format!("/api/v1/namespaces/{namespace}/configmaps/{name}"));
            missing -= 1;
        }
    }
    if let Some(Value::Object(metadata)) = list.get_mut("metadata") {
        metadata.remove("continue");
        metadata.remove("remainingItemCount");
    }
    whole(head, list.to_string())
}

/// The answer of a server that does not have it, word for word: any other 404 is no proof.
fn not_found(answer: Response<Body>, name: &str) -> Response<Body> {
    let (mut head, _) = answer.into_parts();
    head.status = http::StatusCode::NOT_FOUND;
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("configmaps {name:?} not found"),
        "reason": "NotFound",
        "details": {"name": name, "kind": "configmaps"},
        "code": 404,
    });
    whole(head, status.to_string())
}

fn whole(mut head: http::response::Parts, body: String) -> Response<Body> {
    head.headers.remove(http::header::CONTENT_LENGTH);
    Response::from_parts(head, text(body))
}

fn text(text: String) -> Body {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed_unsync()
}
