//! Stable codes of the sentences that the hub says, with the values in them, so that a program can
//! translate or compare what people read.
//!
//! A sentence is the record: it is stored with a delivery, and it may be years old. Its code is
//! found when it is shown, so that stored sentences have one too. A sentence of another side, such
//! as a mail server, has none.

use serde::Serialize;
use serde_json::{Map, Value};

/// Code of a sentence, and the values in it by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageCode {
    /// Code, such as `too_long`.
    pub code: &'static str,
    /// Values, such as `max`.
    pub params: Map<String, Value>,
}

/// Codes and sentences; `{name}` stands for a value.
type Sentences = &'static [(&'static str, &'static str)];

/// Reasons of the state of a delivery.
const DELIVERY: Sentences = &[
    ("deleted", "the notification was deleted"),
    ("seen_in_time", "the notification was seen in time"),
    ("read_in_time", "the notification was read in time"),
    ("quiet_hours", "quiet hours"),
    ("no_email", "the person has no e-mail address"),
    ("email_not_verified", "the e-mail address is not verified"),
    ("no_browser", "no browser of the person receives Web Push"),
    ("muted", "the person has muted the type"),
    ("muted_on_channel", "the person has muted the type on {channel}"),
    ("channel_off", "the person has switched {channel} off"),
    ("no_notification", "the notification does not exist any more"),
    ("read_in_quiet_hours", "the notification was read during the quiet hours"),
    ("read_before_digest", "the notification was read before the digest"),
    ("dealt_with_before_push", "the notification was dealt with before the push"),
    ("recalled", "the event was recalled"),
    ("channel_down", "the other side is not reached"),
    ("timeout", "no answer within {seconds} s"),
    ("timeout", "no answer in time"),
    ("unreachable", "not reached: {cause}"),
    ("unreachable", "not reached"),
];

/// Faults of a field.
const FIELD: Sentences = &[
    ("missing", "is missing"),
    ("missing", "users.upserted needs user_id"),
    ("empty", "must not be empty"),
    ("too_long", "has {length} characters; at most {max} are possible"),
    ("range", "must be from {min} to {max}"),
    ("minimum", "must be at least {min}"),
    ("one_of", "must be one of {values}"),
    ("not_text", "must be a string without NUL"),
    ("not_a_string", "must be a string"),
    ("not_user_ids", "must be a list of user ids"),
    ("not_text_list", "must be a list of strings"),
    ("not_boolean", "must be true or false"),
    ("not_an_id", "is not an ID"),
    ("nul", "must not have a NUL"),
    ("user_id_empty", "a user id must not be empty"),
    ("user_id_too_long", "a user id has at most {max} characters"),
    ("user_id_control", "a user id must not contain control characters"),
    ("user_id_kind", "a user id must be a string or a whole number"),
    ("other_user", "is not the one in the address"),
    (
        "roles",
        "must have at most {max} roles of 1 to {length} characters without control characters",
    ),
    ("not_email", "{address} is no e-mail address"),
    ("not_language_tag", "{tag} is no language tag, such as id or pt-BR"),
    ("time_zone", "{zone} is no IANA time zone, such as \"Asia/Jakarta\""),
    ("unknown_field", "is not known; {known} are"),
    ("not_an_object", "is not a JSON object: {error}"),
    ("too_many_fields", "has more than {max} fields"),
    ("no_header", "the first line must name the fields, and user_id among them"),
    ("targets", "must name from 1 to {max} people"),
    ("no_address", "is missing: an e-mail address, or the ID of a user for push"),
    ("not_one_line", "must have at most {max} characters, on one line"),
    ("type_code", "must have 1 to {max} characters, such as \"ORDER_SHIPPED\""),
    ("type_code_space", "has white space, which the types of events do not have; write {code}"),
    ("unknown_channel", "must be email, push or webhook:NAME of a configured webhook"),
];

/// Reasons for which an event is rejected.
const EVENT: Sentences = &[
    ("needs_field", "the type {type} has the target {target}, which needs {field}"),
    ("template_needs", "the template needs {field}, which the event does not have"),
    ("template_failed", "the template failed: {cause}"),
    ("not_json", "the payload is not JSON: {error}"),
    ("no_type_named", "the event names no type; add \"type\""),
    ("not_an_event", "an event must be a JSON object"),
    ("empty_batch", "the batch has no event"),
    ("large_batch", "a batch has at most {max} events, this one has {count}"),
    ("large_event", "the event has {bytes} bytes, at most {max} are allowed"),
    ("gave_up", "given up after {attempts} failed attempts: {cause}"),
];

/// Errors of a request as a whole.
const PROBLEM: Sentences = &[
    ("not_signed_in", "sign in: send a token as \"Authorization: Bearer\""),
    ("token_expired", "the token is not accepted: it has expired"),
    ("token_invalid", "the token is not accepted: it is not valid"),
    ("token_refused", "the token is not accepted: {why}"),
    ("unknown_key", "the API key is not known"),
    ("session_over", "the session is over; sign in again"),
    ("identities_unavailable", "identities cannot be checked now; try again"),
    ("not_admin", "administering needs the role admin, or a key with the scope admin"),
    (
        "foreign_origin",
        "requests from this origin are not allowed; add it to server.allowed_origins",
    ),
    ("store_unavailable", "the store is unavailable; try again"),
    ("overloaded", "the hub has too much to do; try again"),
    ("store_failed", "the store rejected the request; see the log"),
    ("no_client", "no connection has this client_id"),
    ("no_user", "the directory does not have this user"),
    ("no_delivery", "there is no such delivery"),
    ("no_dead_letter", "there is no such dead letter"),
    ("no_job", "there is no such job"),
    ("job_running", "a job {kind} is running already; wait for it, or stop it"),
    (
        "not_retried",
        "the delivery is {state}; one that failed, was cancelled or skipped can be retried",
    ),
    ("no_channel", "the channel {channel} is not configured"),
    ("type_exists", "there is a type {code} already"),
    ("empty_file", "the file is empty"),
    ("not_utf8", "the file is not UTF-8; save it as \"CSV UTF-8\""),
    ("no_users_in_file", "the file has no users; nothing is removed"),
    (
        "errors_in_file",
        "lines with errors: {count}; correct them first, because their users would be removed",
    ),
    (
        "other_count",
        "the import would remove {count} users, and {confirmed} were confirmed; check it again",
    ),
];

/// Returns the code of the reason of a delivery's state.
#[must_use]
pub fn of_delivery(reason: &str) -> Option<MessageCode> {
    find(DELIVERY, reason)
}

/// Returns the code of the fault of a field.
#[must_use]
pub fn of_field(detail: &str) -> Option<MessageCode> {
    find(FIELD, detail)
}

/// Returns the code of the reason for which an event is rejected. That of a fault of a field has
/// the name in `field`.
#[must_use]
pub fn of_event(reason: &str) -> Option<MessageCode> {
    find(EVENT, reason).or_else(|| {
        let (field, detail) = reason.split_once(": ")?;
        let mut fault = of_field(detail)?;
        fault.params.insert("field".to_owned(), Value::from(field));
        Some(fault)
    })
}

/// Returns the code of the error of a request.
#[must_use]
pub fn of_problem(detail: &str) -> Option<MessageCode> {
    find(PROBLEM, detail).or_else(|| find(EVENT, detail))
}

fn find(sentences: Sentences, text: &str) -> Option<MessageCode> {
    sentences
        .iter()
        .find_map(|&(code, sentence)| Some(MessageCode { code, params: values(sentence, text)? }))
}

/// Returns the values in a text, or `None` if it is another sentence.
fn values(sentence: &str, text: &str) -> Option<Map<String, Value>> {
    let mut parts = sentence.split('{');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Map::new();
    for part in parts {
        let (name, after) = part.split_once('}')?;
        let end = if after.is_empty() { rest.len() } else { rest.find(after)? };
        let value = &rest[..end];
        if value.is_empty() {
            return None;
        }
        rest = &rest[end + after.len()..];
        let value = value.parse::<i64>().map_or_else(|_| Value::from(value), Value::from);
        values.insert(name.to_owned(), value);
    }
    rest.is_empty().then_some(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sentence_has_its_code_and_its_values() {
        let found = of_field("has 300 characters; at most 256 are possible").expect("it is known");
        assert_eq!(
            json!(found),
            json!({ "code": "too_long", "params": { "length": 300,
            "max": 256 } })
        );
        let zone = of_field("\"Mars\" is no IANA time zone, such as \"Asia/Jakarta\"");
        assert_eq!(zone.map(|zone| zone.params["zone"].clone()), Some(json!("\"Mars\"")));
        let on = of_delivery("the person has muted the type on email").expect("it is known");
        assert_eq!((on.code, &on.params["channel"]), ("muted_on_channel", &json!("email")));
        let plain = of_delivery("the person has muted the type").expect("it is known");
        assert_eq!((plain.code, plain.params.len()), ("muted", 0));
        let cause = of_delivery("not reached: Connection refused").expect("it is known");
        assert_eq!(cause.params["cause"], "Connection refused");
    }

    #[test]
    fn fault_of_a_field_of_an_event_names_the_field() {
        let found = of_event("recipient_ids: must be a list of user ids").expect("it is known");
        assert_eq!((found.code, &found.params["field"]), ("not_user_ids", &json!("recipient_ids")));
        let needs = "the type NOTE_CREATED has the target SELF, which needs user_id";
        let found = of_event(needs).expect("it is known");
        assert_eq!(
            json!(found.params),
            json!({ "type": "NOTE_CREATED", "target": "SELF",
            "field": "user_id" })
        );
        assert_eq!(of_event("odd: of another side"), None);
    }

    #[test]
    fn sentence_of_another_side_has_no_code() {
        for text in ["", "550 no such mailbox", "is missing here", "must be from 1 to "] {
            assert_eq!(of_delivery(text).or_else(|| of_field(text)), None, "{text}");
        }
        assert_eq!(of_problem("there is no such job any more"), None);
    }

    #[test]
    fn every_sentence_is_found_as_itself() {
        for sentences in [DELIVERY, FIELD, EVENT, PROBLEM] {
            for (code, sentence) in sentences {
                let found = find(sentences, sentence).map(|found| found.code);
                assert_eq!(found, Some(*code), "{sentence}");
            }
        }
    }
}
