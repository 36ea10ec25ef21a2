//! Dry run of a publish: who would get what, without storing or sending anything.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Problem, State};
use crate::{
    clock,
    domain::{
        catalog::{Catalog, NotificationType},
        channel::{PUSH, WEB},
        deliveries::{self, Decision, Situation, decide},
        event::{Event, USERS_UPSERTED},
        notification::Status,
        plan::{Decision as Planned, Draft, People, Planner, RecipientSet, decide as plan},
        preferences::Preferences,
        user::{Person, UserId},
    },
    store::Store,
};

/// Maximum number of recipients in the sample of an event.
const SAMPLE_MAX: usize = 10;

/// Maximum number of recipients who are looked up one by one.
const LOOKED_UP: i64 = 1_000;

/// Returns the answer for all events of a request.
///
/// # Errors
/// The problem that publishing them would have.
pub(super) async fn dry_run(state: &State, events: Vec<Event>) -> Result<Value, Problem> {
    let catalog = state.catalog.current();
    let (mut total, mut sample, mut results) = (0, Vec::new(), Vec::new());
    for event in events {
        let id = event.id.clone();
        let result = of_event(state, &catalog, Arc::new(event)).await?;
        total += result.recipients;
        results.push(json!({
            "id": id, "recipients": result.recipients, "reason": result.reason,
        }));
        let room = SAMPLE_MAX.saturating_sub(sample.len());
        sample.extend(result.sample.into_iter().take(room));
    }
    Ok(json!({ "recipients": total, "sample": sample, "results": results }))
}

#[derive(Default)]
struct OfEvent {
    recipients: i64,
    reason: Option<String>,
    sample: Vec<Value>,
}

async fn of_event(
    state: &State,
    catalog: &Arc<Catalog>,
    event: Arc<Event>,
) -> Result<OfEvent, Problem> {
    let skipped = |reason: String| OfEvent { reason: Some(reason), ..OfEvent::default() };
    if event.code == USERS_UPSERTED {
        return Ok(skipped("the event writes to the directory".to_owned()));
    }
    let (kind, recipients) = match plan(&event, catalog).map_err(|why| Problem::from(&why))? {
        Planned::Skip(why) => return Ok(skipped(catalog.why_skipped(&event.code, why))),
        Planned::Notify(kind, recipients) => (kind, recipients),
    };
    let store = &state.store;
    let (people, all) = match &recipients {
        RecipientSet::Users(users) => {
            let most = usize::try_from(LOOKED_UP).unwrap_or(usize::MAX);
            let users: Vec<UserId> = users.iter().take(most).cloned().collect();
            let known = People::new(store.people(&users).await?);
            let people: Vec<Person> = users.iter().map(|user| known.get(user)).collect();
            let beyond = match &recipients {
                RecipientSet::Users(all) => all.len() - users.len(),
                _ => 0,
            };
            (people, i64::try_from(beyond).ok())
        }
        RecipientSet::Role(role) => {
            let people = store.users_with_role(Some(role), "", LOOKED_UP).await?;
            let beyond = store.count_of_directory(Some(role)).await? - count(people.len());
            (people, Some(beyond))
        }
        RecipientSet::All => {
            let people = store.users_with_role(None, "", LOOKED_UP).await?;
            let beyond = store.count_of_directory(None).await? - count(people.len());
            (people, Some(beyond))
        }
    };
    if people.is_empty() {
        return Ok(skipped("no user matches the type's target".to_owned()));
    }
    let ids: Vec<UserId> = people.iter().map(|person| person.user_id.clone()).collect();
    let preferences = store.preferences_of(&ids).await?;
    let named: Vec<UserId> = event.user_id.iter().chain(&event.actor_id).cloned().collect();
    let known = store.people(&named).await?.into_iter().chain(people.iter().cloned());
    let known = People::new(known).with_preferences(preferences.iter().cloned());
    let planner = Planner::new(&event, &kind, &known, catalog, clock::now())
        .map_err(|why| Problem::from(&why))?;
    let drafts = planner.drafts(&people).map_err(|why| Problem::from(&why))?;
    let broadcasts = match &recipients {
        RecipientSet::Users(_) => Vec::new(),
        _ => deliveries::broadcasts(&kind, 0, clock::now()),
    };
    let mut sample = Vec::new();
    for draft in drafts.iter().take(SAMPLE_MAX) {
        let wants = preferences.iter().find(|(user, _)| *user == draft.user_id).map(|(_, p)| p);
        let person = people.iter().find(|person| person.user_id == draft.user_id);
        let Some(person) = person else { continue };
        let mut draft = draft.clone();
        draft.deliveries.extend(broadcasts.iter().cloned());
        sample.push(shown(state, store, &kind, &draft, person, wants).await?);
    }
    let reason = drafts.is_empty().then(|| "all recipients muted the type".to_owned());
    let recipients = i64::try_from(drafts.len()).unwrap_or(i64::MAX) + all.unwrap_or(0).max(0);
    Ok(OfEvent { recipients, reason, sample })
}

fn count(people: usize) -> i64 {
    i64::try_from(people).unwrap_or(i64::MAX)
}

async fn shown(
    state: &State,
    store: &Store,
    kind: &NotificationType,
    draft: &Draft,
    person: &Person,
    wants: Option<&Preferences>,
) -> Result<Value, Problem> {
    let now = clock::now();
    let browsers = if draft.deliveries.iter().any(|delivery| delivery.channel == PUSH) {
        store.subscriptions(person.user_id.as_str()).await?.len()
    } else {
        0
    };
    let mut channels = vec![json!({ "channel": WEB, "outcome": "send", "reason": null })];
    for delivery in &draft.deliveries {
        let decision = decide(&Situation {
            channel: &delivery.channel,
            unless: None,
            type_code: &kind.code,
            mandatory: kind.mandatory,
            priority: draft.priority,
            status: Status::Unread,
            is_seen: false,
            is_read: false,
            recipient: person,
            preferences: wants,
            browsers,
            now,
        });
        let is_configured = state.channels.find(&delivery.channel).is_some();
        let (outcome, reason) = match decision {
            _ if !is_configured => {
                ("skip", Some(format!("the channel {} is not configured", delivery.channel)))
            }
            Decision::Skip(reason) | Decision::Cancel(reason) => ("skip", Some(reason)),
            Decision::Wait(until, reason) => {
                ("wait", Some(format!("{reason} until {}", until.to_rfc3339())))
            }
            Decision::Send if delivery.digest => {
                ("wait", Some(format!("digest at {}", delivery.due_at.to_rfc3339())))
            }
            Decision::Send if let Some(unless) = delivery.unless => (
                "wait",
                Some(format!("unless {} before {}", unless.as_str(), delivery.due_at.to_rfc3339())),
            ),
            Decision::Send => ("send", None),
        };
        channels.push(json!({
            "channel": delivery.channel, "outcome": outcome, "reason": reason,
        }));
    }
    Ok(json!({
        "user_id": draft.user_id, "title": draft.title, "message": draft.message,
        "channels": channels,
    }))
}
