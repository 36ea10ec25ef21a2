//! Sample of a notification type: unsaved fields, the data of an event, and a recipient.

use std::sync::Arc;

use actix_web::web;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    find,
    written::{Written, merged},
};
use crate::{
    auth::Caller,
    clock,
    domain::{
        catalog::{Catalog, NotificationType, TypeRow, check_locale},
        channel::{EMAIL, WEB},
        event::{Event, MESSAGE, RawEvent, code_of, decode},
        notification::Timestamp,
        plan::{Draft, People, Planner},
        rejected::Rejected,
        user::{Person, UserId},
    },
    http::{
        Problem, State,
        admin::{dead_letters, explain_stored, replay},
        body,
    },
};

/// Body of a preview request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    /// Data of an event; with a real event, fields that replace its own.
    #[serde(default)]
    data: Map<String, Value>,
    /// Recent event, by its ID or that of a notification it made.
    #[serde(default)]
    event: Option<String>,
    /// Dead letter, by its ID.
    #[serde(default)]
    dead_letter: Option<String>,
    /// Unsaved fields of the type.
    #[serde(default, rename = "type")]
    draft: Map<String, Value>,
    /// Recipient; by default the caller.
    #[serde(default)]
    recipient: Option<UserId>,
    /// `email` renders the e-mail too.
    #[serde(default)]
    channel: Option<String>,
    /// Language of the texts, instead of the recipient's; empty for the default texts.
    #[serde(default)]
    locale: Option<String>,
}

impl Sample {
    /// Reads the body of a request.
    pub(super) async fn read(state: &State, payload: web::Payload) -> Result<Self, Problem> {
        let bytes = body::read(payload, state.server.load().max_event_bytes).await?;
        let sample: Self = body::json(&bytes)?;
        let channel = sample.channel.as_deref().filter(|channel| *channel != WEB);
        if channel.is_some_and(|channel| channel != EMAIL) {
            return Err(Problem::bad_field("channel", "must be web or email"));
        }
        if let Some(locale) = sample.locale.as_deref().filter(|locale| !locale.is_empty()) {
            check_locale(locale).map_err(|detail| Problem::bad_field("locale", detail))?;
        }
        Ok(sample)
    }

    /// Returns whether the e-mail is wanted.
    pub(super) fn wants_mail(&self) -> bool {
        self.channel.as_deref() == Some(EMAIL)
    }

    /// Returns whether the data are those of a real event.
    pub(super) fn is_real(&self) -> bool {
        self.event.is_some() || self.dead_letter.is_some()
    }

    /// Returns the recipient: the given one, else the caller.
    pub(super) fn addressee(&self, caller: &Caller) -> Option<UserId> {
        let of_caller = || caller.user().map(|identity| identity.user_id.clone());
        self.recipient.clone().or_else(of_caller)
    }

    /// Compiles the type with its unsaved fields, and looks the event and the people up.
    pub(super) async fn prepare(
        self,
        state: &State,
        code: &str,
        caller: &Caller,
    ) -> Result<Prepared, Problem> {
        let mut row = match find(state, code).await {
            Ok(row) => merged(&row, self.draft)?.into_row(Some(&row.code), None)?,
            // A type that does not exist yet can be previewed.
            Err(problem) if self.draft.is_empty() => return Err(problem),
            Err(_) => body::json::<Written>(Value::from(self.draft).to_string().as_bytes())?
                .into_row(Some(code), None)?,
        };
        row.is_active = true;
        let translations = state.configuration.translations();
        let (catalog, _) = Catalog::build(
            std::slice::from_ref(&row),
            &translations.local,
            &translations.default_locale,
        );
        let real = real(state, self.event.as_deref(), self.dead_letter.as_deref()).await?;
        let (mut data, reader) = real.unwrap_or_default();
        data.extend(self.data);
        let shown = data.clone();
        let recipient = recipient(self.recipient.or(reader), caller, &data)?;
        data.insert("type".to_owned(), Value::String(code.to_owned()));
        let now = clock::now();
        let sample = Value::from(data).to_string();
        let incoming = RawEvent {
            payload: sample.as_bytes(),
            headers: &[],
            subject: None,
            broker_identity: None,
            now,
            max_event_bytes: state.server.load().max_event_bytes.saturating_mul(2),
        };
        let mut events = decode(&incoming).map_err(|rejected| Problem::from(&rejected))?.events;
        let event = Arc::new(events.remove(0));
        let named: Vec<UserId> = [&event.user_id, &event.actor_id]
            .into_iter()
            .flatten()
            .cloned()
            .chain([recipient.clone()])
            .collect();
        let people = People::new(state.store.people(&named).await?);
        let mut person = people.get(&recipient);
        if self.locale.is_some() {
            person.locale = self.locale;
        }
        let Some(kind) = catalog.find(&event.code).map(Arc::clone) else {
            return Err(Problem::bad_field("type", "cannot be used as it is"));
        };
        Ok(Prepared { row, kind, catalog: Arc::new(catalog), event, people, person, shown, now })
    }
}

/// Sample that is ready to be rendered.
pub(super) struct Prepared {
    /// Type with its unsaved fields.
    pub(super) row: TypeRow,
    /// The same, compiled.
    pub(super) kind: Arc<NotificationType>,
    /// Catalog of the type alone.
    pub(super) catalog: Arc<Catalog>,
    event: Arc<Event>,
    people: People,
    /// Recipient.
    pub(super) person: Person,
    /// Data of the event.
    pub(super) shown: Map<String, Value>,
    /// Time of the preview.
    pub(super) now: Timestamp,
}

impl Prepared {
    /// Renders the notification for the recipient; in another language if there is a `locale`.
    pub(super) fn draft(&self, locale: Option<&str>) -> Result<Draft, Rejected> {
        let mut person = self.person.clone();
        if let Some(locale) = locale {
            person.locale = Some(locale.to_owned());
        }
        let planner = Planner::new(&self.event, &self.kind, &self.people, &self.catalog, self.now)?;
        let draft = planner.drafts(&[person])?.into_iter().next();
        // Without preferences, nobody has muted the type.
        draft.ok_or_else(|| Rejected::unprocessable(None, "the recipient has muted this type"))
    }
}

/// Returns the recipient: the given one, else the caller, else the user of the event.
fn recipient(
    given: Option<UserId>,
    caller: &Caller,
    data: &Map<String, Value>,
) -> Result<UserId, Problem> {
    let of_event = || {
        let id = data.get("user_id").or_else(|| data.get("userId"))?;
        UserId::from_json(id).ok()
    };
    given
        .or_else(|| caller.user().map(|identity| identity.user_id.clone()))
        .or_else(of_event)
        .map_or_else(|| UserId::parse("someone"), Ok)
        .map_err(|error| Problem::bad_field("recipient", error.to_string()))
}

/// Returns the data of a real event, and a recipient.
async fn real(
    state: &State,
    event: Option<&str>,
    dead_letter: Option<&str>,
) -> Result<Option<(Map<String, Value>, Option<UserId>)>, Problem> {
    match (event, dead_letter) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(Problem::bad_field("event", "name an event or a dead letter, not both"))
        }
        (None, Some(id)) => {
            let letter = dead_letters::find(state, id).await?;
            let event = replay::events_of(state, &letter)?.events.remove(0);
            Ok(Some((flat(event.data, event.user_id.as_ref(), event.actor_id.as_ref()), None)))
        }
        (Some(id), None) => {
            let gone =
                || Problem::not_found("this event is not known any more, or made no notification");
            let traces = state.trace.of_event(id, 1);
            let known = traces.iter().find_map(|trace| explain_stored::first_reached(trace));
            let (reached, user) = match known {
                Some(known) => known,
                None => explain_stored::first_delivery(state, id).await?.ok_or_else(gone)?,
            };
            let item = state
                .store
                .notification(&reached.user_id, reached.notification_id)
                .await?
                .ok_or_else(gone)?;
            // Metadata that the hub has written itself is valid.
            let mut data: Map<String, Value> =
                serde_json::from_str(item.metadata.get()).unwrap_or_default();
            if code_of(&item.type_code) == MESSAGE {
                // The metadata of a direct notification are without its text.
                data.entry("message").or_insert_with(|| Value::String(item.message.clone()));
            }
            Ok(Some((flat(data, user.as_ref(), item.actor_id.as_ref()), Some(reached.user_id))))
        }
    }
}

/// Returns an event in the flat shape.
fn flat(
    mut data: Map<String, Value>,
    user: Option<&UserId>,
    actor: Option<&UserId>,
) -> Map<String, Value> {
    for (name, who) in [("user_id", user), ("actor_id", actor)] {
        if let Some(who) = who {
            data.entry(name).or_insert_with(|| Value::String(who.to_string()));
        }
    }
    data
}
