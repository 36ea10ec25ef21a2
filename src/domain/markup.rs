//! Markup of messages: bold and links, and nothing else.
//!
//! `**text**` is bold, `[text](url)` is a link, and a backslash takes the next character
//! literally. Marks without an end are plain text. Only templates have marks: the values of events
//! are escaped, so that nobody who publishes an event can make a link.

use super::link;

/// Characters that begin or end a mark.
const SPECIAL: [char; 6] = ['\\', '*', '[', ']', '(', ')'];

/// Escapes a value, so that none of its characters is a mark.
#[must_use]
pub fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if SPECIAL.contains(&c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// Returns the text without its marks, for readers that display plain text.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_bold = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c == '\\' {
            let literal = after.chars().next().unwrap_or('\\');
            plain.push(literal);
            rest = after.get(literal.len_utf8()..).unwrap_or_default();
        } else if rest.starts_with("**") && (is_bold || position(&rest[2..], "**").is_some()) {
            is_bold = !is_bold;
            rest = &rest[2..];
        } else if let Some((label, end)) = (c == '[').then(|| link_at(rest)).flatten() {
            plain.push_str(&self::plain(label));
            rest = &rest[end..];
        } else {
            plain.push(c);
            rest = after;
        }
    }
    plain
}

/// Returns the label and the length of a link at the beginning of a text. A link that is not safe
/// is plain text.
fn link_at(text: &str) -> Option<(&str, usize)> {
    let label_end = position(&text[1..], "](")? + 1;
    let label = &text[1..label_end];
    if label.is_empty() || position(label, "[").is_some() {
        return None;
    }
    let url_start = label_end + 2;
    let url_end = position(&text[url_start..], ")")? + url_start;
    link::is_safe(&plain_url(&text[url_start..url_end])).then_some((label, url_end + 1))
}

/// Returns the position of a mark that is not escaped.
fn position(text: &str, mark: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let here = !is_escaped && text[at..].starts_with(mark);
        is_escaped = !is_escaped && c == '\\';
        here.then_some(at)
    })
}

/// Returns a URL without its escapes.
fn plain_url(text: &str) -> String {
    let mut url = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        url.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    url
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_removed_and_what_is_none_stays() {
        for (text, expected) in [
            ("**Budi** asks", "Budi asks"),
            ("see [the refund](/refunds/1).", "see the refund."),
            ("[**bold** link](https://a.example/x_\\(1\\)) end", "bold link end"),
            ("2 * 3 ** 4", "2 * 3 ** 4"),
            ("a [b] (c)", "a [b] (c)"),
            ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
            ("[x](//evil.example)", "[x](//evil.example)"),
            ("\\**x\\** \\[y](/z)", "**x** [y](/z)"),
            ("open **", "open **"),
            ("end\\", "end\\"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_escaped_value_is_that_value(value in ".{0,60}", other in "[*\\[\\]()\\\\a/]{0,20}") {
            prop_assert_eq!(plain(&escaped(&value)), value);
            prop_assert_eq!(plain(&escaped(&other)), other);
        }

        #[test]
        fn no_text_panics_or_grows(text in "[*\\[\\]()\\\\a/é]{0,40}") {
            prop_assert!(plain(&text).len() <= text.len());
        }
    }
}
