//! Variants of a type's message, to compare how often each is read and clicked.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::user::UserId;

/// Maximum number of variants of a type, and maximum length of a name, in bytes.
const MOST: usize = 16;
const NAME_MAX_CHARS: usize = 32;

/// Maximum weight of a variant; the sum of all fits into an integer.
const WEIGHT_MAX: u32 = 1_000_000;

/// Variant of a type's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Name: letters, digits, `-` and `_`.
    pub name: String,
    /// Share of readers, relative to the other weights; 0 for none from now on.
    #[serde(default = "one")]
    pub weight: u32,
    /// The message's template.
    pub template: String,
}

fn one() -> u32 {
    1
}

/// Validates a list of variants.
pub(super) fn check(variants: &[Variant]) -> Result<(), String> {
    if variants.len() > MOST {
        return Err(format!("{} variants are more than {MOST}", variants.len()));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    for (at, Variant { name, weight, template }) in variants.iter().enumerate() {
        if name.is_empty() || name.len() > NAME_MAX_CHARS || !name.chars().all(allowed) {
            return Err(format!(
                "the name {name:?} must be 1 to {NAME_MAX_CHARS} letters, digits, - or _"
            ));
        }
        if variants[..at].iter().any(|other| other.name == *name) {
            return Err(format!("two are named {name:?}"));
        }
        if *weight > WEIGHT_MAX {
            return Err(format!("the weight of {name:?} must be at most {WEIGHT_MAX}"));
        }
        if template.trim().is_empty() {
            return Err(format!("the template of {name:?} must not be empty"));
        }
    }
    if !variants.is_empty() && variants.iter().all(|variant| variant.weight == 0) {
        return Err("at least one of them needs a weight".to_owned());
    }
    Ok(())
}

/// Returns the name of a variant's template; the separator occurs in no code.
pub(super) fn text_of(code: &str, variant: &str) -> String {
    format!("{code}\u{1f}{variant}")
}

/// Chooses the variant for a reader: always the same on every hub, as long as the weights stay.
pub(super) fn choose<'a>(
    code: &str,
    reader: &UserId,
    variants: &'a [(String, u32)],
) -> Option<&'a str> {
    let total: u64 = variants.iter().map(|(_, weight)| u64::from(*weight)).sum();
    if total == 0 {
        return None;
    }
    let hash =
        Sha256::new().chain_update(code).chain_update([0]).chain_update(reader.as_str()).finalize();
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mut place = number % total;
    for (name, weight) in variants {
        match place.checked_sub(u64::from(*weight)) {
            None => return Some(name),
            Some(rest) => place = rest,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn user(n: usize) -> UserId {
        UserId::parse(&format!("user-{n}")).expect("an id")
    }

    #[test]
    fn variants_are_assigned_by_weight_and_deterministically() {
        let variants = vec![("a".to_owned(), 3), ("off".to_owned(), 0), ("b".to_owned(), 1)];
        let mut got: HashMap<&str, usize> = HashMap::new();
        for n in 0..4_000 {
            *got.entry(choose("T", &user(n), &variants).expect("one of them")).or_default() += 1;
        }
        assert!((2_850..3_150).contains(&got["a"]), "{got:?}");
        assert_eq!(got["a"] + got["b"], 4_000);
        // The assignment must not change between versions of the hub.
        let first: String = (0..16).filter_map(|n| choose("T", &user(n), &variants)).collect();
        assert_eq!(first, FIXED);
        // Another type shares the same readers out differently.
        let other: String = (0..16).filter_map(|n| choose("U", &user(n), &variants)).collect();
        assert_ne!(first, other);
    }

    const FIXED: &str = "aabaaaaabaaaaaba";

    proptest! {
        #[test]
        fn chosen_variant_always_has_weight(weights in prop::collection::vec(0_u32..5,
            0..6), n in 0_usize..1_000) {
            let variants: Vec<(String, u32)> = weights.iter().enumerate().map(|(at, w)|
                (at.to_string(), *w)).collect();
            let chosen = choose("T", &user(n), &variants);
            prop_assert_eq!(chosen.is_some(), weights.iter().any(|weight| *weight > 0));
            if let Some(chosen) = chosen {
                prop_assert!(variants.iter().any(|(name, weight)| name == chosen && *weight > 0));
            }
        }
    }

    #[test]
    fn invalid_variant_lists_are_refused() {
        let variant =
            |name: &str, weight| Variant { name: name.into(), weight, template: "x".into() };
        assert!(check(&[]).is_ok() && check(&[variant("a", 1), variant("b", 0)]).is_ok());
        for (bad, says) in [
            (vec![variant("a b", 1)], "letters"),
            (vec![variant("a", 1), variant("a", 1)], "two"),
            (vec![variant("a", 0)], "weight"),
            (vec![Variant { template: " ".into(), ..variant("a", 1) }], "empty"),
        ] {
            assert!(check(&bad).is_err_and(|why| why.contains(says)), "{bad:?}");
        }
    }
}
