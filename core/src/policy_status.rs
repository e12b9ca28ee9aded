//! The status of a SyncPolicy: what its author sees of it.

mod counts;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use self::counts::Counts;
use crate::{
    condition::{self, Condition, Severity, Truth},
    target_status::Standing,
};

/// What there is to say of a policy.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What became of its object.
    pub standing: Standing,
    /// The generation of its object.
    pub generation: i64,
    /// Where another policy decides about objects that it selects too, in a sentence; none where it decides about all.
    pub shadowed: Option<String>,
    /// How many objects its transforms fail for, and how for one of them.
    pub failing: Option<(u64, String)>,
    /// How its objects stand, each counted once per target; none while nobody knows of which targets.
    pub objects: Option<Counts>,
}

/// What its status states: whether it can be used, whether another one stands before it, whether its transforms fail.
pub fn conditions(facts: &Facts) -> Vec<Condition> {
    let ready = match &facts.standing {
        Standing::Used => Condition::good("Ready", "InUse"),
        Standing::Refused { reason, message } => Condition::bad("Ready", Severity::Error, reason, message),
    };
    let shadowed = match &facts.shadowed {
        None => Condition::good("Shadowed", "Decides").being(Truth::False),
        Some(how) => Condition::bad("Shadowed", Severity::Info, "AnotherPolicyDecides", how).being(Truth::True),
    };
    let failed = match &facts.failing {
        None => Condition::good("TransformFailed", "NoneFails").being(Truth::False),
        Some((count, how)) => {
            let message = format!("{count} objects stay as they went down last; such as: {how}");
            Condition::bad("TransformFailed", Severity::Error, "Failed", message).being(Truth::True)
        }
    };
    vec![ready, shadowed, failed]
}

/// The status that says `facts` at `now`; `known` is what stands there.
pub fn status(facts: &Facts, known: &Value, now: Timestamp) -> Value {
    let mut status = Map::new();
    let conditions = conditions(facts);
    status.insert(
        "conditions".into(),
        condition::written(&conditions, known, facts.generation, now),
    );
    // What this process has not learned is not unsaid.
    let objects = facts.objects.map(Counts::written);
    if let Some(objects) = objects.or_else(|| known.get("objects").cloned()) {
        status.insert("objects".into(), objects);
    }
    Value::Object(status)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object_state::{ObjectCounts, ObjectState};

    fn said(facts: &Facts, kind: &str) -> (String, String) {
        let status = status(facts, &Value::Null, Timestamp::UNIX_EPOCH);
        let condition = condition::known(&status, kind).unwrap().clone();
        let text = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"))
    }

    #[test]
    fn a_policy_says_whether_it_counts_and_whether_it_works() {
        let wrong = Facts {
            standing: Standing::Refused {
                reason: "Invalid",
                message: "spec.transforms[0]: no".into(),
            },
            shadowed: Some("policy web decides on target east".into()),
            failing: Some((3, "no such field".into())),
            ..Facts::default()
        };
        let cases = [
            ("Ready", ("True", "InUse"), ("False", "Invalid")),
            ("Shadowed", ("False", "Decides"), ("True", "AnotherPolicyDecides")),
            ("TransformFailed", ("False", "NoneFails"), ("True", "Failed")),
        ];
        for (kind, well, bad) in cases {
            let (status, reason) = said(&Facts::default(), kind);
            assert_eq!((&*status, &*reason), well);
            let (status, reason) = said(&wrong, kind);
            assert_eq!((&*status, &*reason), bad);
        }
    }

    #[test]
    fn its_objects_are_counted_by_how_they_stand() {
        let stand = [
            ObjectState::Synced,
            ObjectState::Pending,
            ObjectState::Failed,
            ObjectState::Held,
        ];
        let facts = Facts {
            objects: Some(Counts::of(&ObjectCounts::from_iter(stand))),
            ..Facts::default()
        };
        let said = status(&facts, &Value::Null, Timestamp::UNIX_EPOCH);
        let expected = json!({"selected": 3, "synced": 1, "failed": 1, "conflicted": 0});
        assert_eq!(said["objects"], expected);
        let begun = status(&Facts::default(), &said, Timestamp::UNIX_EPOCH);
        assert_eq!(begun["objects"], expected, "what is not learned yet is not unsaid");
    }
}
