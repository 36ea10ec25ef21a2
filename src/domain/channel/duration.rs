//! Durations as people write them: `3s`, `10m`, `1h`, `2d`.

/// Longest duration: a year, in milliseconds.
const MAX_MS: i64 = 366 * 24 * 60 * 60 * 1_000;

/// Parses a duration. Returns milliseconds.
///
/// # Errors
/// A description of the expected format.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!(
            "{text:?} is not a duration; write a number and a unit, such as \"10m\" (s, m, h, d)"
        )
    };
    let (number, factor) = parts(text).ok_or_else(wrong)?;
    match number.checked_mul(factor) {
        Some(ms) if (1..=MAX_MS).contains(&ms) => Ok(ms),
        _ => Err(format!("{text:?} must be from \"1s\" to \"366d\"")),
    }
}

/// Parses an age of any length. Returns milliseconds; `None` for anything else.
#[must_use]
pub fn parse_age(text: &str) -> Option<i64> {
    let (number, factor) = parts(text)?;
    number.checked_mul(factor)
}

/// Returns the number, and the milliseconds of its unit.
fn parts(text: &str) -> Option<(i64, i64)> {
    let (at, unit) = text.char_indices().last()?;
    let factor = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let digits = &text[..at];
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_a_unit_are_durations_and_nothing_else() {
        for (text, ms) in [("3s", 3_000), ("10m", 600_000), ("1h", 3_600_000), ("2d", 172_800_000)]
        {
            assert_eq!(parse_duration(text), Ok(ms));
        }
        for wrong in ["", "s", "10", "1 h", "-1h", "+1h", "1.5h", "0s", "1w", "1é", "400d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert!(parse_duration("99999999999999999999d").is_err());
    }
}
