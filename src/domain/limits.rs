//! Limits of external input: every stored text has a maximum length, and the error names it.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Maximum length of an identifier, in characters: type, event ID, source, login, title.
pub const IDENTIFIER_MAX_CHARS: usize = 256;

/// Longest time to live of a notification, in seconds: ten years.
pub const TTL_MAX_SECONDS: i64 = 10 * 365 * 24 * 60 * 60;

/// Longest time for which a type keeps its notifications, in days: a hundred years.
pub const KEEP_DAYS_MAX: i64 = 36_500;

/// Maximum number of recipients that one event can name.
pub const RECIPIENTS_MAX: usize = 10_000;

/// Maximum number of roles of a user.
pub const ROLES_MAX: usize = 100;

/// Maximum length of a role, in characters.
pub const ROLE_MAX_CHARS: usize = 128;

/// Maximum number of further addresses of a person.
pub const ADDRESSES_MAX: usize = 16;

/// Maximum length of an e-mail address, in characters (RFC 5321: 64 before the `@`, 255 behind it).
pub const EMAIL_MAX_CHARS: usize = 320;

/// Maximum length of a language tag, in characters (RFC 5646, section 4.4.1).
pub const LOCALE_MAX_CHARS: usize = 35;

/// Maximum length of the name of a time zone, in characters.
pub const TIMEZONE_MAX_CHARS: usize = 64;

/// Characters that separate roles in a CSV file.
pub const ROLE_SEPARATORS: [char; 3] = ['|', ';', ','];

/// Returns whether a text can be a role. It may have white space and commas: directories of
/// companies have roles such as `Domain Admins` and `cn=admins,ou=groups`.
#[must_use]
pub fn is_role(text: &str) -> bool {
    !text.is_empty() && is_plain(text, ROLE_MAX_CHARS)
}

/// Returns whether a text has the shape of an e-mail address: a name without white space, an `@`,
/// and the name of a host (RFC 5321, section 4.1.2).
#[must_use]
pub fn is_email(text: &str) -> bool {
    const SPECIAL: [char; 12] = ['<', '>', '(', ')', '[', ']', ':', ';', ',', '\\', '"', '@'];
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let is_name = |name: &str| {
        let stops = |c: char| c.is_whitespace() || c.is_control() || SPECIAL.contains(&c);
        !name.is_empty() && !name.contains(stops)
    };
    let is_label = |label: &str| {
        let fits = |c: char| c.is_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(fits) && !label.starts_with('-')
    };
    let is_local = local.split('.').all(is_name) || is_quoted(local);
    is_local && (host.split('.').all(is_label) || is_address_literal(host))
}

/// Returns whether the local part of an address is in quotation marks (RFC 5321, section 4.1.2).
fn is_quoted(local: &str) -> bool {
    let inner = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let mut characters = inner.unwrap_or_default().chars();
    while let Some(character) = characters.next() {
        let is_wrong = match character {
            '"' => true,
            '\\' => characters.next().is_none_or(char::is_control),
            other => other.is_control(),
        };
        if is_wrong {
            return false;
        }
    }
    inner.is_some_and(|inner| !inner.is_empty())
}

/// Returns whether a host is an IP address in brackets (RFC 5321, section 4.1.3).
fn is_address_literal(host: &str) -> bool {
    let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return false;
    };
    match inner.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => inner.parse::<Ipv4Addr>().is_ok(),
    }
}

/// Returns whether a text has the shape of a language tag (RFC 5646, section 2.1): a language of
/// two or three letters, then subtags such as a region. `_` may stand in the place of `-`.
#[must_use]
pub fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    let is_subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    (2..=3).contains(&language.len())
        && language.chars().all(|c| c.is_ascii_alphabetic())
        && text.len() <= LOCALE_MAX_CHARS
        && parts.all(is_subtag)
}

/// Returns whether a text has at most `max_chars` characters and no control character.
#[must_use]
pub fn is_plain(text: &str, max_chars: usize) -> bool {
    !text.chars().any(char::is_control) && text.chars().count() <= max_chars
}

/// Checks the length of a text.
///
/// # Errors
/// A description without the text itself, which may be very long.
pub fn bounded(text: String, max_chars: usize) -> Result<String, String> {
    // A text with few bytes has few characters, so most texts need not be counted.
    if text.len() > max_chars {
        let chars = text.chars().count();
        if chars > max_chars {
            return Err(format!("has {chars} characters; at most {max_chars} are possible"));
        }
    }
    Ok(text)
}

/// Returns the text, cut to at most `max_chars` characters with an ellipsis at the end.
#[must_use]
pub fn shortened(text: &str, max_chars: usize) -> String {
    if text.len() <= max_chars || text.chars().count() <= max_chars {
        return text.to_owned();
    }
    text.chars().take(max_chars.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_addresses_and_language_tags_have_a_shape() {
        for role in ["admin", "Domain Admins", "cn=a,ou=b", "realm:editor", "Führung"] {
            assert!(is_role(role), "{role}");
        }
        for role in ["", "a\tb", "a\nb"] {
            assert!(!is_role(role), "{role}");
        }
        for address in [
            "a@b.example",
            "a.b+c@localhost",
            "é@bücher.example",
            "o'x@a-b.c",
            "\"a b\"@c.example",
            "\"q \\\"x\"@c",
            "a@[127.0.0.1]",
            "a@[IPv6:::1]",
        ] {
            assert!(is_email(address), "{address}");
        }
        for address in [
            "not-an-address",
            "@b",
            "a@",
            "a b@c",
            "a@b c",
            "a@@b",
            "a..b@c",
            "a@b..c",
            "A <a@b>",
            "a@-b",
            "\"a\"b\"@c",
            "\"a\\\"@c",
            "\"\"@c",
            "a@[b]",
            "a@[127.0.0.1",
        ] {
            assert!(!is_email(address), "{address}");
        }
        for tag in ["en", "id-ID", "pt_BR", "zh-Hant-TW", "fil", "sr-Latn-RS"] {
            assert!(is_language_tag(tag), "{tag}");
        }
        for tag in ["zzzzz", "e", "english", "id ID", "id-", "en_US.UTF-8", "12"] {
            assert!(!is_language_tag(tag), "{tag}");
        }
    }

    #[test]
    fn a_limit_counts_characters_and_not_bytes() {
        assert!(bounded("é".repeat(256), 256).is_ok());
        assert!(
            bounded("é".repeat(257), 256)
                .is_err_and(|why| why.contains("257") && !why.contains('é'))
        );
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("äöü", 3), "äöü");
    }
}
