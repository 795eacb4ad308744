//! API keys: kept and compared as digests, so that neither time nor memory tells one.

use crate::settings::KeySettings;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The longest key that is looked at.
pub const KEY_BYTES_MAX: usize = 1024;

/// The SHA-256 digest of a key.
pub fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// The settings of the key, looking at every one so that the time does not tell which it is.
pub fn find<'k>(keys: &'k [KeySettings], presented: &str) -> Option<&'k KeySettings> {
    if presented.len() > KEY_BYTES_MAX {
        return None;
    }
    find_digest(keys, &digest(presented))
}

/// The settings of the key with that digest, in the same way.
pub fn find_digest<'k>(keys: &'k [KeySettings], presented: &[u8; 32]) -> Option<&'k KeySettings> {
    let mut found = None;
    for key in keys {
        if bool::from(key.digest.ct_eq(presented)) {
            found = Some(key);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Permissions;

    #[test]
    fn a_key_is_found_by_its_digest_only() {
        let key = |text: &str| KeySettings {
            digest: digest(text),
            mud_name: text.to_uppercase(),
            permissions: Permissions::ALL,
            requests_per_minute: None,
        };
        let keys = [key("one"), key("two")];
        assert_eq!(find(&keys, "two").map(|key| key.mud_name.as_str()), Some("TWO"));
        assert!(find(&keys, "tw").is_none());
        assert!(find(&keys, "").is_none());
        assert!(find(&keys, &"x".repeat(KEY_BYTES_MAX + 1)).is_none());
    }
}
