//! What holds whatever targets report.

use proptest::prelude::*;

use super::*;

const KINDS: [StatusKind; 11] = [
    StatusKind::Deployment,
    StatusKind::StatefulSet,
    StatusKind::DaemonSet,
    StatusKind::Job,
    StatusKind::CronJob,
    StatusKind::Service,
    StatusKind::Ingress,
    StatusKind::PersistentVolumeClaim,
    StatusKind::PodDisruptionBudget,
    StatusKind::HorizontalPodAutoscaler,
    StatusKind::Other,
];

fn part() -> impl Strategy<Value = Value> {
    let condition = (
        prop::sample::select(vec!["Available", "Progressing", "ReplicaFailure", "Failed", "Complete"]),
        prop::sample::select(vec!["True", "False", "Unknown"]),
        "[a-c]{1,2}",
    )
        .prop_map(|(kind, status, message)| json!({"type": kind, "status": status, "reason": "R", "message": message}));
    (0_i64..4, 0_i64..4, prop::collection::vec(condition, 0..4), "10\\.0\\.0\\.[1-4]").prop_map(
        |(observed, count, conditions, ip)| {
            json!({"observedGeneration": observed, "replicas": count, "updatedReplicas": count, "availableReplicas": count,
                "active": [{"name": ip}], "phase": "Bound", "conditions": conditions, "startTime": "2026-11-23T10:00:00Z",
                "loadBalancer": {"ingress": [{"ip": ip}]}})
        },
    )
}

fn target() -> impl Strategy<Value = Target> {
    (part(), 1_i64..4, any::<bool>(), any::<bool>(), 0_i64..700).prop_map(
        |(part, generation, current, there, silence)| {
            let mut target = Target::with(StatusKind::Deployment, generation, &json!({"replicas": 2}), &part);
            if !current {
                target = target.behind();
            }
            if silence > 200 {
                target = target.silent_for(silence);
            }
            if !there {
                target.part = None;
            }
            target
        },
    )
}

fn targets() -> impl Strategy<Value = Vec<Target>> {
    prop::collection::vec(target(), 1..=5).prop_map(named)
}

proptest! {
    #[test]
    fn the_order_of_the_targets_does_not_matter(
        kind in prop::sample::select(&KINDS[..]), targets in targets(), current in part(), turn in 0_usize..5
    ) {
        let mut turned = targets.clone();
        turned.rotate_left(turn % targets.len());
        turned.reverse();
        prop_assert_eq!(verdict(kind, 2, &current, &targets), verdict(kind, 2, &current, &turned));
    }

    #[test]
    fn a_status_that_was_written_is_settled(
        kind in prop::sample::select(&KINDS[..]), targets in targets(), current in part()
    ) {
        let Verdict::Status(first) = verdict(kind, 2, &current, &targets) else { return Ok(()) };
        let Verdict::Status(second) = verdict(kind, 2, &first, &targets) else { return Ok(()) };
        prop_assert_eq!(difference(&first, &second, &Pruning::default()), None);
    }

    #[test]
    fn counters_are_the_sums_of_those_that_count(targets in targets()) {
        let Verdict::Status(shown) = verdict(StatusKind::Deployment, 2, &Value::Null, &targets) else { return Ok(()) };
        let counts = |target: &&Target| !matches!(target.voice, Voice::Silent { since } if since <= ago(300));
        let counted: Vec<_> = targets.iter().filter(counts).collect();
        prop_assume!(!counted.is_empty());
        let sum: i64 = counted
            .iter()
            .filter_map(|target| target.part.as_ref()?.status()["replicas"].as_i64())
            .sum();
        prop_assert_eq!(shown.get("replicas").and_then(Value::as_i64).unwrap_or_default(), sum);
    }

    #[test]
    fn a_generation_never_runs_ahead_of_a_target(targets in targets(), shown in 0_i64..2) {
        let current = json!({"observedGeneration": shown});
        let Verdict::Status(status) = verdict(StatusKind::Deployment, 2, &current, &targets) else { return Ok(()) };
        let observed = observed::observed(&status);
        let counts = |target: &&Target| !matches!(target.voice, Voice::Silent { since } if since <= ago(300));
        let lags = |target: &Target| match &target.part {
            None => true,
            Some(part) => target.spec == SpecState::Behind || observed::observed(&part.status()) < part.generation(),
        };
        if targets.iter().filter(counts).any(lags) {
            prop_assert!(observed <= shown, "{observed}");
        }
    }

    #[test]
    fn a_patch_makes_one_status_into_the_other(current in part(), desired in part()) {
        let mut patched = current.clone();
        if let Some(difference) = difference(&current, &desired, &Pruning::default()) {
            merge(&mut patched, &difference.into_patch());
        }
        prop_assert_eq!(difference(&patched, &desired, &Pruning::default()), None);
    }
}

/// RFC 7396, spelled out.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
