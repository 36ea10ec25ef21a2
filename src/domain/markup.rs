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
    write_plain(text, Inside::default(), &mut plain);
    plain
}

/// Marks that surround a text: neither of them is nested in itself.
#[derive(Clone, Copy, Default)]
struct Inside {
    bold: bool,
    link: bool,
}

fn write_plain(text: &str, inside: Inside, plain: &mut String) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if let Some(literal) = after.chars().next().filter(|_| c == '\\') {
            plain.push(literal);
            rest = &after[literal.len_utf8()..];
        } else if let Some((bold, end)) = bold_at(rest).filter(|_| !inside.bold) {
            write_plain(bold, Inside { bold: true, ..inside }, plain);
            rest = &rest[end..];
        } else if let Some((label, end)) = link_at(rest).filter(|_| !inside.link) {
            write_plain(label, Inside { link: true, ..inside }, plain);
            rest = &rest[end..];
        } else {
            plain.push(c);
            rest = after;
        }
    }
}

/// Returns the bold text at the beginning of a text, and its length with the marks.
fn bold_at(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("**")?;
    let end = position(inner, "**").filter(|end| *end > 0)?;
    Some((&inner[..end], end + 4))
}

/// Returns the label and the length of a link at the beginning of a text. A link that is not safe
/// is plain text.
fn link_at(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix('[')?;
    let label_end = position(inner, "]")?;
    let label = &inner[..label_end];
    let target = inner[label_end + 1..].strip_prefix('(')?;
    if label.is_empty() || position(label, "[").is_some() {
        return None;
    }
    let url_end = position(target, ")")?;
    let url = plain_url(&target[..url_end]);
    let end = label_end + url_end + 4;
    (link::is_safe(&url) || is_mail(&url)).then_some((label, end))
}

/// Returns whether a URL begins an e-mail (RFC 6068).
fn is_mail(url: &str) -> bool {
    let scheme = "mailto:";
    let Some((start, address)) = url.split_at_checked(scheme.len()) else { return false };
    let is_unsafe = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"');
    start.eq_ignore_ascii_case(scheme) && !address.is_empty() && !address.contains(is_unsafe)
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
            ("write to [us](mailto:a@b.example)", "write to us"),
            ("[x](mailto:)", "[x](mailto:)"),
            ("[x](//evil.example)", "[x](//evil.example)"),
            ("\\**x\\** \\[y](/z)", "**x** [y](/z)"),
            ("open **", "open **"),
            ("****", "****"),
            ("[a[b](/x)", "[ab"),
            ("[a]b](/x)", "[a]b](/x)"),
            ("**[x**](/y)", "[x](/y)"),
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
