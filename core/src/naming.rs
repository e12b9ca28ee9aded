//! Names and keys, wire-compatible with kcp's former TMC syncer: whoever knows those objects can read ours.

mod inherited;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha224};

pub use self::inherited::{Inheritance, Inherited};
use crate::finalizer;

const BASE62: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// How many characters of the hash a hashed namespace carries behind `kcp-`.
const HASHED_NAMESPACE_LENGTH: usize = 12;

/// The key of a target in labels and finalizers: base62 of SHA-224 over `<cluster>:<name>`.
///
/// `cluster` is the logical cluster of the SyncTarget, or the upstream id for a target that comes from a file or a
/// plain cluster, so that two upstreams never share a key.
pub fn target_key(cluster: &str, name: &str) -> String {
    digits(&sha224(&format!("{cluster}:{name}")), BASE62)
}

/// The finalizer that holds an upstream object until it has left the target of `target_key`.
pub fn finalizer(target_key: &str) -> String {
    format!("{}{target_key}", finalizer::PREFIX)
}

/// Which upstream namespace a downstream namespace was made for; kept as an annotation of the latter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceLocator {
    /// The target that the namespace was made on.
    #[serde(rename = "syncTarget")]
    pub sync_target: SyncTargetLocator,
    /// The logical cluster of the namespace; empty for a plain upstream.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The name of the upstream namespace.
    pub namespace: String,
}

/// The SyncTarget in a [`NamespaceLocator`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SyncTargetOnTheWire")]
pub struct SyncTargetLocator {
    /// The logical cluster of the SyncTarget.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// Its UID; empty for a target that is no object.
    pub uid: String,
}

/// The present form and the old one, which carried `path` instead of `cluster`.
#[derive(Deserialize)]
struct SyncTargetOnTheWire {
    #[serde(default)]
    cluster: String,
    #[serde(default)]
    path: String,
    name: String,
    uid: String,
}

impl From<SyncTargetOnTheWire> for SyncTargetLocator {
    fn from(wire: SyncTargetOnTheWire) -> Self {
        let cluster = if wire.cluster.is_empty() {
            wire.path
        } else {
            wire.cluster
        };
        Self {
            cluster,
            name: wire.name,
            uid: wire.uid,
        }
    }
}

// === impl NamespaceLocator ===

impl NamespaceLocator {
    /// Reads the annotation; tolerates white space, unknown fields and the old form.
    pub fn parse(annotation: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(annotation)
    }

    /// The compact JSON that is stored, hashed and compared.
    pub fn canonical(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The name of the downstream namespace under the mapping `Hashed`.
    pub fn hashed_namespace(&self) -> Result<String, serde_json::Error> {
        let hash = sha224(&self.canonical()?);
        let leading_zeros = hash.iter().take_while(|byte| **byte == 0).count();
        let mut name = "0".repeat(leading_zeros) + &digits(&hash, BASE36);
        name.truncate(HASHED_NAMESPACE_LENGTH);
        Ok(format!("kcp-{name}"))
    }
}

fn sha224(text: &str) -> [u8; 28] {
    Sha224::digest(text.as_bytes()).into()
}

/// `number`, read as a big-endian integer, in the digits of `alphabet`, without leading zeros.
fn digits<const BASE: usize>(number: &[u8; 28], alphabet: &[u8; BASE]) -> String {
    let base = u32::try_from(BASE).unwrap_or(u32::MAX);
    let mut quotient = number.to_vec();
    let mut reversed = Vec::new();
    while quotient.iter().any(|byte| *byte != 0) {
        let remainder = divide(&mut quotient, base);
        let digit = usize::try_from(remainder).ok().and_then(|index| alphabet.get(index));
        reversed.push(char::from(digit.copied().unwrap_or(b'0')));
    }
    reversed.iter().rev().collect()
}

/// Divides a big-endian integer in place and returns the remainder.
fn divide(number: &mut [u8], divisor: u32) -> u32 {
    number.iter_mut().fold(0, |remainder, byte| {
        let dividend = remainder << 8 | u32::from(*byte);
        *byte = u8::try_from(dividend / divisor).unwrap_or(u8::MAX);
        dividend % divisor
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locator(namespace: &str) -> NamespaceLocator {
        NamespaceLocator {
            sync_target: SyncTargetLocator {
                cluster: "root:org:ws".into(),
                name: "us-west1".into(),
                uid: "syncTargetUID".into(),
            },
            cluster: "root:org:ws".into(),
            namespace: namespace.into(),
        }
    }

    #[test]
    fn a_target_key_is_that_of_the_former_syncer() {
        assert_eq!(
            target_key("root:org:ws", "us-west1"),
            "6ohB8yeXhwqTQVuBzJRgqcRJTpRjX7yTZu5g5g"
        );
        assert_eq!(finalizer("6ohB"), "workload.kcp.io/syncer-6ohB");
    }

    #[test]
    fn a_hashed_namespace_is_that_of_the_former_syncer() {
        assert_eq!(locator("test").hashed_namespace().unwrap(), "kcp-33jbiactwhg0");
    }

    #[test]
    fn a_leading_zero_byte_of_the_hash_is_a_leading_zero() {
        assert_eq!(locator("ns-116").hashed_namespace().unwrap(), "kcp-0fqty0laur8i");
    }

    #[test]
    fn a_locator_keeps_its_field_order_and_leaves_out_empty_clusters() {
        let mut plain = locator("test");
        assert_eq!(
            plain.canonical().unwrap(),
            r#"{"syncTarget":{"cluster":"root:org:ws","name":"us-west1","uid":"syncTargetUID"},"cluster":"root:org:ws","namespace":"test"}"#
        );
        plain.cluster.clear();
        plain.sync_target.cluster.clear();
        assert_eq!(
            plain.canonical().unwrap(),
            r#"{"syncTarget":{"name":"us-west1","uid":"syncTargetUID"},"namespace":"test"}"#
        );
    }

    #[test]
    fn reading_tolerates_white_space_unknown_fields_and_the_old_form() {
        let old = r#"{ "syncTarget": {"path":"root:org:ws", "name":"us-west1","uid":"syncTargetUID", "x":1},
            "cluster":"root:org:ws","namespace":"test","more":{} }"#;
        assert_eq!(NamespaceLocator::parse(old).unwrap(), locator("test"));
        let both = r#"{"syncTarget":{"cluster":"a","path":"b","name":"n","uid":"u"},"namespace":"test"}"#;
        assert_eq!(NamespaceLocator::parse(both).unwrap().sync_target.cluster, "a");
    }

    #[test]
    fn an_annotation_that_is_no_locator_is_an_error() {
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"syncTarget":{},"namespace":"x"}"#,
            r#"{"namespace":"x"}"#,
        ] {
            assert!(NamespaceLocator::parse(bad).is_err(), "{bad}");
        }
    }
}
