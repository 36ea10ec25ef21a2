//! Filter `currency`: amounts in the style of an ISO 4217 currency.

use iso_currency::Currency;
use minijinja::{
    Error,
    value::{Value, ValueKind},
};

use super::{invalid, present};

/// Format of a currency: the separators, and the number of decimals.
struct Style {
    thousands: char,
    decimal: char,
    /// Number of decimals.
    digits: usize,
    symbol: String,
    /// Text between symbol and number.
    gap: &'static str,
}

fn style(code: &str) -> Result<Style, Error> {
    let currency = Currency::from_code(&code.to_ascii_uppercase()).ok_or_else(|| {
        invalid(format!("currency: {code:?} is not an ISO 4217 code, such as \"IDR\" or \"USD\""))
    })?;
    Ok(match currency {
        // Indonesian style: dots between thousands, no decimals.
        Currency::IDR => {
            Style { thousands: '.', decimal: ',', digits: 0, symbol: "Rp".into(), gap: "" }
        }
        other => {
            let symbol = other.symbol().symbol;
            let digits = usize::from(other.exponent().unwrap_or(2));
            // A symbol of letters is followed by a space: "CHF 12.50", "$12.50".
            let gap = if symbol.chars().all(char::is_alphabetic) { "\u{a0}" } else { "" };
            Style { thousands: ',', decimal: '.', digits, symbol, gap }
        }
    })
}

/// Formats an amount: `{amount|currency("IDR")}` is `Rp100.000`.
pub(super) fn currency(value: &Value, code: &str) -> Result<String, Error> {
    present(value)?;
    let style = style(code)?;
    // Strings are accepted: amounts are often sent as strings to avoid rounding.
    let text = match value.kind() {
        ValueKind::Number | ValueKind::String => value.to_string(),
        _ => return Err(invalid("currency: the value is not a number".to_owned())),
    };
    let (negative, whole, fraction) = decimal_digits(text.trim(), style.digits)
        .ok_or_else(|| invalid(format!("currency: {text:?} is not a number")))?;
    let mut written = String::new();
    if negative {
        written.push('-');
    }
    written.push_str(&style.symbol);
    written.push_str(style.gap);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            written.push(style.thousands);
        }
        written.push(digit);
    }
    if !fraction.is_empty() {
        written.push(style.decimal);
        written.push_str(&fraction);
    }
    Ok(written)
}

/// Splits a decimal number into its sign, whole digits and exactly `digits` fraction digits,
/// rounding half up by digits, not by floating point: 1.005 is 1.01.
fn decimal_digits(text: &str, digits: usize) -> Option<(bool, String, String)> {
    // Exponent notation: convert to plain digits.
    let plain;
    let text = if text.contains(['e', 'E']) {
        plain = format!(
            "{}",
            text.parse::<f64>().ok().filter(|number| number.is_finite() && number.abs() < 1e30)?
        );
        plain.as_str()
    } else {
        text
    };
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 60 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let mut number: Vec<u8> =
        whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(digits)).collect();
    if fraction.as_bytes().get(digits).is_some_and(|digit| *digit >= b'5') {
        let mut at = number.len();
        loop {
            if at == 0 {
                number.insert(0, b'1');
                break;
            }
            at -= 1;
            if number[at] == b'9' {
                number[at] = b'0';
            } else {
                number[at] += 1;
                break;
            }
        }
    }
    let split = number.len() - digits;
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let whole = text(&number[..split]);
    let whole = whole.trim_start_matches('0');
    let zero = whole.is_empty() && number[split..].iter().all(|digit| *digit == b'0');
    let whole = if whole.is_empty() { "0".to_owned() } else { whole.to_owned() };
    Some((negative && !zero, whole, text(&number[split..])))
}
