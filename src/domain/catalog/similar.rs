//! Suggestions for a misspelled code.

use strsim::damerau_levenshtein;

use super::CODE_MAX_CHARS;

/// Returns the nearest of `known` to `code`, within one edit and a fifth of the length.
pub(super) fn nearest<'a>(code: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let length = code.chars().count();
    if length > CODE_MAX_CHARS {
        return None;
    }
    let allowed = 1 + length / 5;
    known
        .filter(|other| other.chars().count().abs_diff(length) <= allowed)
        .map(|other| (damerau_levenshtein(code, other), other.as_str()))
        .filter(|(distance, _)| *distance <= allowed)
        // The first by name if several are equally near.
        .min()
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_code_is_suggested_for_a_typo_only() {
        let known = ["NOTE_CREATED", "NOTE_CREATED_2", "REFUND_REQUESTED", "A"].map(str::to_owned);
        let nearest = |code: &str| nearest(code, known.iter());
        assert_eq!(nearest("NOTE_CREATD"), Some("NOTE_CREATED"));
        assert_eq!(nearest("NOET_CREATED"), Some("NOTE_CREATED"));
        assert_eq!(nearest("REFUND_REQUEST"), Some("REFUND_REQUESTED"));
        assert_eq!(nearest("ORDER_SHIPPED"), None);
        assert_eq!(nearest(&"X".repeat(CODE_MAX_CHARS + 1)), None);
        assert_eq!(super::nearest("X", [].into_iter()), None);
    }
}
