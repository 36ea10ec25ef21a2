//! Declaration of the HTTP interface: each [`Operation`] has its route, handler, required role and
//! documentation in one place.
//!
//! Every resource lists its operations next to its handlers; [`operations`](super::operations)
//! gathers them. From that one list come the routes, the access check in front of each handler, and
//! `/openapi.json`.

mod access;
mod document;

use actix_web::{
    FromRequest, Handler, Resource, Responder, Route,
    http::Method,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use serde_json::{Map, Value, json};

pub(super) use access::{Access, Checked};
pub(super) use document::document;

use super::Problem;

/// Section of the documentation that an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// Publishing events and direct notifications.
    Publish,
    /// A user's own notifications and preferences.
    Inbox,
    /// Live feeds.
    Feeds,
    /// Administration.
    Admin,
    /// Health, metrics, documents and pages.
    Operations,
}

impl Tag {
    fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Inbox => "inbox",
            Self::Feeds => "feeds",
            Self::Admin => "admin",
            Self::Operations => "operations",
        }
    }
}

/// One operation of the HTTP interface.
pub(super) struct Operation {
    method: Method,
    path: &'static str,
    access: Access,
    route: Box<dyn Fn() -> Route>,
    /// Handler of `HEAD`, if it has one of its own instead of that for `GET`.
    head: Option<Box<dyn Fn() -> Route>>,
    /// Operation object of `OpenAPI`, without what follows from the fields above.
    document: Map<String, Value>,
    /// Statuses of the error responses that the path and the access do not imply.
    errors: Vec<u16>,
}

macro_rules! constructors {
    ($($name:ident $method:ident;)*) => {
        $(
            /// Declares an operation with this HTTP method.
            pub(super) fn $name<F, A>(path: &'static str, handler: F) -> Self
            where
                F: Handler<A>,
                A: FromRequest + 'static,
                F::Output: Responder + 'static,
            {
                Self::new(Method::$method, path, handler)
            }
        )*
    };
}

impl Operation {
    constructors! {
        get GET;
        post POST;
        put PUT;
        patch PATCH;
        delete DELETE;
    }

    fn new<F, A>(method: Method, path: &'static str, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = route(method.clone(), handler);
        let (document, errors) = (Map::new(), Vec::new());
        Self { method, path, access: Access::Anyone, route, head: None, document, errors }
    }

    /// Answers `HEAD` with a handler of its own.
    pub(super) fn head<F, A>(mut self, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.head = Some(route(Method::HEAD, handler));
        self
    }

    /// Sets the callers that may use the operation, and checks them in front of the handler.
    pub(super) fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets section, ID and summary.
    pub(super) fn doc(mut self, tag: Tag, id: &str, summary: &str) -> Self {
        self.document.insert("tags".to_owned(), json!([tag.as_str()]));
        self.document.insert("operationId".to_owned(), json!(id));
        self.document.insert("summary".to_owned(), json!(summary));
        self
    }

    /// Sets the description, in Markdown.
    pub(super) fn description(mut self, text: &str) -> Self {
        self.document.insert("description".to_owned(), json!(text));
        self
    }

    /// Adds an optional query parameter with a JSON Schema.
    pub(super) fn query(self, name: &str, schema: Value, description: &str) -> Self {
        self.parameter("query", name, schema, description)
    }

    /// Adds an optional header.
    pub(super) fn header(self, name: &str, schema: Value, description: &str) -> Self {
        self.parameter("header", name, schema, description)
    }

    /// Adds a path parameter.
    pub(super) fn path(self, name: &str, schema: Value, description: &str) -> Self {
        self.parameter("path", name, schema, description)
    }

    fn parameter(self, place: &str, name: &str, schema: Value, description: &str) -> Self {
        self.parameter_object(Value::Object(Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("in".to_owned(), json!(place)),
            ("required".to_owned(), json!(place == "path")),
            ("schema".to_owned(), schema),
            ("description".to_owned(), json!(description)),
        ])))
    }

    /// Adds a parameter object of `OpenAPI`.
    pub(super) fn parameter_object(mut self, parameter: Value) -> Self {
        let parameters = self.document.entry("parameters").or_insert_with(|| json!([]));
        if let Value::Array(parameters) = parameters {
            parameters.push(parameter);
        }
        self
    }

    /// Sets the required JSON body to the component schema of this name.
    pub(super) fn body(self, schema: &str) -> Self {
        self.request_body(json!({
            "required": true, "content": { "application/json": { "schema": reference(schema) } },
        }))
    }

    /// Sets the request body object of `OpenAPI`.
    pub(super) fn request_body(mut self, body: Value) -> Self {
        self.document.insert("requestBody".to_owned(), body);
        self
    }

    /// Adds a JSON response with the component schema of this name.
    pub(super) fn returns(self, status: u16, description: &str, schema: &str) -> Self {
        self.returns_schema(status, description, &reference(schema))
    }

    /// Adds a JSON response with an inline schema.
    pub(super) fn returns_schema(self, status: u16, description: &str, schema: &Value) -> Self {
        let content = json!({ "application/json": { "schema": schema } });
        self.response(status, json!({ "description": description, "content": content }))
    }

    /// Adds a text response of these media types.
    pub(super) fn returns_text(self, status: u16, description: &str, media: &[&str]) -> Self {
        let text = json!({ "schema": { "type": "string" } });
        let content: Map<String, Value> =
            media.iter().map(|media| ((*media).to_owned(), text.clone())).collect();
        self.response(status, json!({ "description": description, "content": content }))
    }

    /// Adds a response object of `OpenAPI`.
    pub(super) fn response(mut self, status: u16, response: Value) -> Self {
        let responses = self.document.entry("responses").or_insert_with(|| json!({}));
        responses[status.to_string()] = response;
        self
    }

    /// Adds error responses beside those that follow from the access, the path and the body.
    pub(super) fn errors(mut self, errors: &[u16]) -> Self {
        self.errors.extend(errors);
        self
    }

    fn route(&self) -> Route {
        (self.route)().wrap(from_fn(access::check(self.access)))
    }

    fn head_route(&self) -> Option<Route> {
        Some(self.head.as_ref()?().wrap(from_fn(access::check(self.access))))
    }
}

fn route<F, A>(method: Method, handler: F) -> Box<dyn Fn() -> Route>
where
    F: Handler<A>,
    A: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    Box::new(move || web::method(method.clone()).to(handler.clone()))
}

/// Returns a reference to the component schema of this name.
pub(super) fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// Registers the routes of all operations. A path answers other methods with 405 and the ones that
/// it has.
pub(super) fn configure(app: &mut ServiceConfig, operations: &[Operation]) {
    let mut paths: Vec<&'static str> = Vec::new();
    for operation in operations {
        if !paths.contains(&operation.path) {
            paths.push(operation.path);
        }
    }
    // A literal path such as `…/read-all` comes before `…/{id}`, which matches it too.
    paths.sort_by_key(|path| path.contains('{'));
    for path in paths {
        let here = || operations.iter().filter(|operation| operation.path == path);
        let routes = here().flat_map(|operation| {
            [Some(operation.route()), operation.head_route()].into_iter().flatten()
        });
        app.service(routes.fold(resource(path, here()), Resource::route));
    }
}

fn resource<'a>(path: &str, operations: impl Iterator<Item = &'a Operation>) -> Resource {
    // HEAD is answered where GET is.
    let allow: Vec<String> = operations
        .flat_map(|operation| match operation.method {
            Method::GET => vec!["GET".to_owned(), "HEAD".to_owned()],
            ref other => vec![other.to_string()],
        })
        .collect();
    let allow = allow.join(", ");
    web::resource(path).default_service(web::to(move || {
        let allow = allow.clone();
        async move { Err::<actix_web::HttpResponse, _>(Problem::method_not_allowed(allow)) }
    }))
}
