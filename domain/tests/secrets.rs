//! Passwords, recovery codes and time-based codes.

use chrono::{DateTime, Utc};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use vitne_domain::Protected;
use vitne_domain::account::password::{
    self, HashError, ParamsError, PasswordError, PasswordParams, PasswordUse, check, decoy, needs_upgrade, verify,
};
use vitne_domain::account::{recovery, totp};

const ABOUT: &[&str] = &["anna.andersson@example.se", "Anna Öberg"];
const SALT: &[u8] = b"sixteen bytes...";

fn refusal(typed: &str) -> Option<PasswordError> {
    check(typed, PasswordUse::WithSecondFactor, ABOUT).err()
}

#[test]
fn good_passwords_of_every_kind_are_taken() {
    for typed in [
        "brokiga lamadjur sjunger",
        "ørretfiske i solnedgang",
        "xK9#mQ2$vL",
        "пароль-на-весну-лодка",
        "🦀🦊🐙🦉🐝🦋🐢🦔",
        "annas hemliga trädgårdsland",
        &"lång men mångsidig ".repeat(6),
    ] {
        assert_eq!(refusal(typed), None, "{typed}");
    }
    let strong = check("brokiga lamadjur sjunger", PasswordUse::WithSecondFactor, ABOUT).expect("acceptable");
    let weak = check("abcdefgh1", PasswordUse::WithSecondFactor, ABOUT).map_or(0, |password| password.score);
    assert!(strong.score >= 3 && weak < strong.score);
    assert_eq!(format!("{strong:?}"), "[protected]");
}

#[test]
fn bad_passwords_are_refused_with_what_to_do() {
    let cases = [
        ("kort", PasswordError::TooShort { shortest: 8 }),
        ("ååååååå", PasswordError::TooShort { shortest: 8 }),
        ("nul\0inside it", PasswordError::Control),
        ("line\nbreak in it", PasswordError::Control),
        ("password", PasswordError::Common),
        ("PassWord", PasswordError::Common),
        ("Password123!", PasswordError::Common),
        ("12345678", PasswordError::Common),
        ("qwertyuiop", PasswordError::Common),
        ("Sommar2026", PasswordError::Common),
        ("lo\u{308}senord", PasswordError::Common),
        ("ababababababab", PasswordError::Repetitive),
        ("andersson77", PasswordError::AboutAccount),
        ("AnnaAndersson!", PasswordError::AboutAccount),
        ("vitne2026!!", PasswordError::AboutAccount),
        ("O\u{308}berg-1984", PasswordError::AboutAccount),
    ];
    for (typed, error) in cases {
        assert_eq!(refusal(typed), Some(error), "{typed:?}");
    }
    assert_eq!(refusal(&"lång men mångsidig ".repeat(7)), Some(PasswordError::TooLong));
    assert_eq!(refusal(&"abcdefgh".repeat(100_000)), Some(PasswordError::TooLong));
}

#[test]
fn a_password_that_stands_alone_is_longer() {
    let alone = |typed| check(typed, PasswordUse::Alone, ABOUT).err();
    assert_eq!(alone("xK9#mQ2$vL"), Some(PasswordError::TooShort { shortest: 15 }));
    assert_eq!(alone("brokiga lamadjur"), None);
}

#[test]
fn characters_count_once_composed() {
    // Eight letters, of which each has two code points as typed.
    let typed = "a\u{30a}e\u{301}o\u{308}u\u{308}i\u{308}n\u{303}c\u{327}s\u{30c}";
    assert_eq!(refusal(typed), None);
    assert_eq!(
        refusal("a\u{30a}e\u{301}o\u{308}u\u{308}i\u{308}n\u{303}c\u{327}"),
        Some(PasswordError::TooShort { shortest: 8 })
    );
}

#[test]
fn hashes_verify_their_password_alone_however_it_is_composed() {
    let cheap = PasswordParams::insecure_for_simulation();
    let hash = password::hash("lösen på fjället", SALT, cheap).expect("a hash");
    assert!(hash.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert!(verify(&hash, "lo\u{308}sen pa\u{30a} fja\u{308}llet"));
    assert!(!verify(&hash, "lösen på fjället "));
    assert!(!verify(&Protected::new("not a hash"), ""));
    assert_eq!(password::hash("x", b"short", cheap), Err(HashError::Salt));
    assert!(!verify(&decoy(cheap).expect("a decoy"), ""));
}

#[test]
fn parameters_have_a_floor_and_a_ceiling() {
    assert_eq!(PasswordParams::new(19_455, 2, 1), Err(ParamsError::TooCheap));
    assert_eq!(PasswordParams::new(19_456, 1, 1), Err(ParamsError::TooCheap));
    assert_eq!(PasswordParams::new(19_456, 2, 0), Err(ParamsError::TooCheap));
    assert_eq!(PasswordParams::new(u32::MAX, 2, 1), Err(ParamsError::TooDear));
    assert_eq!(PasswordParams::new(19_456, 2, 1), Ok(PasswordParams::default()));
    assert!(ParamsError::TooCheap.to_string().contains("m=19456 KiB, t=2, p=1"));
}

#[test]
fn a_cheaper_hash_is_to_be_upgraded_and_a_dearer_one_is_not() {
    let at_floor = password::hash("a password", SALT, PasswordParams::FLOOR).expect("a hash");
    assert!(verify(&at_floor, "a password"));
    assert!(!needs_upgrade(&at_floor, PasswordParams::FLOOR));
    assert!(needs_upgrade(&at_floor, PasswordParams::new(19_456, 3, 1).expect("dearer")));
    assert!(needs_upgrade(&at_floor, PasswordParams::new(65_536, 2, 1).expect("dearer")));
    assert!(!needs_upgrade(&at_floor, PasswordParams::insecure_for_simulation()));
    let other = at_floor.expose().replace("argon2id", "argon2i");
    assert!(needs_upgrade(&Protected::new(other), PasswordParams::FLOOR));
    assert!(needs_upgrade(&Protected::new("not a hash"), PasswordParams::FLOOR));
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

#[test]
fn recovery_codes_are_ten_different_ones_of_eighty_bits() {
    let codes = recovery::generate(&mut rng(1));
    assert_eq!(codes.iter().map(|code| code.number).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    let different: std::collections::BTreeSet<_> = codes.iter().map(|code| code.code.expose().to_owned()).collect();
    assert_eq!(different.len(), 10);
    for code in &different {
        assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4], "{code}");
        assert!(code.chars().all(|c| c == '-' || "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(c)), "{code}");
    }
    // Over many codes every character of the alphabet must appear in the first place and the last:
    // otherwise bits are lost at an end.
    let many: Vec<String> =
        (0..60).flat_map(|seed| recovery::generate(&mut rng(seed))).map(|code| code.code.expose().to_owned()).collect();
    for place in [0, 18] {
        let seen: std::collections::BTreeSet<_> = many.iter().map(|code| code.as_bytes()[place]).collect();
        assert_eq!(seen.len(), 32, "place {place}");
    }
    assert!(!format!("{:?}", recovery::generate(&mut rng(1))).contains(different.first().expect("ten").as_str()));
}

#[test]
fn codes_are_read_forgivingly() {
    let expected = "0123456789ABCDEF";
    for typed in [
        "0123-4567-89AB-CDEF",
        "0123456789abcdef",
        " o123 4567 89ab cdef\n",
        "OI23–4567—89AB.CDEF",
        "0l23_4567_89AB_CDEF",
    ] {
        assert_eq!(recovery::parse(typed).as_deref().map(String::as_str), Some(expected), "{typed:?}");
    }
    for wrong in ["", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEF-0", "0123-4567-89AB-CDEU", "0123-4567-89AB-CDEå"] {
        assert!(recovery::parse(wrong).is_none(), "{wrong:?}");
    }
}

#[test]
fn the_typed_code_is_found_by_its_number() {
    let codes = recovery::generate(&mut rng(3));
    let hashes = recovery::hash(&codes, &mut rng(4)).expect("hashes");
    for index in [0, 6, 9] {
        let typed = codes[index].code.expose().to_lowercase().replace('-', " ");
        assert_eq!(recovery::find(&typed, &hashes), Some(codes[index].number));
    }
    let foreign = recovery::generate(&mut rng(5));
    assert_eq!(recovery::find(foreign[0].code.expose(), &hashes), None);
    assert_eq!(recovery::find("nonsense", &hashes), None);
    assert_eq!(recovery::find("", &hashes), None);
    assert_eq!(recovery::find(codes[0].code.expose(), &hashes[1..]), None);
    let salts: std::collections::BTreeSet<_> =
        hashes.iter().map(|code| code.hash.expose().split('$').nth(4).map(str::to_owned)).collect();
    assert_eq!(salts.len(), 10, "each has a salt of its own");
}

/// RFC 6238, appendix B, SHA-1; the last six of its eight digits.
#[test]
fn codes_are_those_of_the_standards_vectors() {
    let secret = Protected::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    let vectors = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];
    for (seconds, code) in vectors {
        let at: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).expect("a moment");
        assert_eq!(totp::code_at(&secret, at).as_deref(), Some(code));
        let spaced = format!(" {} {} ", &code[..3], &code[3..]);
        assert_eq!(totp::matching_steps(&secret, &spaced, at), [u64::try_from(seconds).expect("positive") / 30]);
    }
}

#[test]
fn what_is_no_code_matches_nothing() {
    let secret = Protected::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    let at: DateTime<Utc> = DateTime::from_timestamp(59, 0).expect("a moment");
    for typed in ["", "28708", "2870822", "28708２", "28708a", "-87082", "287082\0"] {
        assert!(totp::matching_steps(&secret, typed, at).is_empty(), "{typed:?}");
    }
    let before_1970: DateTime<Utc> = DateTime::from_timestamp(-1000, 0).expect("a moment");
    assert!(totp::matching_steps(&secret, "287082", before_1970).len() <= 1, "no moment is a fault");
    assert!(totp::matching_steps(&secret, "287082", DateTime::<Utc>::MAX_UTC).is_empty());
}

#[test]
fn the_otpauth_uri_can_be_scanned() {
    let secret = totp::generate_secret(&mut rng(1));
    assert_eq!(secret.expose().len(), 32, "160 bits of base32");
    let uri = totp::otpauth_uri(&secret, "Vitne: test", "anna+x@example.se").expect("a URI");
    assert!(uri.expose().starts_with("otpauth://totp/"), "{}", uri.expose());
    let read = totp_rs::Totp::from_url(uri.expose()).expect("readable");
    assert_eq!(read.account_name(), "anna+x@example.se");
    assert_eq!((read.digits(), read.step()), (6, 30));
    let at: DateTime<Utc> = DateTime::from_timestamp(1_234_567_890, 0).expect("a moment");
    assert_eq!(Some(read.generate(1_234_567_890).to_string()), totp::code_at(&secret, at));
    assert!(totp::otpauth_uri(&Protected::new("short"), "Vitne", "anna").is_err());
}
