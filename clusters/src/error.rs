//! What went wrong with a request: cluster, verb, resource, object and cause, each once.

use std::{fmt, sync::Arc, time::Duration};

use syncer_core::identity::Gvr;

use crate::{Next, Status, next};

/// A request that failed. Its text names cluster, verb, resource, object and cause, and never shows a body.
#[derive(Clone)]
pub struct Error(Box<Parts>);

#[derive(Clone)]
struct Parts {
    cluster: Arc<str>,
    request: Subject,
    cause: Cause,
    plan: Option<Plan>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) verb: Verb,
    pub(crate) gvr: Option<Gvr>,
    pub(crate) namespace: Box<str>,
    pub(crate) name: Box<str>,
}

/// What a request was to do, in the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read one object.
    Get,
    /// Read a collection.
    List,
    /// Follow a collection.
    Watch,
    /// Server-side apply.
    Apply,
    /// A JSON patch or a merge patch.
    Patch,
    /// Create with a body.
    Create,
    /// Delete one object.
    Delete,
    /// Ask what is served.
    Discover,
    /// See whether the API server answers.
    Probe,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The API server answered, and refused.
    Api(Status),
    /// No connection: refused, no route, no such host, TLS not agreed on. Nothing was sent.
    Connect(Box<str>),
    /// The connection broke before the answer was complete. A write may have happened.
    Broken(Box<str>),
    /// No answer in time. A write may have happened.
    Deadline(Duration),
    /// The circuit breaker is open: nothing was sent.
    Open {
        /// What opened it.
        cause: Arc<str>,
        /// The time until the next probe.
        probe_in: Duration,
    },
    /// Too many requests wait for a place already: nothing was sent.
    Busy,
    /// The answer is not what the API promises; where, without its content.
    Decode(Box<str>),
    /// The answer is larger than this many bytes.
    TooLarge(usize),
    /// The credentials could not be loaded or renewed: nothing was sent.
    Credentials(Box<str>),
    /// A list came without a resourceVersion, so that it proves nothing and nothing can be watched from it.
    NoResourceVersion,
    /// A watch said nothing for so long, not even a bookmark.
    Stalled(Duration),
    /// The request cannot be put into a URL: nothing was sent.
    Request(Box<str>),
    /// No endpoint is known that serves this logical cluster: nothing was sent.
    NoRoute(Box<str>),
    /// This process does not lead, or not any more: nothing was sent.
    Fenced,
    /// The server that answered is not known to be the one that is followed; why.
    Unvouched(Box<str>),
}

/// What goes on by itself after an error, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What is done.
    pub then: Then,
    /// The time until then.
    pub after: Duration,
}

/// What a watch does after an interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The watch goes on from the last version seen; nothing can be missed.
    Resume,
    /// The same page of the list is asked for again.
    RetryPage,
    /// The collection is listed anew.
    Relist,
    /// The circuit breaker probes; the watch goes on when it closes.
    Probe,
}

// === impl Error ===

impl Error {
    pub(crate) fn new(cluster: &Arc<str>, request: Subject, cause: Cause) -> Self {
        Self(Box::new(Parts {
            cluster: Arc::clone(cluster),
            request,
            cause,
            plan: None,
        }))
    }

    pub(crate) fn with_plan(mut self, then: Then, after: Duration) -> Self {
        self.0.plan = Some(Plan { then, after });
        self
    }

    /// The name of the cluster, as given to [`connect`](crate::Cluster::connect).
    pub fn cluster(&self) -> &str {
        &self.0.cluster
    }

    /// What the request was to do.
    pub fn verb(&self) -> Verb {
        self.0.request.verb
    }

    /// The resource; none for discovery and probes.
    pub fn gvr(&self) -> Option<&Gvr> {
        self.0.request.gvr.as_ref()
    }

    /// The namespace; empty for cluster-scoped resources and whole collections.
    pub fn namespace(&self) -> &str {
        &self.0.request.namespace
    }

    /// The name of the object; empty for collections.
    pub fn name(&self) -> &str {
        &self.0.request.name
    }

    /// Why it failed.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// The API server's answer, where there was one.
    pub fn status(&self) -> Option<&Status> {
        match self.cause() {
            Cause::Api(status) => Some(status),
            _ => None,
        }
    }

    /// What the caller does next.
    pub fn next(&self) -> Next {
        next::classify(self)
    }

    /// What goes on by itself: set on what a watch reports.
    pub fn plan(&self) -> Option<Plan> {
        self.0.plan
    }

    /// Whether the cluster could not be reached, as opposed to having refused.
    pub fn is_unreachable(&self) -> bool {
        self.cause().is_unreachable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.0.cluster, self.0.request, self.0.cause)?;
        let Some(plan) = self.0.plan else {
            return Ok(());
        };
        match plan.then {
            Then::Resume => write!(f, "; resuming in {:.1?}", plan.after),
            Then::RetryPage => write!(f, "; asking again in {:.1?}", plan.after),
            Then::Relist => write!(f, "; listing anew in {:.1?}", plan.after),
            Then::Probe => write!(f, "; probing in {:.1?}", plan.after),
        }
    }
}

/// The text and nothing more: no part of an error is for machines alone.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {}

// === impl Subject ===

impl Subject {
    pub(crate) fn server(verb: Verb) -> Self {
        Self {
            verb,
            gvr: None,
            namespace: Box::default(),
            name: Box::default(),
        }
    }

    pub(crate) fn collection(verb: Verb, gvr: &Gvr, namespace: &str) -> Self {
        Self {
            verb,
            gvr: Some(gvr.clone()),
            namespace: namespace.into(),
            name: Box::default(),
        }
    }

    pub(crate) fn object(verb: Verb, gvr: &Gvr, namespace: &str, name: &str) -> Self {
        Self {
            verb,
            gvr: Some(gvr.clone()),
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verb)?;
        if let Some(gvr) = &self.gvr {
            write!(f, " {gvr}")?;
        }
        match (&*self.namespace, &*self.name) {
            ("", "") => Ok(()),
            ("", name) => write!(f, " {name}"),
            (namespace, "") => write!(f, " in {namespace}"),
            (namespace, name) => write!(f, " {namespace}/{name}"),
        }
    }
}

// === impl Verb ===

impl Verb {
    /// The verb as RBAC spells it, where it has one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Apply => "apply",
            Self::Patch => "patch",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Discover => "discover",
            Self::Probe => "probe",
        }
    }

    /// Whether it changes something.
    pub fn is_write(self) -> bool {
        matches!(self, Self::Apply | Self::Patch | Self::Create | Self::Delete)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Cause ===

impl Cause {
    /// Whether the cluster could not be reached, as opposed to having refused.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::Broken(_) | Self::Deadline(_) | Self::Open { .. } | Self::Stalled(_)
        )
    }

    /// A decoding error by its place alone: serde's own text quotes what it found (S8).
    pub(crate) fn decode(what: &str, error: &serde_json::Error) -> Self {
        let kind = match error.classify() {
            serde_json::error::Category::Io => "unreadable",
            serde_json::error::Category::Syntax => "no JSON",
            serde_json::error::Category::Data => "of another shape",
            serde_json::error::Category::Eof => "cut short",
        };
        Self::Decode(format!("{what} is {kind} at line {} column {}", error.line(), error.column()).into())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(status) => fmt::Display::fmt(status, f),
            Self::Connect(text) => write!(f, "no connection: {text}"),
            Self::Broken(text) => write!(f, "connection broken: {text}"),
            Self::Deadline(after) => write!(f, "no answer within {after:.1?}"),
            Self::Open { cause, probe_in } => write!(f, "unreachable ({cause}), next probe in {probe_in:.1?}"),
            Self::Busy => f.write_str("too many requests wait for this cluster already"),
            Self::Decode(text) => write!(f, "unexpected answer: {text}"),
            Self::TooLarge(limit) => write!(f, "answer larger than {limit} bytes"),
            Self::Credentials(text) => write!(f, "no credentials: {text}"),
            Self::NoResourceVersion => f.write_str("the list has no resourceVersion"),
            Self::Stalled(after) => write!(f, "no event and no bookmark for {after:.0?}"),
            Self::Request(text) => write!(f, "cannot be asked for: {text}"),
            Self::NoRoute(cluster) => write!(f, "no endpoint is known that serves workspace {cluster}"),
            Self::Fenced => f.write_str("this process does not lead, so nothing was sent"),
            Self::Unvouched(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_cluster_verb_resource_object_and_cause_once() {
        let gvr = Gvr::new("apps", "v1", "deployments");
        let cases = [
            (
                Error::new(
                    &"target east".into(),
                    Subject::object(Verb::Apply, &gvr, "default", "web"),
                    Cause::Api(Status::bare(503)),
                ),
                "target east: apply deployments.apps default/web: 503 Service Unavailable",
            ),
            (
                Error::new(
                    &"upstream".into(),
                    Subject::collection(Verb::Watch, &gvr, ""),
                    Cause::Connect("connection refused".into()),
                )
                .with_plan(Then::Resume, Duration::from_millis(1234)),
                "upstream: watch deployments.apps: no connection: connection refused; resuming in 1.2s",
            ),
            (
                Error::new(
                    &"upstream".into(),
                    Subject::server(Verb::Discover),
                    Cause::Deadline(Duration::from_secs(30)),
                ),
                "upstream: discover: no answer within 30.0s",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_decoding_error_shows_the_place_and_not_the_content() {
        let error = serde_json::from_str::<u64>(r#""hunter2""#).unwrap_err();
        assert!(
            error.to_string().contains("hunter2"),
            "serde quotes what it found, which is why its text is not used"
        );
        assert_eq!(
            Cause::decode("list", &error),
            Cause::Decode("list is of another shape at line 1 column 9".into())
        );
    }
}
