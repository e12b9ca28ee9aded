//! Reading what an API server wrote down of the requests that it answered.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::json;

use super::{ApiServer, User, options};
use crate::{Audit, AuditEvent, poll};

/// What the harness asks to know how far the log is.
const MARKS: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// How long a line of the log is waited for.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);

/// Tells the marks apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

// === impl ApiServer ===

impl ApiServer {
    /// What its audit log holds, oldest first: what its options ask for. A server writes its log after its answers; all that it had answered
    /// before this call is in what this returns, as long as the server answers.
    pub fn audit(&self) -> Vec<AuditEvent> {
        let mark = format!("{MARKS}?fieldManager=mark-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut events = AuditEvent::parse(&self.whole_log_after(&mark));
        events.retain(|event| !event.uri.starts_with(MARKS));
        events
    }

    /// What `user` has changed or tried to change, oldest first.
    pub fn writes_of(&self, user: &User) -> Vec<AuditEvent> {
        let mut events = self.audit();
        events.retain(|event| event.user == user.name() && event.is_write());
        events
    }

    /// The log, once it has the line of `mark`, which this asks for.
    fn whole_log_after(&self, mark: &str) -> String {
        let file = self.scratch.path().join(options::AUDIT_LOG);
        let read = || fs::read_to_string(&file).unwrap_or_default();
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let answer = self.client.try_call("POST", mark, "application/json", Some(&review));
        if self.options.audit == Audit::Off || !answer.is_ok_and(|reply| reply.is_success()) {
            return read();
        }
        let of_mark = format!("{mark}\"");
        let whole = poll(WRITTEN_WITHIN, || {
            let log = read();
            if log.contains(&of_mark) {
                Ok(log)
            } else {
                Err("not written yet")
            }
        });
        whole.unwrap_or_else(|_| read())
    }
}
