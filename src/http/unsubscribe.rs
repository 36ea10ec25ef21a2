//! One-click unsubscribe of e-mails (RFC 8058): `/unsubscribe`.

use actix_web::{HttpRequest, HttpResponse, http::header};
use serde_json::json;

use super::{Problem, SharedState, State, identity};
use crate::{
    clock,
    domain::{channel::EMAIL, preferences::Preferences, user::UserId},
    http::api::{Access, Operation, Tag},
};

/// Maximum length of a token, in bytes.
const TOKEN_MAX_BYTES: usize = 4_096;

/// Content Security Policy of the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action \
'self'; base-uri 'none'; frame-ancestors 'none'";

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    let token = || json!({ "type": "string" });
    vec![
        Operation::get("/unsubscribe", page)
            .access(Access::Anyone)
            .doc(Tag::Inbox, "unsubscribe_page", "Get the page that mutes a type on e-mail")
            .query("token", token(), "Token of the link in the e-mail.")
            .returns_text(200, "A page with a button.", &["text/html"])
            .errors(&[400, 409]),
        Operation::post("/unsubscribe", unsubscribe)
            .access(Access::Anyone)
            .doc(Tag::Inbox, "unsubscribe", "Mute a type on e-mail, without a sign-in")
            .query("token", token(), "Token of the link in the e-mail.")
            .returns_text(200, "A page that confirms it.", &["text/html"])
            .errors(&[400, 409]),
    ]
}

/// Returns user and types of the token of a request.
fn token(state: &State, request: &HttpRequest) -> Result<(UserId, Vec<String>), Problem> {
    let query = identity::query(request.uri());
    let token = query.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
    token
        .filter(|token| token.len() <= TOKEN_MAX_BYTES)
        .and_then(|token| state.channels.unsubscribe.verify(token))
        .ok_or_else(|| Problem::bad_field("token", "is not a token of an e-mail of this hub"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(title: &str, content: &str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><style>body{{font-family:\
             system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;line-height:1.5;\
             color-scheme:light dark}}button{{font:inherit;padding:.6rem 1.2rem}}</style>\
             <main><h1>{title}</h1>{content}</main></html>"
        ))
}

/// Returns the names of types for people, as HTML.
fn names_of(state: &State, codes: &[String]) -> String {
    let catalog = state.catalog.current();
    let name = |code: &String| {
        let name = catalog.find(code).map_or(code.as_str(), |kind| &kind.display_name);
        format!("“{}”", escaped(name))
    };
    let names: Vec<String> = codes.iter().map(name).collect();
    let word = if names.len() == 1 { "kind" } else { "kinds" };
    format!("{word} {}", names.join(", "))
}

/// Returns the types that can be muted: some may have become mandatory since the e-mail.
fn mutable(state: &State, mut codes: Vec<String>) -> Result<Vec<String>, Problem> {
    let catalog = state.catalog.current();
    codes.retain(|code| !catalog.find(code).is_some_and(|kind| kind.mandatory));
    if codes.is_empty() {
        return Err(Problem::conflict("e-mails of this kind are mandatory and cannot be muted"));
    }
    Ok(codes)
}

async fn page(state: SharedState, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (_, codes) = token(&state, &request)?;
    let names = names_of(&state, &mutable(&state, codes)?);
    Ok(html(
        "Unsubscribe",
        &format!(
            "<p>You will get no more e-mails of the {names}. The notifications stay in your \
             inbox.</p><form method=\"post\"><button>Unsubscribe</button></form>"
        ),
    ))
}

async fn unsubscribe(state: SharedState, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (user, codes) = token(&state, &request)?;
    let codes = mutable(&state, codes)?;
    let muted = |mut preferences: Preferences| {
        for code in &codes {
            preferences.mute_on(EMAIL, code);
        }
        Ok::<_, Problem>(preferences)
    };
    state.store.change_preferences(&user, clock::now(), muted).await??;
    let names = names_of(&state, &codes);
    Ok(html("Unsubscribed", &format!("<p>You get no more e-mails of the {names}.</p>")))
}
