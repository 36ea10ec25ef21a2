//! Refused origins and unknown types of all hubs, for the overview.
//!
//! Each hub counts its own since its start. The counts of one origin, or of one code, are added up.

use std::{cmp::Reverse, collections::HashMap};

use serde_json::{Map, Value, json};

use super::hubs::{self, Question};
use crate::{
    config::Server,
    domain::notification::Timestamp,
    http::{Problem, State},
};

/// Maximum number of origins, and of codes, in an answer.
const ENTRIES_MAX: usize = 50;

/// Returns the refused origins and the unknown types of this hub.
pub(super) fn of_this_hub(state: &State) -> Value {
    json!({
        "refused_origins": state.refused_origins.all(),
        "unknown_types": state.unknown_types.latest(ENTRIES_MAX),
    })
}

/// Adds the refused origins and the unknown types of all hubs to a response, the latest first.
/// Origins that were allowed since, and codes of types that were added since, are left out.
pub(super) async fn add(state: &State, response: &mut Map<String, Value>) -> Result<(), Problem> {
    let own = std::future::ready(Ok(of_this_hub(state)));
    let gathered = hubs::ask(state, &Question::Remedies, own).await?;
    let mut origins = merged(&gathered.answers, "refused_origins", "origin");
    let server = state.server.load();
    origins.retain(|one| one["origin"].as_str().is_none_or(|origin| !is_allowed(&server, origin)));
    let catalog = state.catalog.current();
    let mut codes = merged(&gathered.answers, "unknown_types", "code");
    codes.retain(|one| one["code"].as_str().is_none_or(|code| catalog.find(code).is_none()));
    for one in &mut codes {
        one["suggestion"] = json!(one["code"].as_str().and_then(|code| catalog.similar(code)));
    }
    response.insert("refused_origins".to_owned(), Value::Array(origins));
    response.insert("unknown_types".to_owned(), Value::Array(codes));
    gathered.note_incomplete(response);
    Ok(())
}

/// Returns whether pages of this origin may use the hub now.
fn is_allowed(server: &Server, origin: &str) -> bool {
    server.allowed_origins.iter().any(|allowed| allowed.trim_end_matches('/') == origin)
}

/// Returns the entries of a list of all hubs: those with the same `key` are one entry, with the sum
/// of their counts and the latest time.
fn merged(answers: &[Value], list: &str, key: &str) -> Vec<Value> {
    let mut known: HashMap<&str, (u64, Option<Timestamp>)> = HashMap::new();
    for entry in answers.iter().filter_map(|answer| answer[list].as_array()).flatten() {
        let Some(name) = entry[key].as_str() else { continue };
        let (count, last_at) = known.entry(name).or_default();
        *count = count.saturating_add(entry["count"].as_u64().unwrap_or(0));
        *last_at = (*last_at).max(hubs::time(entry, "last_at"));
    }
    let mut all: Vec<_> = known.into_iter().collect();
    all.sort_by_key(|(name, (_, last_at))| (Reverse(*last_at), *name));
    all.truncate(ENTRIES_MAX);
    let shown = |(name, (count, last_at)): (&str, (u64, Option<Timestamp>))| {
        let members = [("count", json!(count)), ("last_at", json!(last_at)), (key, json!(name))];
        members.into_iter().map(|(member, value)| (member.to_owned(), value)).collect()
    };
    all.into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(origins: &[(&str, u64, i64)]) -> Value {
        let entry = |(origin, count, at): &(&str, u64, i64)| {
            let last_at = Timestamp(*at);
            json!({ "origin": origin, "count": count, "last_at": last_at })
        };
        json!({ "refused_origins": origins.iter().map(entry).collect::<Vec<_>>() })
    }

    #[test]
    fn counts_of_all_hubs_are_added_up_with_the_latest_time() {
        let answers = [
            answer(&[("https://a.example", 2, 1_000), ("https://b.example", 1, 5_000)]),
            answer(&[("https://a.example", 3, 9_001)]),
            json!({}),
        ];
        let origins = merged(&answers, "refused_origins", "origin");
        let expected = [
            json!({ "origin": "https://a.example", "count": 5, "last_at": Timestamp(9_001) }),
            json!({ "origin": "https://b.example", "count": 1, "last_at": Timestamp(5_000) }),
        ];
        assert_eq!(origins, expected);
        assert!(merged(&answers, "unknown_types", "code").is_empty());
    }

    #[test]
    fn answer_is_bounded_and_keeps_the_latest() {
        let many: Vec<_> = (0..300).map(|n| format!("https://{n}.example")).collect();
        let one = |(name, at): (&String, i64)| answer(&[(name.as_str(), 1, at)]);
        let answers: Vec<Value> = many.iter().zip(0..).map(one).collect();
        let origins = merged(&answers, "refused_origins", "origin");
        assert_eq!(origins.len(), ENTRIES_MAX);
        assert_eq!(origins[0]["origin"], "https://299.example");
    }
}
