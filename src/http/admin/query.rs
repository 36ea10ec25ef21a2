//! Query parameters of the administrators' lists.

use actix_web::HttpRequest;
use serde_json::json;

use crate::http::{Problem, api::Operation, identity};

const LIMIT_DEFAULT: i64 = 50;
const LIMIT_MAX: i64 = 1_000;

/// Query `?limit=&cursor=&q=&kind=`.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) limit: i64,
    /// True if the request has `limit` or `cursor`.
    is_paged: bool,
    pub(super) cursor: Option<String>,
    pub(super) text: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) role: Option<String>,
    pub(super) user: Option<String>,
}

impl Query {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let mut query = Self {
            limit: LIMIT_DEFAULT,
            is_paged: false,
            cursor: None,
            text: None,
            kind: None,
            subject: None,
            role: None,
            user: None,
        };
        for (name, value) in identity::query(request.uri()) {
            if value.contains('\0') {
                return Err(Problem::bad_field(&name, "must not have a NUL"));
            }
            let given = Some(value.clone()).filter(|value| !value.is_empty());
            match name.as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                    query.is_paged = true;
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
                // As is `user_id`.
                "user" => query.user = given,
                // Parameters of dev authentication and a token are also here.
                _ => {}
            }
        }
        query.is_paged |= query.cursor.is_some();
        Ok(query)
    }

    /// Returns a page of a list, and the cursor of the next one. `key` is different for each entry,
    /// and increases in the list. The list is whole if neither `limit` nor `cursor` is given: it
    /// was before it had pages.
    pub(super) fn page_of<T>(
        &self,
        mut list: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        if !self.is_paged {
            return (list, None);
        }
        if let Some(cursor) = &self.cursor {
            list.retain(|entry| key(entry) > *cursor);
        }
        let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let is_more = list.len() > most;
        list.truncate(most);
        let next = list.last().filter(|_| is_more).map(key);
        (list, next)
    }
}

impl Operation {
    /// Adds `limit` and `cursor` of a list that is whole without them.
    pub(super) fn pages(self) -> Self {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": LIMIT_MAX });
        let cursor = json!({ "type": "string" });
        self.query("limit", limit, "Maximum number of entries; without it and `cursor`, all.")
            .query("cursor", cursor, "`next_cursor` of the previous page.")
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::Query;

    #[test]
    fn pages_of_a_list_are_the_list() {
        let names = ["a", "b", "c", "d", "e"];
        let page = |query: &str| {
            let request = TestRequest::with_uri(&format!("/x?{query}")).to_http_request();
            let query = Query::of(&request).expect("the query is valid");
            query.page_of(names.to_vec(), |name| (*name).to_owned())
        };
        assert_eq!(page(""), (names.to_vec(), None));
        assert_eq!(page("limit=2"), (vec!["a", "b"], Some("b".to_owned())));
        assert_eq!(page("limit=2&cursor=b"), (vec!["c", "d"], Some("d".to_owned())));
        assert_eq!(page("limit=2&cursor=d"), (vec!["e"], None));
        assert_eq!(page("limit=5"), (names.to_vec(), None));
        // An entry that is gone meanwhile keeps its place.
        assert_eq!(page("cursor=bb"), (vec!["c", "d", "e"], None));
        for wrong in ["0", "1001", "x"] {
            let uri = format!("/x?limit={wrong}");
            assert!(Query::of(&TestRequest::with_uri(&uri).to_http_request()).is_err(), "{wrong}");
        }
    }
}
