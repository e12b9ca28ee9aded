//! Somebody at a server: reads and writes that no fault meets and that take no time.

use std::{fmt, sync::Arc};

use futures::FutureExt as _;
use http::{Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::{ApiServer, dispatch};

/// Somebody at a server, known to it by a name of their own. What they do is done at once: faults are the network's, and they sit at
/// the machine.
#[derive(Clone, Debug)]
pub struct Hand {
    server: ApiServer,
    name: Arc<str>,
}

/// What a server said no to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub code: u16,
    /// The server's words.
    pub message: String,
}

// === impl Hand ===

impl Hand {
    /// Somebody at `server` whose edits are managed by `name`.
    pub fn at(server: &ApiServer, name: &str) -> Self {
        Self {
            server: server.clone(),
            name: name.into(),
        }
    }

    /// The object at `path`; `None` if it is not there.
    pub fn get(&self, path: &str) -> Option<Value> {
        self.ask(Method::GET, path, "", "").ok()
    }

    /// The objects of the collection at `path`, in the order of the server; none if there is no such collection.
    pub fn list(&self, path: &str) -> Vec<Value> {
        let list = self.ask(Method::GET, path, "", "");
        match list.ok().and_then(|mut list| list.get_mut("items").map(Value::take)) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        }
    }

    /// Creates `object` in the collection at `path`.
    pub fn create(&self, path: &str, object: &Value) -> Result<Value, Refused> {
        self.ask(Method::POST, path, "application/json", &object.to_string())
    }

    /// Merges `change` into the object at `path`.
    pub fn merge(&self, path: &str, change: &Value) -> Result<Value, Refused> {
        self.ask(Method::PATCH, path, "application/merge-patch+json", &change.to_string())
    }

    /// Applies `body` to the object at `path` by force, server-side.
    pub fn apply(&self, path: &str, body: &Value) -> Result<Value, Refused> {
        let path = format!("{path}?fieldManager={}&force=true", self.name);
        self.ask(Method::PATCH, &path, "application/apply-patch+yaml", &body.to_string())
    }

    /// Patches the object at `path` by the operations `ops` (RFC 6902).
    pub fn patch(&self, path: &str, ops: &Value) -> Result<Value, Refused> {
        self.ask(Method::PATCH, path, "application/json-patch+json", &ops.to_string())
    }

    /// Writes the object at `path` anew.
    pub fn replace(&self, path: &str, object: &Value) -> Result<Value, Refused> {
        self.ask(Method::PUT, path, "application/json", &object.to_string())
    }

    /// Deletes the object at `path`.
    pub fn delete(&self, path: &str) -> Result<Value, Refused> {
        self.ask(Method::DELETE, path, "application/json", "{}")
    }

    fn ask(&self, method: Method, path: &str, content_type: &str, body: &str) -> Result<Value, Refused> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("user-agent", format!("{}/1", self.name))
            .header(CONTENT_TYPE, content_type)
            .body(());
        let parts = request.map_err(|_| Refused::new(0, "no such path"))?.into_parts().0;
        let shared = &self.server.0;
        let answer = dispatch::dispatch(shared, &parts, body.as_bytes(), shared.now()).unwrap_or_else(Into::into);
        let status = answer.status();
        // All but a watch is answered in one piece.
        let body = answer.into_body().collect().now_or_never();
        let body = body.and_then(Result::ok).map(http_body_util::Collected::to_bytes);
        let value: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        Err(Refused::of(status, &value))
    }
}

// === impl Refused ===

impl Refused {
    fn new(code: u16, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
        }
    }

    fn of(status: StatusCode, body: &Value) -> Self {
        let message = body.get("message").and_then(Value::as_str).unwrap_or_default();
        Self::new(status.as_u16(), message)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Options, Reach};

    const MAPS: &str = "/api/v1/namespaces/default/configmaps";

    #[test]
    fn no_fault_meets_a_hand_and_its_name_is_the_manager() {
        let server = ApiServer::new(Options::default());
        server.faults().set_reach(Reach::Refused);
        let hand = Hand::at(&server, "alice");
        let made = hand
            .create(MAPS, &json!({"metadata": {"name": "a"}, "data": {"k": "v"}}))
            .unwrap();
        assert_eq!(made["metadata"]["managedFields"][0]["manager"], "alice");
        hand.merge(&format!("{MAPS}/a"), &json!({"data": {"k": "w"}})).unwrap();
        assert_eq!(hand.get(&format!("{MAPS}/a")).unwrap()["data"]["k"], "w");
        assert_eq!(
            hand.list(MAPS)
                .iter()
                .filter(|map| map["metadata"]["name"] == "a")
                .count(),
            1
        );
        hand.delete(&format!("{MAPS}/a")).unwrap();
        assert_eq!(hand.get(&format!("{MAPS}/a")), None);
        assert_eq!(hand.delete(&format!("{MAPS}/a")).unwrap_err().code, 404);
    }
}
