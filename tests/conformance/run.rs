//! Running rows.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use serde_json::Value;

use crate::{
    normal::Normal,
    row::{Action, Call, Compared, Patience, Row, Step},
    server::{Answer, Server},
};

/// How long controllers may take.
const DEADLINE: Duration = Duration::from_mins(1);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What a row came to on one server.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    /// The row.
    pub(crate) row: Row,
    /// What is compared, step by step.
    pub(crate) entries: Vec<Entry>,
    /// What was not as the row says.
    pub(crate) failures: Vec<String>,
}

/// What is compared of one step.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The request.
    pub(crate) request: String,
    /// The answer, without what differs between any two servers.
    pub(crate) answer: Answer,
}

/// What the rows came to on one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcripts(pub(crate) Vec<Transcript>);

// === impl Transcripts ===

impl Transcripts {
    /// Runs `rows` on `server`, `side_by_side` at a time.
    pub(crate) async fn of(rows: Vec<Row>, server: &Server, side_by_side: usize) -> Self {
        let numbered = rows.into_iter().enumerate();
        let running = numbered.map(|(number, row)| transcript(row, number, server));
        // In the order of the rows, whichever ends first.
        Self(stream::iter(running).buffered(side_by_side).collect().await)
    }

    /// How many rows did as they say.
    pub(crate) fn good(&self) -> usize {
        self.0
            .iter()
            .filter(|transcript| transcript.failures.is_empty())
            .count()
    }

    /// Fails the test where a row did not do as it says.
    pub(crate) fn assert_expected(&self) {
        let failures: Vec<String> = self.0.iter().flat_map(Transcript::report).collect();
        assert!(
            failures.is_empty(),
            "{} of {} rows differ from what they say:\n{}",
            self.0.len() - self.good(),
            self.0.len(),
            failures.join("\n")
        );
    }
}

// === impl Transcript ===

impl Transcript {
    /// What was not as the row says, with its name.
    pub(crate) fn report(&self) -> Vec<String> {
        let named = self
            .failures
            .iter()
            .map(|failure| format!("[{}] {failure}", self.row.name));
        named.collect()
    }
}

async fn transcript(row: Row, number: usize, server: &Server) -> Transcript {
    let mut names = server.names.clone();
    names.insert("ns".to_owned(), format!("row-{number}"));
    let mut normal = Normal::new(&server.names);
    let mut transcript = Transcript {
        entries: Vec::new(),
        failures: Vec::new(),
        row: row.clone(),
    };
    for path in crate::workspaces::namespaces(row.kind) {
        let call = Call {
            method: "POST",
            path: filled(path, &names),
            content_type: "application/json",
            accept: "application/json",
            body: Some(serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names["ns"]}})),
        };
        let made = server.call(&call).await;
        assert_eq!(made.status, 201, "{}: {}", call.path, made.body);
    }
    for (index, step) in row.steps.iter().enumerate() {
        let (request, call) = match &step.action {
            Action::Forget => {
                if let Some(sandbox) = &server.sandbox {
                    sandbox.forget_history();
                }
                continue;
            }
            Action::Call(call) | Action::Watch { call, .. } => {
                (format!("{} {}", call.method, call.path), concrete(call, &names))
            }
        };
        let answer = answered(server, step, &call, &names).await;
        let is_excused = step.patience == Patience::UntilExpectedOnReal && server.sandbox.is_some();
        for failure in wrong(step, &answer, &names).into_iter().filter(|_| !is_excused) {
            transcript.failures.push(format!("step {index}, {request}: {failure}"));
        }
        for (name, pointer) in &step.keeps {
            let kept = answer.body.pointer(pointer).map_or_else(
                || {
                    let failure = format!("step {index}, {request}: nothing at {pointer} in {}", answer.body);
                    transcript.failures.push(failure);
                    String::new()
                },
                text,
            );
            names.insert((*name).to_owned(), kept);
        }
        let body = match &step.compared {
            Compared::All => answer.body.clone(),
            Compared::Status => Value::Null,
            Compared::Fields(pointers) => pointers
                .iter()
                .map(|pointer| {
                    let found = answer.body.pointer(pointer).cloned();
                    let mut one = serde_json::Map::new();
                    let key = pointer.rsplit('/').next().unwrap_or_default();
                    one.insert(key.to_owned(), found.unwrap_or_default());
                    Value::Object(one)
                })
                .collect(),
            Compared::Seen(look) => look(&answer.body),
        };
        transcript.entries.push(Entry {
            request,
            answer: Answer {
                status: answer.status,
                body: normal.body(&body),
            },
        });
    }
    transcript
}

async fn answered(server: &Server, step: &Step, call: &Call, names: &BTreeMap<String, String>) -> Answer {
    let end = Instant::now() + DEADLINE;
    loop {
        let answer = match &step.action {
            Action::Watch { events, .. } => server.watch(call, *events).await,
            _ => server.call(call).await,
        };
        let is_expected = wrong(step, &answer, names).is_empty();
        let is_patient = match step.patience {
            Patience::None => false,
            Patience::UntilExpected => true,
            Patience::UntilExpectedOnReal => server.sandbox.is_none(),
        };
        if !is_patient || is_expected || Instant::now() > end {
            return answer;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is not as `step` says.
fn wrong(step: &Step, answer: &Answer, names: &BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    if step.status != 0 && step.status != answer.status {
        wrong.push(format!(
            "answered {} instead of {}: {}",
            answer.status, step.status, answer.body
        ));
    }
    for (pointer, expected) in &step.shows {
        let expected = filled_in(expected, names);
        let found = answer.body.pointer(pointer);
        if found != Some(&expected) {
            wrong.push(format!(
                "{pointer} is {} instead of {expected}",
                found.unwrap_or(&Value::Null)
            ));
        }
    }
    for pointer in &step.lacks {
        if let Some(found) = answer.body.pointer(pointer) {
            wrong.push(format!("{pointer} is {found} and should not be there"));
        }
    }
    wrong
}

fn concrete(call: &Call, names: &BTreeMap<String, String>) -> Call {
    Call {
        path: filled(&call.path, names),
        body: call.body.as_ref().map(|body| filled_in(body, names)),
        ..call.clone()
    }
}

fn filled_in(value: &Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => {
            let filled = filled(text, names);
            // A whole object that was kept.
            let is_object = text.starts_with('$') && filled.starts_with('{');
            let object = is_object.then(|| serde_json::from_str(&filled).ok()).flatten();
            object.unwrap_or(Value::String(filled))
        }
        Value::Array(items) => items.iter().map(|item| filled_in(item, names)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (filled(key, names), filled_in(value, names)))
            .collect(),
        other => other.clone(),
    }
}

/// `text` with the variables that it names; the longest name wins.
fn filled(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    // Descending: a longer name comes before what it begins with.
    for (name, value) in names.iter().rev() {
        text = text.replace(&format!("${name}"), value);
    }
    text
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
