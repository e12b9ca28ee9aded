//! The key under which hashes over Secrets are made: without it a guess at a value could be checked offline (S8).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::marker::PayloadHash;

/// A secret key for hashes, and a name for it that tells nothing about it.
#[derive(Clone)]
pub struct HashKey {
    mac: Hmac<Sha256>,
    id: Box<str>,
}

// === impl HashKey ===

impl HashKey {
    /// The key made of `secret`, of any length.
    pub fn new(secret: &[u8]) -> Self {
        let mac = keyed(secret);
        // The name is itself a hash under the key: two processes with one key agree on it, and nobody can go back.
        let name = mac.clone().chain_update(b"tmc-syncer hash key").finalize().into_bytes();
        let id = name
            .iter()
            .take(4)
            .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        Self {
            mac,
            id: format!("{id:08x}").into(),
        }
    }

    /// What the annotation names the key by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash over `parts`, each with its length before it.
    pub fn hash<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> PayloadHash {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        let hash = mac.finalize().into_bytes();
        let first = hash
            .iter()
            .take(16)
            .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        PayloadHash(first)
    }
}

/// HMAC takes keys of any length; a key that it refused would be an empty one's equal, never a panic.
fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
}

/// Its name only (S8).
impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HashKey").field(&self.id).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart() {
        let key = HashKey::new(b"k");
        assert_ne!(key.hash(["ab", "c"]), key.hash(["a", "bc"]));
        assert_eq!(key.hash(["ab", "c"]), key.hash(["ab", "c"]));
    }

    #[test]
    fn the_name_tells_keys_apart_and_nothing_else() {
        let (one, other) = (HashKey::new(b"password one"), HashKey::new(b"password other"));
        assert_ne!(one.id(), other.id());
        assert_eq!(one.id(), HashKey::new(b"password one").id());
        assert_eq!(one.id().len(), 8);
        assert!(!format!("{one:?}").contains("password"));
    }
}
