//! One-click unsubscribe of e-mails (RFC 8058): `/unsubscribe`.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    http::{StatusCode, header},
};
use serde_json::json;

use super::{Problem, SharedState, State, identity};
use crate::{
    clock,
    domain::{channel::EMAIL, language::Language, preferences::Preferences, user::UserId},
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

/// Returns a page; title and content are HTML.
fn html(status: StatusCode, language: Language, title: &str, content: &str) -> HttpResponse {
    let tag = language.tag();
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_LANGUAGE, tag))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(format!(
            "<!doctype html><html lang=\"{tag}\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>{title}</title><style>body{{font-family:\
             system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;line-height:1.5;\
             color-scheme:light dark}}button{{font:inherit;padding:.6rem 1.2rem}}</style>\
             <main><h1>{title}</h1>{content}</main></html>"
        ))
}

fn text<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Returns the language of the browser.
fn browser_language(request: &HttpRequest) -> Language {
    Language::accepted(text(request, &header::ACCEPT_LANGUAGE))
}

/// Returns the language of a user: that of the directory, else of the browser.
async fn language(state: &State, request: &HttpRequest, user: &UserId) -> Language {
    let people = state.store.people(std::slice::from_ref(user)).await.unwrap_or_default();
    let locale = people.into_iter().find_map(|person| person.locale).filter(|tag| !tag.is_empty());
    locale.map_or_else(|| browser_language(request), |locale| Language::of(&locale))
}

/// Returns a page that says why a link has no effect; a client that does not ask for HTML gets the
/// problem.
fn refused(request: &HttpRequest, problem: Problem) -> Result<HttpResponse, Problem> {
    let status = problem.status_code();
    if !status.is_client_error() || !text(request, &header::ACCEPT).contains("text/html") {
        return Err(problem);
    }
    let language = browser_language(request);
    let (title, content) = if status == StatusCode::CONFLICT {
        language.choose(
            (
                "These e-mails are always sent",
                "<p>E-mails of this kind are mandatory and cannot be switched off.</p>",
            ),
            ("Surel ini selalu dikirim", "<p>Surel jenis ini wajib dan tidak dapat dimatikan.</p>"),
        )
    } else {
        language.choose(
            (
                "This link does not work",
                "<p>It is incomplete, or of another hub. Open the link in the e-mail again, or \
                 change your settings in the bell.</p>",
            ),
            (
                "Tautan ini tidak berfungsi",
                "<p>Tautannya tidak lengkap, atau dari hub lain. Buka lagi tautan di surel, atau \
                 ubah pengaturan Anda di lonceng.</p>",
            ),
        )
    };
    Ok(html(status, language, title, content))
}

/// Returns what the types are called, as HTML.
fn names_of(state: &State, codes: &[String], language: Language) -> String {
    let catalog = state.catalog.current();
    let name = |code: &String| {
        let name = catalog.find(code).map_or(code.as_str(), |kind| &kind.display_name);
        format!("“{}”", escaped(name))
    };
    let names: Vec<String> = codes.iter().map(name).collect();
    let word = language.choose(if names.len() == 1 { "kind" } else { "kinds" }, "jenis");
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

/// Returns user and types of the token of a request, as far as they can be muted.
fn target(state: &State, request: &HttpRequest) -> Result<(UserId, Vec<String>), Problem> {
    let (user, codes) = token(state, request)?;
    Ok((user, mutable(state, codes)?))
}

async fn page(state: SharedState, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (user, codes) = match target(&state, &request) {
        Ok(found) => found,
        Err(problem) => return refused(&request, problem),
    };
    let language = language(&state, &request, &user).await;
    let names = names_of(&state, &codes, language);
    let title = language.choose("Unsubscribe", "Berhenti berlangganan");
    let text = language.choose(
        format!(
            "You will get no more e-mails of the {names}. The notifications stay in your inbox."
        ),
        format!(
            "Anda tidak akan menerima surel {names} lagi. Notifikasinya tetap ada di kotak \
             masuk Anda."
        ),
    );
    let content = format!("<p>{text}</p><form method=\"post\"><button>{title}</button></form>");
    Ok(html(StatusCode::OK, language, title, &content))
}

async fn unsubscribe(state: SharedState, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (user, codes) = match target(&state, &request) {
        Ok(found) => found,
        Err(problem) => return refused(&request, problem),
    };
    let muted = |mut preferences: Preferences| {
        for code in &codes {
            preferences.mute_on(EMAIL, code);
        }
        Ok::<_, Problem>((preferences, None))
    };
    state.store.change_preferences(&user, clock::now(), muted).await??;
    let language = language(&state, &request, &user).await;
    let names = names_of(&state, &codes, language);
    let title = language.choose("Unsubscribed", "Langganan dihentikan");
    let content = language.choose(
        format!("<p>You get no more e-mails of the {names}.</p>"),
        format!("<p>Anda tidak menerima surel {names} lagi.</p>"),
    );
    Ok(html(StatusCode::OK, language, title, &content))
}
