//! Patterns of the operator LIKE.

/// Returns the LIKE pattern, with `\\` as escape character, that finds a text anywhere; empty for
/// an empty text.
pub(super) fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    if pattern.is_empty() { pattern } else { format!("%{pattern}%") }
}
