//! JSON in few bytes: a status is kept per object and target, and most of its text is words of the API.

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

/// A JSON value in a compact form that is equal where the values are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Packed(Box<[u8]>);

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const SIGNED: u8 = 3;
const UNSIGNED: u8 = 4;
const FLOAT: u8 = 5;
const WORD: u8 = 6;
const TIME: u8 = 7;
const TEXT: u8 = 8;
const ARRAY: u8 = 9;
const OBJECT: u8 = 10;

/// The length of `2026-01-02T03:04:05Z`.
const TIME_LEN: usize = 20;

/// Words that statuses are made of, sorted. Only in memory: the list may change at any time.
const WORDS: [&str; 72] = [
    "AbleToScale",
    "Available",
    "Bound",
    "Complete",
    "Deployment does not have minimum availability.",
    "Deployment has minimum availability.",
    "DisruptionAllowed",
    "Failed",
    "FailedCreate",
    "False",
    "MinimumReplicasAvailable",
    "MinimumReplicasUnavailable",
    "NewReplicaSetAvailable",
    "NewReplicaSetCreated",
    "Pending",
    "ProgressDeadlineExceeded",
    "Progressing",
    "Ready",
    "ReplicaFailure",
    "ReplicaSetUpdated",
    "ScalingActive",
    "ScalingLimited",
    "SuccessCriteriaMet",
    "True",
    "Unknown",
    "accessModes",
    "active",
    "availableReplicas",
    "capacity",
    "collisionCount",
    "completionTime",
    "conditions",
    "currentHealthy",
    "currentNumberScheduled",
    "currentReplicas",
    "currentRevision",
    "desiredHealthy",
    "desiredNumberScheduled",
    "desiredReplicas",
    "disruptionsAllowed",
    "expectedPods",
    "failed",
    "hostname",
    "ingress",
    "ip",
    "ipMode",
    "lastScheduleTime",
    "lastSuccessfulTime",
    "lastTransitionTime",
    "lastUpdateTime",
    "loadBalancer",
    "message",
    "numberAvailable",
    "numberMisscheduled",
    "numberReady",
    "numberUnavailable",
    "observedGeneration",
    "phase",
    "port",
    "protocol",
    "ready",
    "readyReplicas",
    "reason",
    "replicas",
    "startTime",
    "status",
    "succeeded",
    "type",
    "unavailableReplicas",
    "updateRevision",
    "updatedNumberScheduled",
    "updatedReplicas",
];

/// Reads what [`Packed::of`] wrote.
struct Reader<'a>(&'a [u8]);

// === impl Packed ===

impl Packed {
    /// `value` in compact form.
    pub fn of(value: &Value) -> Self {
        let mut out = Vec::new();
        write(&mut out, value);
        Self(out.into())
    }

    /// The value again.
    pub fn unpack(&self) -> Value {
        // The bytes come from `of` alone.
        Reader(&self.0).value().unwrap_or(Value::Null)
    }

    /// The bytes: equal where the values are, and of no meaning elsewhere.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is no bytes at all, which no value is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The size only: a status may be long.
impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({} bytes)", self.0.len())
    }
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push(ARRAY);
            write_varint(out, items.len() as u64);
            for item in items {
                write(out, item);
            }
        }
        Value::Object(map) => {
            out.push(OBJECT);
            write_varint(out, map.len() as u64);
            // Spelled out: a feature of `serde_json` that any dependency may switch on changes the order of a map.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in entries {
                write_text(out, key);
                write(out, value);
            }
        }
    }
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    if let Some(signed) = number.as_i64() {
        out.push(SIGNED);
        write_varint(out, zigzag(signed));
        return;
    }
    if let Some(unsigned) = number.as_u64() {
        out.push(UNSIGNED);
        write_varint(out, unsigned);
        return;
    }
    out.push(FLOAT);
    let float = number.as_f64().unwrap_or_default();
    out.extend_from_slice(&float.to_bits().to_le_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    if let Ok(word) = WORDS.binary_search(&text)
        && let Ok(word) = u8::try_from(word)
    {
        out.extend_from_slice(&[WORD, word]);
        return;
    }
    if let Some(seconds) = seconds(text) {
        out.push(TIME);
        write_varint(out, zigzag(seconds));
        return;
    }
    out.push(TEXT);
    write_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// The seconds of a time that reads exactly as they would be written.
fn seconds(text: &str) -> Option<i64> {
    if text.len() != TIME_LEN || !text.ends_with('Z') {
        return None;
    }
    let time: Timestamp = text.parse().ok()?;
    (time.to_string() == text).then(|| time.as_second())
}

fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

fn zigzag(number: i64) -> u64 {
    (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

// === impl Reader ===

impl Reader<'_> {
    fn value(&mut self) -> Option<Value> {
        Some(match self.byte()? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            SIGNED => unzigzag(self.varint()?).into(),
            UNSIGNED => self.varint()?.into(),
            FLOAT => {
                let bits = u64::from_le_bytes(*self.0.split_first_chunk().map(|(bits, rest)| {
                    self.0 = rest;
                    bits
                })?);
                f64::from_bits(bits).into()
            }
            ARRAY => {
                let count = self.varint()?;
                Value::Array((0..count).map(|_| self.value()).collect::<Option<_>>()?)
            }
            OBJECT => {
                let count = self.varint()?;
                let mut map = Map::new();
                for _ in 0..count {
                    let tag = self.byte()?;
                    let key = self.text(tag)?;
                    map.insert(key, self.value()?);
                }
                Value::Object(map)
            }
            tag => Value::String(self.text(tag)?),
        })
    }

    fn text(&mut self, tag: u8) -> Option<String> {
        match tag {
            WORD => WORDS.get(usize::from(self.byte()?)).map(|word| (*word).to_owned()),
            TIME => {
                let seconds = unzigzag(self.varint()?);
                Timestamp::from_second(seconds).ok().map(|time| time.to_string())
            }
            TEXT => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (text, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                String::from_utf8(text.to_vec()).ok()
            }
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_are_sorted_so_that_they_are_found() {
        assert!(WORDS.is_sorted());
    }

    #[test]
    fn a_deployments_status_takes_a_third_of_its_text() {
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({"type": kind, "status": "True", "reason": reason, "message": message,
                "lastTransitionTime": "2026-11-23T12:00:00Z", "lastUpdateTime": "2026-11-23T12:00:00Z"})
        };
        let status = json!({"observedGeneration": 3, "replicas": 5, "updatedReplicas": 5, "readyReplicas": 5, "availableReplicas": 5,
        "conditions": [
            condition("Available", "MinimumReplicasAvailable", "Deployment has minimum availability."),
            condition("Progressing", "NewReplicaSetAvailable", "ReplicaSet \"web-6c8f\" has successfully progressed."),
        ]});
        let packed = Packed::of(&status);
        assert!(
            packed.len() * 3 < status.to_string().len(),
            "{packed:?} of {}",
            status.to_string().len()
        );
        assert_eq!(packed.unpack(), status);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
            prop::sample::select(&WORDS[..]).prop_map(Value::from),
            (-5_000_000_000_i64..5_000_000_000)
                .prop_map(|seconds| Timestamp::from_second(seconds).unwrap().to_string().into()),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z]{0,12}|status|2026-11-23T12:00:00Z", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(value in json()) {
            prop_assert_eq!(Packed::of(&value).unpack(), value);
        }
    }
}
