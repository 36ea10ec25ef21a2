use proptest::prelude::*;

use super::*;

fn money(value: impl Into<Value>, code: &str) -> String {
    currency(&value.into(), code).unwrap_or_else(|error| error.to_string())
}

#[test]
fn currency_follows_local_conventions() {
    assert_eq!(money(100_000, "IDR"), "Rp100.000");
    assert_eq!(money(0, "IDR"), "Rp0");
    assert_eq!(money(1_234_567.5, "IDR"), "Rp1.234.568");
    assert_eq!(money(-2500, "idr"), "-Rp2.500");
    assert_eq!(money(1234.5, "USD"), "$1,234.50");
    assert_eq!(money("1.005", "USD"), "$1.01");
    assert_eq!(money("999.999", "EUR"), "€1,000.00");
    assert_eq!(money(1500, "JPY"), "¥1,500");
    assert_eq!(money("-0.001", "USD"), "$0.00");
    assert!(money("ten", "USD").contains("not a number"));
    assert!(money(1, "XYZ!").contains("ISO 4217"));
}

#[test]
fn times_are_read_from_text_and_numbers() {
    let expected = DateTime::from_timestamp(1_767_225_600, 0);
    for value in [
        Value::from("2026-01-01T00:00:00Z"),
        Value::from("2026-01-01T07:00:00+07:00"),
        Value::from("2026-01-01"),
        Value::from(1_767_225_600),
        Value::from(1_767_225_600_000_i64),
    ] {
        assert_eq!(moment(&value), expected, "{value}");
    }
    assert_eq!(moment(&Value::from("soon")), None);
}

#[test]
fn long_text_ends_in_an_ellipsis() {
    let cut = |text: &str, length| truncate(&Value::from(text), Some(length)).ok();
    assert_eq!(cut("Selamat pagi dunia", 9).as_deref(), Some("Selamat…"));
    assert_eq!(cut("pagi", 4).as_deref(), Some("pagi"));
}

proptest! {
    #[test]
    fn digit_grouping_preserves_all_digits(amount in 0_u64..u64::MAX) {
        let written = money(amount.to_string(), "IDR");
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        prop_assert_eq!(digits, amount.to_string());
        prop_assert!(written.trim_start_matches("Rp").split('.').skip(1).all(|group|
            group.len() == 3));
    }
}
