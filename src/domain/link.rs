//! Safety of links.

use url::Url;

/// Maximum length of a link, in characters.
pub const LINK_MAX_CHARS: usize = 2_048;

/// Expectation, for error messages.
pub const EXPECTED: &str = "must start with https://, http:// or one slash, without a backslash";

/// Returns whether a link is safe: a browser that follows it stays on the page's host, or goes to
/// the host that the link names.
///
/// `javascript:`, `data:` and `//host` are refused. So is a backslash, which browsers treat as a
/// slash (URL standard, "special authority slashes state"), and a control character, which they
/// drop.
#[must_use]
pub fn is_safe(link: &str) -> bool {
    begins_safely(link) && (link.starts_with('/') || names_host(link))
}

/// Returns whether a link begins as a safe one does. What follows can still be no host.
fn begins_safely(link: &str) -> bool {
    link.chars().count() <= LINK_MAX_CHARS
        && !link.chars().any(|c| c.is_control() || c == '\\')
        && (has_scheme(link) || (link.starts_with('/') && !link.starts_with("//")))
}

/// Returns whether a link with a scheme is a URL with a host right behind it.
fn names_host(link: &str) -> bool {
    let behind = link.split_once("://").map(|(_, behind)| behind).unwrap_or_default();
    !behind.starts_with('/') && Url::parse(link).is_ok_and(|url| url.has_host())
}

/// Returns whether every rendering of a template is a safe link: its literal beginning decides. A
/// template that begins with a condition is checked when it is rendered.
#[must_use]
pub fn is_safe_template(source: &str) -> bool {
    if source.starts_with("{%") || source.starts_with("{#") {
        return true;
    }
    match source.find('{') {
        None => is_safe(source),
        // Values are percent-encoded, so a link that begins with one is never safe.
        Some(end) => begins_safely(&source[..end]),
    }
}

fn has_scheme(link: &str) -> bool {
    let begins = |scheme: &str| {
        link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    begins("https://") || begins("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_path_or_names_http() {
        for link in ["/", "/refunds/1?x=y#z", "https://example.com/a", "HTTP://example.com"] {
            assert!(is_safe(link), "{link}");
        }
        for link in [
            "",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,x",
            "//evil.example/x",
            "/\\evil.example/x",
            "\\\\evil.example",
            "/\t/evil.example",
            "https:\\\\evil.example",
            "refunds/1",
            "https:/x",
            "https://",
            "http:///x",
            "https://[::1",
            "https://a b/",
            "https://host:port/",
        ] {
            assert!(!is_safe(link), "{link}");
        }
        assert!(!is_safe(&format!("/{}", "x".repeat(LINK_MAX_CHARS))));
    }

    #[test]
    fn template_safety_follows_from_its_literal_beginning() {
        for source in [
            "/refunds/{refund_id}",
            "https://{host}/x",
            "{% if a %}/a{% else %}/b{% endif %}",
            "/x",
        ] {
            assert!(is_safe_template(source), "{source}");
        }
        for source in ["{url}", "javascript:{x}", "//{host}/x", "java{x}", "data:x", "/\\{x}"] {
            assert!(!is_safe_template(source), "{source}");
        }
    }
}
