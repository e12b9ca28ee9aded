//! What an API server has been asked, by its audit log.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// What the audit log of a server holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// Nothing.
    Off,
    /// Every request that changes something, with its body.
    Writes,
    /// Every request; those that change something with their bodies.
    Everything,
}

/// One request that a server has answered.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// The verb, in small letters: `create`, `update`, `patch`, `delete`, `get`, `list`, `watch`.
    pub verb: String,
    /// Path and query.
    pub uri: String,
    /// Who asked.
    pub user: String,
    /// The logical cluster that the user is a service account of, as kcp says it; empty elsewhere.
    pub home: String,
    /// The client's own name for itself.
    pub user_agent: String,
    /// The resource.
    pub resource: String,
    /// The subresource; empty for the object itself.
    pub subresource: String,
    /// The namespace; empty where there is none.
    pub namespace: String,
    /// The name; empty where there is none.
    pub name: String,
    /// The HTTP status code of the answer.
    pub code: u64,
    /// Whether the user was not allowed to ask this. A webhook or a quota answers 403 too, to what is allowed.
    pub forbidden: bool,
    /// The body of the request; null where there is none.
    pub body: Value,
    received: Timestamp,
}

// === impl Audit ===

impl Audit {
    /// The policy document for the server; none if nothing is logged.
    pub(crate) fn policy(self) -> Option<String> {
        let others = match self {
            Self::Off => return None,
            Self::Writes => "None",
            Self::Everything => "Metadata",
        };
        Some(format!(
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived, ResponseStarted]\nrules:\n\
             - {{level: Request, verbs: [create, update, patch, delete, deletecollection]}}\n- {{level: {others}}}\n"
        ))
    }
}

// === impl AuditEvent ===

impl AuditEvent {
    /// Whether it changes something.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// How long after `earlier` it was received; nothing if it was not after it.
    pub fn received_after(&self, earlier: &Self) -> Duration {
        let after = self.received.duration_since(earlier.received);
        Duration::try_from(after).unwrap_or_default()
    }

    /// The events in `log`, oldest first. A line that is just being written is left out.
    pub(crate) fn parse(log: &str) -> Vec<Self> {
        log.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .map(|event| Self::of(&event))
            .collect()
    }

    fn of(event: &Value) -> Self {
        let text = |pointer: &str| {
            event
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            verb: text("/verb"),
            uri: text("/requestURI"),
            user: text("/user/username"),
            home: text("/user/extra/authentication.kcp.io~1cluster-name/0"),
            user_agent: text("/userAgent"),
            resource: text("/objectRef/resource"),
            subresource: text("/objectRef/subresource"),
            namespace: text("/objectRef/namespace"),
            name: text("/objectRef/name"),
            code: event
                .pointer("/responseStatus/code")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            forbidden: text("/annotations/authorization.k8s.io~1decision") == "forbid",
            body: event.pointer("/requestObject").cloned().unwrap_or_default(),
            received: text("/requestReceivedTimestamp").parse().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_tells_who_did_what() {
        let line = r#"{"verb":"delete","requestURI":"/x","user":{"username":"u"},"objectRef":{"resource":"configmaps","name":"n"},"responseStatus":{"code":200},"requestObject":{"preconditions":{"uid":"1"}}}"#;
        let events = AuditEvent::parse(&format!("{line}\n{{\"verb\":\"cre"));
        assert_eq!(events.len(), 1);
        let event = &events[0];
        assert_eq!(
            (
                event.verb.as_str(),
                event.user.as_str(),
                event.name.as_str(),
                event.code
            ),
            ("delete", "u", "n", 200)
        );
        assert_eq!(event.body["preconditions"]["uid"], "1");
    }
}
