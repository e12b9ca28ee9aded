//! What differs between two servers.

use serde_json::Value;

use crate::run::Entry;

/// The most differences of one step that are shown.
const SHOWN: usize = 8;

/// What differs, in words; nothing where the two did the same.
pub(crate) fn differences(sandbox: &[Entry], real: &[Entry]) -> Vec<String> {
    let mut found = Vec::new();
    if sandbox.len() != real.len() {
        found.push(format!("{} steps and {}", sandbox.len(), real.len()));
    }
    for (own, other) in sandbox.iter().zip(real) {
        let mut differences = Vec::new();
        if own.answer.status != other.answer.status {
            differences.push(format!(
                "status: sandbox {}, real {}",
                own.answer.status, other.answer.status
            ));
        }
        walk("", &own.answer.body, &other.answer.body, &mut differences);
        let hidden = differences.len().saturating_sub(SHOWN);
        differences.truncate(SHOWN);
        if hidden > 0 {
            differences.push(format!("and {hidden} more"));
        }
        found.extend(
            differences
                .into_iter()
                .map(|difference| format!("{}: {difference}", other.request)),
        );
    }
    found
}

fn walk(path: &str, own: &Value, other: &Value, found: &mut Vec<String>) {
    match (own, other) {
        (Value::Object(own), Value::Object(other)) => {
            let mut keys: Vec<&String> = own.keys().chain(other.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = format!("{path}/{key}");
                match (own.get(key), other.get(key)) {
                    (Some(own), Some(other)) => walk(&path, own, other, found),
                    (Some(own), None) => found.push(format!("{path}: sandbox {own}, real nothing")),
                    (None, other) => found.push(format!(
                        "{path}: sandbox nothing, real {}",
                        other.unwrap_or(&Value::Null)
                    )),
                }
            }
        }
        (Value::Array(own), Value::Array(other)) if own.len() == other.len() => {
            for (index, (own, other)) in own.iter().zip(other).enumerate() {
                walk(&format!("{path}/{index}"), own, other, found);
            }
        }
        (own, other) if own != other => found.push(format!("{path}: sandbox {own}, real {other}")),
        _ => {}
    }
}

#[test]
fn a_difference_in_status_value_or_length_is_found() {
    use serde_json::json;

    use crate::server::Answer;

    let entry = |status: u16, body: Value| Entry {
        request: "GET /a".to_owned(),
        answer: Answer { status, body },
    };
    let own = entry(200, json!({"a": 1, "l": [1, 2], "own": true}));
    assert_eq!(
        differences(std::slice::from_ref(&own), std::slice::from_ref(&own)),
        Vec::<String>::new()
    );
    let found = differences(&[own], &[entry(201, json!({"a": 2, "l": [1], "other": true}))]);
    let expected = [
        "GET /a: status: sandbox 200, real 201",
        "GET /a: /a: sandbox 1, real 2",
        "GET /a: /l: sandbox [1,2], real [1]",
        "GET /a: /other: sandbox nothing, real true",
        "GET /a: /own: sandbox true, real nothing",
    ];
    assert_eq!(found, expected);
}
