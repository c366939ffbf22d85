//! [`UserKey`]: turns the ids of users into pseudonyms.

use crate::text::Text;
use std::fmt;
use std::hash::Hasher;

/// A secret that ids of users are hashed with, so that records tell users apart and not who they are.
///
/// The hash is SipHash-2-4 (Aumasson and Bernstein, <https://www.aumasson.jp/siphash/>), a keyed function: without the
/// secret nobody can try names against pseudonyms. The same secret gives the same pseudonyms, in every process.
///
/// ```
/// use jobmon_core::UserKey;
///
/// let key = UserKey::new("8f14e45fceea167a5a36dedd4bea2543").expect("long enough");
/// let (anna, again) = (key.pseudonym("anna@example.com"), key.pseudonym("anna@example.com"));
/// assert_eq!(anna, again);
/// assert!(!anna.contains("anna") && anna != key.pseudonym("ben@example.com"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UserKey([u64; 2]);

/// Bytes that a secret has at least.
const SHORTEST: usize = 16;

impl UserKey {
    /// A key of a secret text of at least 16 bytes, such as the output of `openssl rand -hex 16`; `None` where it is
    /// shorter.
    pub fn new(secret: &str) -> Option<Self> {
        let part = |number: u64| hash([number, number], secret.as_bytes());
        (secret.len() >= SHORTEST).then(|| Self([part(0), part(1)]))
    }

    /// Whether a text has the form of a pseudonym: who sent it has hashed it already.
    pub(crate) fn has_made(user: &str) -> bool {
        user.strip_prefix("u-")
            .is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// What stands for a user: `u-` and 16 hexadecimal digits. One allocation.
    pub fn pseudonym(&self, user: &str) -> Text {
        Text::from(format!("u-{:016x}", hash(self.0, user.as_bytes())))
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserKey(..)")
    }
}

#[expect(deprecated, reason = "the one hash of the standard library that takes a key")]
fn hash([k0, k1]: [u64; 2], bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::SipHasher::new_with_keys(k0, k1);
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // SipHash-2-4, appendix A of the paper: key 00 01 .. 0f, message 00 01 .. 0e.
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(hash(key, &message), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn secrets_are_long_and_stay_secret() {
        assert_eq!(UserKey::new("too short"), None);
        let key = UserKey::new("0123456789abcdef").expect("long enough");
        assert_eq!(format!("{key:?}"), "UserKey(..)");
        assert_ne!(key.pseudonym("a"), UserKey::new("0123456789abcdeF").expect("long enough").pseudonym("a"));
    }
}
