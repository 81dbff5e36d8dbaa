//! Recovery codes (NIST SP 800-63B-4 §3.1.2 and §4.2.1.1): ten codes of 80 random bits, shown once.
//!
//! Each is kept as Argon2id with a salt of its own, as §3.1.2 asks of look-up secrets under 112 bits.
//! The hash is cheaper than a password's: 80 random bits cannot be searched at any price per guess,
//! while a dear hash would make every attempt cost ten of them, and hand strangers a way to burn the
//! server's processors.

use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::events::RecoveryCodeHash;
use super::password::{self, HashError, PasswordParams, SHORTEST_SALT};
use crate::protected::Protected;

/// Codes in a set.
pub const CODES: u8 = 10;
/// Random bytes of a code: 80 bits.
const BYTES: usize = 10;
/// Characters of a code, five bits each.
const CHARACTERS: usize = 16;
/// Characters between hyphens.
const GROUP: usize = 4;
/// Crockford's base 32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A recovery code as it is shown, once. It never prints by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct NewRecoveryCode {
    /// 1 to 10, printed beside the code.
    pub number: u8,
    /// `XXXX-XXXX-XXXX-XXXX`.
    pub code: Protected,
}

impl std::fmt::Debug for NewRecoveryCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "recovery code {} [protected]", self.number)
    }
}

/// A new set of codes.
pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Vec<NewRecoveryCode> {
    (1..=CODES)
        .map(|number| {
            let mut bytes = [0_u8; BYTES];
            rng.fill_bytes(&mut bytes);
            let code = NewRecoveryCode { number, code: Protected::new(write(&bytes)) };
            bytes.zeroize();
            code
        })
        .collect()
}

/// Ten bytes as four groups of four characters.
fn write(bytes: &[u8; BYTES]) -> String {
    let value = bytes.iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
    let mut text = String::with_capacity(CHARACTERS + CHARACTERS / GROUP);
    for index in 0..CHARACTERS {
        if index > 0 && index % GROUP == 0 {
            text.push('-');
        }
        let five_bits = (value >> (5 * (CHARACTERS - 1 - index))) & 31;
        let character = usize::try_from(five_bits).ok().and_then(|five_bits| ALPHABET.get(five_bits));
        text.push(character.map_or('0', |character| char::from(*character)));
    }
    text
}

/// What was typed, as sixteen characters of the alphabet: upper case, O as 0, I and L as 1, without
/// spaces and hyphens of any kind. `None` if it cannot be a code.
pub fn parse(typed: &str) -> Option<Zeroizing<String>> {
    let mut code = Zeroizing::new(String::with_capacity(CHARACTERS));
    for c in typed.chars() {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '_' | '.' => continue,
            c if c.is_whitespace() => continue,
            c => c,
        };
        if code.len() == CHARACTERS || !c.is_ascii() || !ALPHABET.iter().any(|a| char::from(*a) == c) {
            return None;
        }
        code.push(c);
    }
    (code.len() == CHARACTERS).then_some(code)
}

/// The hashes that the account keeps of the codes.
pub fn hash(
    codes: &[NewRecoveryCode],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<RecoveryCodeHash>, HashError> {
    codes
        .iter()
        .map(|code| {
            let mut salt = [0_u8; SHORTEST_SALT];
            rng.fill_bytes(&mut salt);
            let canonical = parse(code.code.expose()).unwrap_or_default();
            let hash = password::hash(&canonical, &salt, PasswordParams::for_random_codes())?;
            Ok(RecoveryCodeHash { number: code.number, hash })
        })
        .collect()
}

/// The number of the code that was typed. Costs the same whether none, the first or the last matches,
/// whether it can be a code at all, and whether there are any codes.
pub fn find<'a>(typed: &str, hashes: impl IntoIterator<Item = &'a RecoveryCodeHash>) -> Option<u8> {
    search(typed, hashes).0
}

/// What [`find`] finds, and how many hashes it took.
fn search<'a>(typed: &str, hashes: impl IntoIterator<Item = &'a RecoveryCodeHash>) -> (Option<u8>, u8) {
    let parsed = parse(typed);
    let candidate = parsed.as_ref().map_or("", |code| code.as_str());
    let (mut found, mut computed) = (None, 0_u8);
    for code in hashes {
        let matches = password::verify(&code.hash, candidate) && parsed.is_some();
        found = found.or(matches.then_some(code.number));
        computed = computed.saturating_add(1);
    }
    while computed < CODES {
        // The salt is of the usual length and the answer of no interest: only the work counts.
        let work = password::hash(candidate, &[0_u8; SHORTEST_SALT], PasswordParams::for_random_codes());
        std::hint::black_box(work.is_ok());
        computed = computed.saturating_add(1);
    }
    (found, computed)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn every_search_computes_as_many_hashes() {
        let codes = generate(&mut ChaCha20Rng::seed_from_u64(1));
        let hashes = hash(&codes, &mut ChaCha20Rng::seed_from_u64(2)).expect("hashes");
        let first = codes[0].code.expose();
        assert_eq!(search(first, &hashes), (Some(1), CODES));
        assert_eq!(search(codes[9].code.expose(), &hashes), (Some(10), CODES));
        assert_eq!(search("0000-0000-0000-0000", &hashes), (None, CODES));
        assert_eq!(search("no code at all", &hashes), (None, CODES));
        assert_eq!(search(first, &[]), (None, CODES));
        assert_eq!(search(first, &hashes[..3]), (Some(1), CODES));
    }
}
