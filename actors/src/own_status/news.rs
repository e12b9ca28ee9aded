//! Events on our own objects: what an operator should hear of when it begins.

use serde_json::Value;
use syncer_core::{
    LogicalCluster, ObjectKey,
    condition::{Condition, Truth, known},
    event_reason::EventReason,
};

use super::Subject;
use crate::{
    events::{Events, Subject as EventSubject},
    own_objects::OwnObject,
    target_report::TargetReports,
};

/// Tells what has begun since `status` was written: after a restart nothing is told again that stands there.
pub(super) fn tell(events: &Events, subject: &Subject, object: &OwnObject, status: &Value, conditions: &[Condition]) {
    for condition in conditions {
        let Some(reason) = reason(condition) else { continue };
        let was = known(status, condition.kind).and_then(|known| known.get("status")?.as_str());
        if was != Some(condition.truth.as_str()) {
            events.tell(of(subject, object), reason, condition.message.clone());
        }
    }
}

/// Tells that another upstream answers.
pub(super) fn tell_replaced(events: &Events, subject: &Subject, object: &OwnObject, reports: &TargetReports) {
    if let Some((was, is)) = reports.replaced() {
        let note = format!(
            "another upstream answers under the address: it was {was} and is {is}; nothing is written or deleted, start anew to sync from it"
        );
        events.tell(of(subject, object), EventReason::UpstreamReplaced, note);
    }
}

/// Tells of the target's namespaces that are somebody else's and do not get what they were to have.
pub(super) fn tell_lacks(events: &Events, subject: &Subject, object: &OwnObject, reports: &TargetReports) {
    if let Some(note) = reports.untold_lacks(&subject.1) {
        events.tell(of(subject, object), EventReason::NamespaceNotOurs, note);
    }
}

/// The Event that says that a condition began.
fn reason(condition: &Condition) -> Option<EventReason> {
    match (condition.kind, condition.truth) {
        ("Reachable", Truth::False) => Some(EventReason::TargetUnreachable),
        ("MassDeletionHeld", Truth::True) => Some(EventReason::MassDeletionHeld),
        ("Shadowed", Truth::True) => Some(EventReason::Shadowed),
        ("TransformFailed", Truth::True) => Some(EventReason::TransformFailed),
        _ => None,
    }
}

fn of(subject: &Subject, object: &OwnObject) -> EventSubject {
    let resource = subject.0.schema().resource_type();
    EventSubject {
        key: ObjectKey {
            cluster: LogicalCluster::plain(),
            gvr: resource.gvr.clone(),
            namespace: "".into(),
            name: subject.1.clone(),
        },
        resource,
        uid: (*object.uid).into(),
    }
}
