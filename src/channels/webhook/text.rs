//! Texts of notifications in the Markdown of Discord and Teams.

/// Maximum length of a message of Discord, in characters.
const DISCORD_MAX_CHARS: usize = 2_000;

/// Maximum length of a link in a message of Discord, in characters; a longer one is left out.
const DISCORD_LINK_MAX_CHARS: usize = 1_200;

/// Characters that form or decorate something, in any place.
const MARKS: [char; 10] = ['\\', '[', ']', '<', '*', '_', '~', '`', '|', '>'];

/// Characters that do so in a URL, where a backslash before another one would change the URL.
const MARKS_IN_URL: [char; 4] = ['\\', '[', ']', '<'];

/// Escapes a text, so that it is displayed as it is: it cannot form links, mentions or formats.
/// URLs in it stay what they are.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for word in text.split_inclusive(char::is_whitespace) {
        let is_url = word.starts_with("https://") || word.starts_with("http://");
        let marks: &[char] = if is_url { &MARKS_IN_URL } else { &MARKS };
        let begins_line = escaped.is_empty() || escaped.ends_with('\n');
        for (at, character) in word.char_indices() {
            let is_heading = at == 0 && begins_line && matches!(character, '#' | '-' | '+');
            if is_heading || marks.contains(&character) {
                escaped.push('\\');
            }
            escaped.push(character);
        }
    }
    escaped
}

/// Returns the absolute URL of a link; `None` for one that begins with a slash if the URL of the
/// hub is not known.
pub(super) fn link(url: &str, public_url: &str) -> Option<String> {
    let url = if url.starts_with('/') {
        if public_url.is_empty() {
            return None;
        }
        format!("{public_url}{url}")
    } else {
        url.to_owned()
    };
    // These would end the link in a text.
    Some(url.replace(' ', "%20").replace('<', "%3C").replace('>', "%3E"))
}

/// Cuts an escaped text to a number of characters, and not behind a backslash.
fn cut(text: &str, max_chars: usize) -> String {
    let mut cut: String = text.chars().take(max_chars).collect();
    let backslashes = cut.chars().rev().take_while(|character| *character == '\\').count();
    if backslashes % 2 == 1 {
        cut.pop();
    }
    cut
}

/// Returns a message of Discord. The text is cut, and never the link.
pub(super) fn discord(title: &str, message: &str, link: Option<&str>) -> String {
    let link = link.filter(|url| url.chars().count() <= DISCORD_LINK_MAX_CHARS);
    let link = link.map_or_else(String::new, |url| format!("\n<{url}>"));
    let rest = DISCORD_MAX_CHARS - link.chars().count();
    let title = cut(&escaped(title), 600);
    let text = cut(&format!("**{title}**\n{}", escaped(message)), rest);
    format!("{text}{link}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publisher_data_form_no_links() {
        assert_eq!(
            escaped("[click](http://evil.example) *x* <@1>\n# Head"),
            "\\[click\\](http://evil.example) \\*x\\* \\<@1\\>\n\\# Head"
        );
        assert_eq!(escaped("http://a_b.example/[x](y)"), "http://a_b.example/\\[x\\](y)");
        assert_eq!(escaped("Rp100.000 - paid"), "Rp100.000 - paid");
    }

    #[test]
    fn link_of_a_long_message_is_kept_and_made_absolute() {
        let url = link("/orders/1?a=<b>", "https://hub.example").expect("a link");
        assert_eq!(url, "https://hub.example/orders/1?a=%3Cb%3E");
        assert_eq!(link("/orders/1", ""), None);
        let text = discord("T", &"*".repeat(4_000), Some(&url));
        assert!(text.ends_with("\n<https://hub.example/orders/1?a=%3Cb%3E>"), "{text}");
        assert!(text.chars().count() <= 2_000, "{}", text.len());
        let message = text.lines().nth(1).expect("the message");
        assert!(
            message.chars().all(|c| matches!(c, '\\' | '*')) && message.len().is_multiple_of(2)
        );
    }
}
