//! A row: the requests that show one behaviour, and what is expected of the answers.
//!
//! Texts in paths and bodies may name variables: `$ns` is a namespace of the row's own, and what a step keeps is known to those that follow.

use serde_json::Value;

/// Which kind of server shows the behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A kube-apiserver.
    Plain,
    /// A kcp.
    Kcp,
}

/// One behaviour.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The behaviour, in words.
    pub(crate) name: &'static str,
    /// Who shows it.
    pub(crate) kind: Kind,
    /// The requests, in their order.
    pub(crate) steps: Vec<Step>,
    /// Why the sandbox is allowed to differ; the row fails when it does not differ any more.
    pub(crate) known: Option<&'static str>,
}

/// One request, and what is expected of its answer.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) action: Action,
    /// The status code; 0 for any.
    pub(crate) status: u16,
    /// Values that the answer must hold, by JSON pointer.
    pub(crate) shows: Vec<(&'static str, Value)>,
    /// Pointers that must lead nowhere in the answer.
    pub(crate) lacks: Vec<&'static str>,
    /// What later steps know, by name and pointer into the answer.
    pub(crate) keeps: Vec<(&'static str, &'static str)>,
    /// What of the answer is compared with that of other servers.
    pub(crate) compared: Compared,
    /// When the answer counts.
    pub(crate) patience: Patience,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A request with one answer.
    Call(Call),
    /// A watch, read until so many events came or the stream ended.
    Watch { call: Call, events: usize },
    /// The server forgets its history; a real one does so by itself after a while.
    Forget,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) body: Option<Value>,
}

/// What of an answer is compared.
#[derive(Clone, Debug)]
pub(crate) enum Compared {
    /// The status code and the whole body.
    All,
    /// The status code only.
    Status,
    /// The status code and what these pointers lead to.
    Fields(&'static [&'static str]),
    /// The status code and what this makes of the body.
    Seen(fn(&Value) -> Value),
}

/// When the answer of a step counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// At once.
    None,
    /// When it is as expected, or a deadline is over: what controllers bring about.
    UntilExpected,
    /// As `UntilExpected` on a real server; in the sandbox at once, and nothing is expected: a known difference.
    UntilExpectedOnReal,
}

/// Begins a row about a kube-apiserver.
pub(crate) fn plain(name: &'static str) -> Row {
    Row::new(name, Kind::Plain)
}

/// Begins a row about a kcp.
pub(crate) fn kcp(name: &'static str) -> Row {
    Row::new(name, Kind::Kcp)
}

// === impl Row ===

impl Row {
    fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            steps: Vec::new(),
            known: None,
        }
    }

    /// The sandbox differs, for this reason.
    pub(crate) fn known_difference(mut self, reason: &'static str) -> Self {
        self.known = Some(reason);
        self
    }

    fn step(mut self, action: Action) -> Self {
        self.steps.push(Step {
            action,
            status: 0,
            shows: Vec::new(),
            lacks: Vec::new(),
            keeps: Vec::new(),
            compared: Compared::All,
            patience: Patience::None,
        });
        self
    }

    fn call(
        self,
        method: &'static str,
        path: impl Into<String>,
        content_type: &'static str,
        body: Option<Value>,
    ) -> Self {
        self.step(Action::Call(Call {
            method,
            path: path.into(),
            content_type,
            accept: "application/json",
            body,
        }))
    }

    fn last(mut self, change: impl FnOnce(&mut Step)) -> Self {
        change(self.steps.last_mut().expect("a step"));
        self
    }

    pub(crate) fn get(self, path: impl Into<String>) -> Self {
        self.call("GET", path, "", None)
    }

    pub(crate) fn post(self, path: impl Into<String>, body: Value) -> Self {
        self.call("POST", path, "application/json", Some(body))
    }

    pub(crate) fn put(self, path: impl Into<String>, body: Value) -> Self {
        self.call("PUT", path, "application/json", Some(body))
    }

    pub(crate) fn delete(self, path: impl Into<String>) -> Self {
        self.call("DELETE", path, "", None)
    }

    /// A delete with options, such as preconditions.
    pub(crate) fn delete_with(self, path: impl Into<String>, options: Value) -> Self {
        self.call("DELETE", path, "application/json", Some(options))
    }

    pub(crate) fn merge(self, path: impl Into<String>, body: Value) -> Self {
        self.call("PATCH", path, "application/merge-patch+json", Some(body))
    }

    pub(crate) fn strategic(self, path: impl Into<String>, body: Value) -> Self {
        self.call("PATCH", path, "application/strategic-merge-patch+json", Some(body))
    }

    pub(crate) fn json_patch(self, path: impl Into<String>, body: Value) -> Self {
        self.call("PATCH", path, "application/json-patch+json", Some(body))
    }

    /// A patch of a type of one's own.
    pub(crate) fn patch_as(self, content_type: &'static str, path: impl Into<String>, body: Value) -> Self {
        self.call("PATCH", path, content_type, Some(body))
    }

    /// A server-side apply by `manager`.
    pub(crate) fn apply(self, manager: &str, path: &str, body: Value) -> Self {
        let joint = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{joint}fieldManager={manager}");
        self.call("PATCH", path, "application/apply-patch+yaml", Some(body))
    }

    /// As `apply`, taking the fields from their owners.
    pub(crate) fn force(self, manager: &str, path: &str, body: Value) -> Self {
        let joint = if path.contains('?') { '&' } else { '?' };
        self.apply(manager, &format!("{path}{joint}force=true"), body)
    }

    /// A watch, read until `events` came or the stream ended.
    pub(crate) fn watch(self, path: impl Into<String>, events: usize) -> Self {
        let call = Call {
            method: "GET",
            path: path.into(),
            content_type: "",
            accept: "application/json",
            body: None,
        };
        self.step(Action::Watch { call, events })
    }

    /// The server forgets its history.
    pub(crate) fn forget(self) -> Self {
        self.step(Action::Forget)
    }

    /// The last request accepts `media_type`.
    pub(crate) fn accept(self, media_type: &'static str) -> Self {
        self.last(|step| match &mut step.action {
            Action::Call(call) | Action::Watch { call, .. } => call.accept = media_type,
            Action::Forget => {}
        })
    }

    /// The last request is answered with `status`.
    pub(crate) fn is(self, status: u16) -> Self {
        self.last(|step| step.status = status)
    }

    /// The last answer holds `value` at `pointer`.
    pub(crate) fn shows(self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.last(|step| step.shows.push((pointer, value.into())))
    }

    /// The last answer holds nothing at `pointer`.
    pub(crate) fn lacks(self, pointer: &'static str) -> Self {
        self.last(|step| step.lacks.push(pointer))
    }

    /// Later steps know what is at `pointer` as `$name`.
    pub(crate) fn keep(self, name: &'static str, pointer: &'static str) -> Self {
        self.last(|step| step.keeps.push((name, pointer)))
    }

    /// Of the last answer only the status code is compared: it prepares something, or another row compares its body.
    pub(crate) fn status_only(self) -> Self {
        self.last(|step| step.compared = Compared::Status)
    }

    /// Of the last answer these fields are compared.
    pub(crate) fn fields(self, pointers: &'static [&'static str]) -> Self {
        self.last(|step| step.compared = Compared::Fields(pointers))
    }

    /// Of the last answer what `look` makes of it is compared.
    pub(crate) fn seen(self, look: fn(&Value) -> Value) -> Self {
        self.last(|step| step.compared = Compared::Seen(look))
    }

    /// The last request is answered with `status` by a real server in time, and at once and otherwise by the sandbox.
    pub(crate) fn on_real(self, status: u16) -> Self {
        self.last(|step| {
            step.status = status;
            step.patience = Patience::UntilExpectedOnReal;
        })
    }

    /// The last request is repeated until its answer is as expected.
    pub(crate) fn in_time(self) -> Self {
        self.last(|step| step.patience = Patience::UntilExpected)
    }
}
