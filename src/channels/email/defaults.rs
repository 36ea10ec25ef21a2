//! E-mails without templates: title, message and link of each notification, in the language of the
//! recipient.

use serde_json::{Map, Value as Json};

use crate::{channels::Message, domain::language::Language};

/// Returns the subject: the title, or the number of notifications of a digest.
pub(super) fn subject(message: &Message, language: Language) -> String {
    match (message.digest, message.items.as_slice()) {
        (true, items) if items.len() != 1 => {
            format!("{} {}", items.len(), language.choose("new notifications", "notifikasi baru"))
        }
        (_, items) => items.first().map(|item| item.title.clone()).unwrap_or_default(),
    }
}

/// Returns the label of the link that mutes the type.
fn unsubscribe(language: Language) -> &'static str {
    language.choose("Unsubscribe", "Berhenti berlangganan")
}

fn text_of<'a>(item: &'a Json, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

fn items(context: &Map<String, Json>) -> &[Json] {
    context.get("items").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Returns the sentence about the notifications that the e-mail does not list, if there are any.
fn others(context: &Map<String, Json>, language: Language) -> Option<String> {
    let more = context.get("more").and_then(Json::as_u64).filter(|more| *more > 0)?;
    Some(language.choose(format!("… and {more} more"), format!("… dan {more} lainnya")))
}

/// Returns the plain text.
pub(super) fn text(context: &Map<String, Json>, language: Language) -> String {
    let mut parts: Vec<String> = items(context)
        .iter()
        .map(|item| {
            let lines = ["title", "message", "action_url"].map(|name| text_of(item, name));
            lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
        })
        .collect();
    parts.extend(others(context, language));
    let link = context.get("unsubscribe_url").and_then(Json::as_str).unwrap_or_default();
    if !link.is_empty() {
        parts.push(format!("-- \n{}: {link}", unsubscribe(language)));
    }
    parts.join("\n\n") + "\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Returns the HTML.
pub(super) fn html(context: &Map<String, Json>, language: Language) -> String {
    let open = language.choose("Open", "Buka");
    let mut parts: Vec<String> = items(context)
        .iter()
        .map(|item| {
            let message = escaped(text_of(item, "message")).replace('\n', "<br>");
            let link = match escaped(text_of(item, "action_url")) {
                url if url.is_empty() => String::new(),
                url => format!("<p><a href=\"{url}\">{open}</a></p>"),
            };
            format!("<h2>{}</h2>\n<p>{message}</p>\n{link}", escaped(text_of(item, "title")))
        })
        .collect();
    parts.extend(others(context, language).map(|text| format!("<p>{text}</p>")));
    let link = context.get("unsubscribe_url").and_then(Json::as_str).unwrap_or_default();
    if !link.is_empty() {
        parts.push(format!(
            "<p><small><a href=\"{}\">{}</a></small></p>",
            escaped(link),
            unsubscribe(language)
        ));
    }
    format!(
        "<div lang=\"{}\" style=\"font-family:system-ui,sans-serif;max-width:36rem;margin:auto\">\
         {}</div>",
        language.tag(),
        parts.join("\n")
    )
}
