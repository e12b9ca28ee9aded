//! When a status is written, and what of it.

use super::*;

fn patch(current: &Value, desired: &Value) -> Option<Value> {
    difference(current, desired, &Pruning::default()).map(Difference::into_patch)
}

#[test]
fn only_what_differs_is_written() {
    let cases = [
        (json!({}), json!({}), None),
        (Value::Null, json!({"replicas": 0, "conditions": []}), None),
        (
            json!({"conditions": [{"type": "A", "lastUpdateTime": null}]}),
            json!({"conditions": [{"type": "A"}]}),
            None,
        ),
        (json!({"loadBalancer": {}}), json!({}), None),
        (
            json!({"replicas": 1}),
            json!({"replicas": 2, "readyReplicas": 0}),
            Some(json!({"replicas": 2, "readyReplicas": 0})),
        ),
        (json!({"a": 1, "b": 2}), json!({"b": 2}), Some(json!({"a": null}))),
        (
            json!({"loadBalancer": {"ingress": [{"ip": "1"}]}}),
            json!({"loadBalancer": {}}),
            Some(json!({"loadBalancer": {"ingress": null}})),
        ),
        (
            json!({"list": [1, 2]}),
            json!({"list": [2, 1]}),
            Some(json!({"list": [2, 1]})),
        ),
        (Value::Null, json!({"phase": "Bound"}), Some(json!({"phase": "Bound"}))),
    ];
    for (current, desired, expected) in cases {
        assert_eq!(patch(&current, &desired), expected, "{current} to {desired}");
    }
}

#[test]
fn a_field_that_the_upstream_drops_is_written_a_few_times_and_no_more() {
    let (sent, kept) = (json!({"replicas": 1, "terminatingReplicas": 2}), json!({"replicas": 1}));
    let mut pruning = Pruning::default();
    for _ in 0..3 {
        assert!(difference(&kept, &sent, &pruning).is_some());
        pruning.learn(&sent, &kept);
    }
    assert!(difference(&kept, &sent, &pruning).is_none());
    let changed = json!({"replicas": 2, "terminatingReplicas": 2});
    assert!(difference(&kept, &changed, &pruning).is_some());
    // A zero that is left out was not dropped, and what was kept once is never taken for dropped.
    let mut pruning = Pruning::default();
    pruning.learn(&json!({"a": 1}), &json!({"a": 1}));
    for _ in 0..9 {
        pruning.learn(&json!({"a": 1, "b": 0}), &json!({}));
    }
    assert!(difference(&json!({}), &json!({"a": 1}), &pruning).is_some());
    assert!(difference(&json!({}), &json!({"b": 1}), &pruning).is_some());
}

#[test]
fn what_was_written_is_not_written_again() {
    let target = Target::of(StatusKind::Deployment, &complete(5));
    for targets in [1, 2, 5] {
        let first = whole(StatusKind::Deployment, 1, &Value::Null, vec![target.clone(); targets]);
        let second = whole(StatusKind::Deployment, 1, &first, vec![target.clone(); targets]);
        assert_eq!(patch(&first, &second), None);
    }
}
