//! Nested fields that may be missing: `{order.note|default("none")}` without an `order`.
//!
//! minijinja fails at an attribute of a missing value, before the filter `default` sees it. So a
//! path before `default`, or before `is defined`, is compiled as one lookup that ends at the first
//! missing part.

use std::{borrow::Cow, fmt::Write as _};

use minijinja::{
    Error, ErrorKind, Value,
    machinery::{Token, tokenize},
    syntax::SyntaxConfig,
    value::{Rest, ValueKind},
};

/// Name of the filter that looks up a path. No template can name it: it is not on the list of
/// filters.
pub(super) const FILTER: &str = "__path";

/// Returns the template with each path that may be missing as a call of [`FILTER`].
pub(super) fn with_optional_paths<'a>(source: &'a str, syntax: &SyntaxConfig) -> Cow<'a, str> {
    let mut tokens = Vec::new();
    for token in tokenize(source, false, syntax.clone()) {
        // The compiler explains a syntax error.
        let Ok((token, span)) = token else { return Cow::Borrowed(source) };
        tokens.push((token, span.start_offset as usize..span.end_offset as usize));
    }
    let (mut text, mut copied, mut at) = (String::new(), 0, 0);
    while at < tokens.len() {
        let (end, keys) = path(&tokens, at, source);
        if !keys.is_empty() && may_be_missing(&tokens[end..]) {
            let (first, last) = (&tokens[at].1, &tokens[end - 1].1);
            let name = &source[first.clone()];
            text.push_str(&source[copied..first.start]);
            // Writing to a String never fails.
            let _ = write!(text, "({name}|{FILTER}({}))", keys.join(", "));
            copied = last.end;
        }
        at = end.max(at + 1);
    }
    if copied == 0 {
        return Cow::Borrowed(source);
    }
    text.push_str(&source[copied..]);
    Cow::Owned(text)
}

type Spanned<'a> = (Token<'a>, std::ops::Range<usize>);

/// Reads the path that begins at a token. Returns the token after it, and its keys after the first
/// name as constants of the template language.
fn path(tokens: &[Spanned<'_>], at: usize, source: &str) -> (usize, Vec<String>) {
    let token = |index: usize| tokens.get(index).map(|(token, _)| token);
    let text = |index: usize| tokens.get(index).map(|(_, range)| source[range.clone()].to_owned());
    let follows = at > 0 && matches!(token(at - 1), Some(Token::Dot | Token::Pipe));
    let (mut end, mut keys) = (at + 1, Vec::new());
    if follows || !matches!(token(at), Some(Token::Ident(_))) {
        return (end, keys);
    }
    loop {
        let (key, length) = match (token(end), token(end + 1), token(end + 2)) {
            (Some(Token::Dot), Some(Token::Ident(name)), _) => (Some(format!("\"{name}\"")), 2),
            (Some(Token::Dot), Some(Token::Int(_)), _) => (text(end + 1), 2),
            (
                Some(Token::BracketOpen),
                Some(Token::Int(_) | Token::Str(_) | Token::String(_)),
                Some(Token::BracketClose),
            ) => (text(end + 1), 3),
            _ => return (end, keys),
        };
        keys.extend(key);
        end += length;
    }
}

/// Returns whether the tokens after a path allow that it is missing.
fn may_be_missing(after: &[Spanned<'_>]) -> bool {
    let word = |index: usize| match after.get(index) {
        Some((Token::Ident(word), _)) => *word,
        _ => "",
    };
    match after.first() {
        Some((Token::Pipe, _)) => matches!(word(1), "default" | "d"),
        Some((Token::Ident("is"), _)) => {
            let test = if word(1) == "not" { word(2) } else { word(1) };
            matches!(test, "defined" | "undefined")
        }
        _ => false,
    }
}

/// Looks up a path, up to its first missing part.
pub(super) fn look_up(value: &Value, keys: Rest<Value>) -> Result<Value, Error> {
    let mut value = value.clone();
    for key in keys.0 {
        if value.is_undefined() {
            break;
        }
        value = value.get_item(&key)?;
        if value.kind() == ValueKind::Invalid {
            // The data are invalid only when the budget is used up.
            return Err(Error::new(ErrorKind::OutOfFuel, "the template takes too much work"));
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::{super::syntax_config, with_optional_paths};

    #[test]
    fn only_paths_that_may_be_missing_are_rewritten() {
        for (source, expected) in [
            ("{a.b} {a|default(1)} {a.b|upper|default(1)}", None),
            ("a.b|default(1)", None),
            ("{broken", None),
            (
                r#"é {a.b.c|default("a.b|d")}!"#,
                Some(r#"é {(a|__path("b", "c"))|default("a.b|d")}!"#),
            ),
            (r#"{a["b"][0].c|d(1)}"#, Some(r#"{(a|__path("b", 0, "c"))|d(1)}"#)),
            (
                "{% if a.b is not defined %}x{% endif %}{a.b is defined}",
                Some(
                    "{% if (a|__path(\"b\")) is not defined %}x{% endif %}{(a|__path(\"b\")) is \
                     defined}",
                ),
            ),
        ] {
            let rewritten = with_optional_paths(source, &syntax_config());
            assert_eq!(rewritten, expected.unwrap_or(source), "{source}");
        }
    }
}
