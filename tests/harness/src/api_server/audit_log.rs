//! Reading what an API server wrote down of the requests that it answered.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    sync::{
        MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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

/// What was read of an audit log so far: a test looks often, and reads each line once.
#[derive(Default)]
pub(super) struct ReadLog {
    /// Up to where the file was read, in bytes: the end of a line.
    end: u64,
    events: Vec<AuditEvent>,
}

// === impl ReadLog ===

impl ReadLog {
    /// Whether the line of `mark` is there.
    fn has(&self, mark: &str) -> bool {
        self.events.iter().rev().any(|event| event.uri == mark)
    }

    /// Reads on in `file`. Of a file that is shorter than before nothing is known.
    fn read_on(&mut self, file: &mut File) -> std::io::Result<()> {
        if file.metadata()?.len() < self.end {
            *self = Self::default();
        }
        file.seek(SeekFrom::Start(self.end))?;
        let mut new = Vec::new();
        file.read_to_end(&mut new)?;
        // What follows the last line is just being written.
        new.truncate(new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
        self.end += u64::try_from(new.len()).unwrap_or_default();
        self.events.extend(AuditEvent::parse(&String::from_utf8_lossy(&new)));
        Ok(())
    }
}

// === impl ApiServer ===

impl ApiServer {
    /// What its audit log holds, oldest first: what its options ask for. A server writes its log after its answers; all that it had answered
    /// before this call is in what this returns, as long as the server answers.
    pub fn audit(&self) -> Vec<AuditEvent> {
        self.audited(|_| true)
    }

    /// What `user` has changed or tried to change, oldest first.
    pub fn writes_of(&self, user: &User) -> Vec<AuditEvent> {
        self.audited(|event| event.user == user.name() && event.is_write())
    }

    fn audited(&self, wanted: impl Fn(&AuditEvent) -> bool) -> Vec<AuditEvent> {
        if self.options.audit == Audit::Off {
            return Vec::new();
        }
        let mark = format!("{MARKS}?fieldManager=mark-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let answer = self.client.try_call("POST", &mark, "application/json", Some(&review));
        if answer.is_ok_and(|reply| reply.is_success()) {
            // Where the line does not come, what is there has to do.
            let _ = poll(WRITTEN_WITHIN, || self.read_log().has(&mark));
        }
        let log = self.read_log();
        let events = log.events.iter();
        events
            .filter(|event| !event.uri.starts_with(MARKS) && wanted(event))
            .cloned()
            .collect()
    }

    /// The log, read up to its end.
    fn read_log(&self) -> MutexGuard<'_, ReadLog> {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(mut file) = File::open(self.scratch.path().join(options::AUDIT_LOG)) {
            // What cannot be read now is read at the next look.
            let _ = log.read_on(&mut file);
        }
        log
    }
}
