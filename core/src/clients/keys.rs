//! API keys. They are kept and compared as digests, so that neither the time of a comparison nor the memory reveals a
//! key.

use crate::settings::KeySettings;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The longest key that is checked.
pub const KEY_BYTES_MAX: usize = 1024;

/// Returns the SHA-256 digest of a key.
pub fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Returns a short text that tells the keys with these digests apart. It reveals nothing of the key.
pub(crate) fn tag(digest: &[u8; 32]) -> String {
    Sha256::digest(digest)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the settings of a key. The search compares every key, so that its time does not reveal which one matched.
pub fn find<'k>(keys: &'k [KeySettings], presented: &str) -> Option<&'k KeySettings> {
    if presented.len() > KEY_BYTES_MAX {
        return None;
    }
    find_digest(keys, &digest(presented))
}

/// Returns the settings of the key with this digest, in the same time whichever key matches.
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
        let key = |text: &str| KeySettings::new(digest(text), text.to_uppercase(), Permissions::ALL);
        let keys = [key("one"), key("two")];
        assert_eq!(find(&keys, "two").map(|key| key.mud_name.as_str()), Some("TWO"));
        assert!(find(&keys, "tw").is_none());
        assert!(find(&keys, "").is_none());
        assert!(find(&keys, &"x".repeat(KEY_BYTES_MAX + 1)).is_none());
    }
}
