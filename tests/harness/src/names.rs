//! The target key, computed a second time and independently of the product, as an oracle for tests.

use sha2::{Digest, Sha224};

const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The key of the target `name`: base 62 of the SHA-224 of `<cluster>:<name>`, where the cluster of a target that comes
/// from an option is the upstream id.
pub fn target_key(cluster: &str, name: &str) -> String {
    let mut number = Sha224::digest(format!("{cluster}:{name}").as_bytes()).to_vec();
    let mut digits: Vec<u8> = Vec::new();
    // Long division by 62, most significant byte first, until nothing is left.
    while number.iter().any(|byte| *byte != 0) {
        let mut rest = 0_usize;
        for byte in &mut number {
            let value = rest * 256 + usize::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        digits.extend(ALPHABET.get(rest));
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_one_of_the_former_syncer() {
        assert_eq!(
            target_key("root:org:ws", "us-west1"),
            "6ohB8yeXhwqTQVuBzJRgqcRJTpRjX7yTZu5g5g"
        );
    }
}
