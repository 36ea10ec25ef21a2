//! Embedded files: browser component, demo page, console and documentation.

use std::{borrow::Cow, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web::{Data, Path},
};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Problem, SharedState};
use crate::http::api::{Operation, Tag};

/// Operations of this resource.
pub(in crate::http) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/openapi.json", openapi)
            .doc(Tag::Operations, "openapi", "Get this document")
            .returns_schema(200, "OpenAPI 3.1.", &json!({ "type": "object" })),
        Operation::get("/asyncapi.json", asyncapi)
            .doc(Tag::Operations, "asyncapi", "Get the description of the WebSocket protocol")
            .returns_schema(200, "AsyncAPI 3.", &json!({ "type": "object" })),
        Operation::get("/admin", console)
            .doc(Tag::Operations, "console", "Get the administration console")
            .returns_text(200, "A page without external resources.", &["text/html"]),
        Operation::get("/admin/{file}", console_file)
            .doc(Tag::Operations, "console_file", "Get a file of the administration console")
            .path("file", names(Console::iter()), "Name of the file.")
            .returns_text(200, "The file.", &["text/css", "text/javascript", "image/svg+xml"]),
        Operation::get("/docs", docs)
            .doc(Tag::Operations, "docs", "Get the API documentation as a page")
            .returns_text(200, "A page without external resources.", &["text/html"]),
        Operation::get("/docs/{file}", docs_file)
            .doc(Tag::Operations, "docs_file", "Get a file of the API documentation")
            .path("file", names(Docs::iter()), "Name of the file.")
            .returns_text(200, "The file.", &["text/css", "text/javascript"]),
        Operation::get("/lonceng.js", component)
            .doc(Tag::Operations, "component", "Get the browser component")
            .returns_text(200, "One ES module.", &["text/javascript"])
            .errors(&[404]),
        Operation::get("/lonceng-inbox.js", component_inbox)
            .doc(
                Tag::Operations,
                "component_inbox",
                "Get the list and the settings of the browser component, which it imports itself",
            )
            .returns_text(200, "One ES module.", &["text/javascript"])
            .errors(&[404]),
        Operation::get("/lonceng-sw.js", service_worker)
            .doc(Tag::Operations, "service_worker", "Get the service worker that shows Web Push")
            .returns_text(200, "A service worker.", &["text/javascript"]),
        Operation::get("/lonceng.d.ts", declarations)
            .doc(
                Tag::Operations,
                "component_types",
                "Get the TypeScript declarations of the browser component",
            )
            .returns_text(200, "Declarations.", &["text/plain"])
            .errors(&[404]),
        Operation::get("/", demo)
            .doc(Tag::Operations, "demo", "Get the demo page (dev authentication only)")
            .returns_text(200, "A page.", &["text/html"])
            .errors(&[404]),
        Operation::get("/demo/{file}", demo_file)
            .doc(Tag::Operations, "demo_file", "Get a file of the demo page")
            .path("file", names(Demo::iter()), "Name of the file.")
            .returns_text(200, "The file.", &["text/css", "text/javascript", "image/svg+xml"]),
    ]
}

/// Returns the JSON Schema of a file's name; pages have addresses of their own.
fn names(files: impl Iterator<Item = Cow<'static, str>>) -> Value {
    let mut names: Vec<_> = files.filter(|name| !name.ends_with(".html")).collect();
    names.sort();
    json!({ "type": "string", "enum": names })
}

/// Content Security Policy of the pages: no external resources, no inline scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
img-src 'self' data:; \
     connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'self'";

/// Demo page.
#[derive(RustEmbed)]
#[folder = "web/demo/"]
struct Demo;

/// Administration console.
#[derive(RustEmbed)]
#[folder = "web/admin/"]
struct Console;

/// API documentation page.
#[derive(RustEmbed)]
#[folder = "web/docs/"]
struct Docs;

/// Description of the WebSocket protocol (`AsyncAPI` 3.0).
static ASYNCAPI: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(include_bytes!("../../docs/api/asyncapi.json").to_vec()));

/// Component as two minified modules, and its TypeScript declarations, built from `web/src`.
#[derive(RustEmbed)]
#[folder = "web/dist/"]
struct Component;

/// Service worker of Web Push.
static SERVICE_WORKER: LazyLock<Asset> =
    LazyLock::new(|| Asset::new(include_bytes!("../../web/worker/lonceng-sw.js").to_vec()));

/// Generated `OpenAPI` document.
pub(super) struct OpenApi(Asset);

impl OpenApi {
    pub(super) fn new(document: &Value) -> Self {
        Self(Asset::new(document.to_string().into_bytes()))
    }
}

struct Asset {
    bytes: Vec<u8>,
    tag: String,
}

impl Asset {
    fn new(bytes: Vec<u8>) -> Self {
        let tag = hex::encode(&Sha256::digest(&bytes)[..8]);
        Self { bytes, tag: format!("\"{tag}\"") }
    }

    fn answer(&self, request: &HttpRequest, content_type: &str) -> HttpResponse {
        let known =
            request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let mut response = if known == Some(self.tag.as_str()) {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        response
            .insert_header((header::CONTENT_TYPE, content_type))
            .insert_header((header::ETAG, self.tag.as_str()))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        if known == Some(self.tag.as_str()) {
            response.finish()
        } else {
            response.body(self.bytes.clone())
        }
    }
}

/// Handles `GET /lonceng.js`.
pub(super) async fn component(request: HttpRequest) -> Result<HttpResponse, Problem> {
    module(&request, "lonceng.js")
}

/// Handles `GET /lonceng-inbox.js`, which `/lonceng.js` imports.
pub(super) async fn component_inbox(request: HttpRequest) -> Result<HttpResponse, Problem> {
    module(&request, "lonceng-inbox.js")
}

/// Returns a module that pages of any origin may embed.
fn module(request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
    let mut response = built(name)?.answer(request, "text/javascript; charset=utf-8");
    response
        .headers_mut()
        .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, header::HeaderValue::from_static("*"));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    response.headers_mut().insert(policy, header::HeaderValue::from_static("cross-origin"));
    Ok(response)
}

fn built(name: &str) -> Result<Asset, Problem> {
    let file =
        Component::get(name).ok_or_else(|| Problem::not_found("the component is not built"))?;
    Ok(Asset::new(file.data.into_owned()))
}

/// Handles `GET /lonceng-sw.js`.
pub(super) async fn service_worker(request: HttpRequest) -> HttpResponse {
    let mut response = SERVICE_WORKER.answer(&request, "text/javascript; charset=utf-8");
    let allowed = HeaderName::from_static("service-worker-allowed");
    response.headers_mut().insert(allowed, header::HeaderValue::from_static("/"));
    response
}

/// Handles `GET /lonceng.d.ts`.
pub(super) async fn declarations(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Ok(built("lonceng.d.ts")?.answer(&request, "text/plain; charset=utf-8"))
}

/// Handles `GET /openapi.json`.
pub(super) async fn openapi(request: HttpRequest, document: Data<OpenApi>) -> HttpResponse {
    document.0.answer(&request, "application/json")
}

/// Handles `GET /asyncapi.json`.
pub(super) async fn asyncapi(request: HttpRequest) -> HttpResponse {
    ASYNCAPI.answer(&request, "application/json")
}

/// Handles `GET /admin`. The page is public; its data is requested with the user's own rights.
pub(super) async fn console(request: HttpRequest) -> Result<HttpResponse, Problem> {
    page(&request, Console::get("index.html"), "index.html")
}

/// Handles `GET /admin/{file}`.
pub(super) async fn console_file(
    request: HttpRequest,
    file: Path<String>,
) -> Result<HttpResponse, Problem> {
    page(&request, Console::get(&file), &file)
}

/// Handles `GET /docs`.
pub(super) async fn docs(request: HttpRequest) -> Result<HttpResponse, Problem> {
    page(&request, Docs::get("index.html"), "index.html")
}

/// Handles `GET /docs/{file}`.
pub(super) async fn docs_file(
    request: HttpRequest,
    file: Path<String>,
) -> Result<HttpResponse, Problem> {
    page(&request, Docs::get(&file), &file)
}

/// Handles `GET /`, with dev authentication.
pub(super) async fn demo(
    state: SharedState,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if !state.auth.is_dev() {
        return Err(Problem::not_found("the demo page is there with dev auth only"));
    }
    page(&request, Demo::get("index.html"), "index.html")
}

/// Handles `GET /demo/{file}`, with dev authentication.
pub(super) async fn demo_file(
    state: SharedState,
    request: HttpRequest,
    file: Path<String>,
) -> Result<HttpResponse, Problem> {
    if !state.auth.is_dev() {
        return Err(Problem::not_found("the demo page is there with dev auth only"));
    }
    page(&request, Demo::get(&file), &file)
}

fn page(
    request: &HttpRequest,
    file: Option<EmbeddedFile>,
    name: &str,
) -> Result<HttpResponse, Problem> {
    let file = file.ok_or_else(|| Problem::not_found("there is no such file"))?;
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let kind =
        if kind.type_() == "text" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    let mut response = Asset::new(file.data.into_owned()).answer(request, &kind);
    let policy = header::HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
