//! Query parameters of the administrators' lists.

use actix_web::HttpRequest;

use crate::http::{Problem, identity};

const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 1_000;

/// Query `?limit=&cursor=&q=&kind=`.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) limit: i64,
    pub(super) cursor: Option<String>,
    pub(super) text: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) role: Option<String>,
}

impl Query {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let mut query = Self {
            limit: LIMIT_DEFAULT,
            cursor: None,
            text: None,
            kind: None,
            subject: None,
            role: None,
        };
        for (name, value) in identity::query(request.uri()) {
            if value.contains('\0') {
                return Err(Problem::bad_field(&name, "must not have a NUL"));
            }
            let given = Some(value.clone()).filter(|value| !value.is_empty());
            match name.as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    query.limit = limit.ok_or_else(|| {
                        Problem::bad_field(&name, format!("must be from 1 to {LIMIT_MAX}"))
                    })?;
                }
                "cursor" => query.cursor = given,
                "q" => query.text = given,
                "kind" => query.kind = given,
                "subject" => query.subject = given,
                // `role` itself is a parameter of dev authentication.
                "with_role" => query.role = given,
                // Parameters of dev authentication and a token are also here.
                _ => {}
            }
        }
        Ok(query)
    }
}
