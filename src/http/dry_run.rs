//! Dry run of a publish: who would get what, without storing or sending anything.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Problem, State};
use crate::{
    clock,
    domain::{
        catalog::{Catalog, NotificationType},
        channel::{PUSH, WEB},
        deliveries::{self, Decision, DeliveryDraft, Situation, decide},
        event::{Event, USERS_UPSERTED},
        group::with_actor,
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
    let mut run = DryRun { state, catalog: state.catalog.current(), groups: HashMap::new() };
    let (mut total, mut sample, mut results) = (0, Vec::new(), Vec::new());
    for event in events {
        let id = event.id.clone();
        let result = run.of_event(Arc::new(event)).await?;
        total += result.recipients;
        results.push(json!({
            "id": id, "recipients": result.recipients, "reason": result.reason,
        }));
        let room = SAMPLE_MAX.saturating_sub(sample.len());
        sample.extend(result.sample.into_iter().take(room));
    }
    Ok(json!({ "recipients": total, "sample": sample, "results": results }))
}

/// Dry run of the events of a request.
struct DryRun<'a> {
    state: &'a State,
    catalog: Arc<Catalog>,
    /// Groups that earlier events of the request would begin or join, by user, type and value.
    groups: HashMap<(UserId, String, String), Joined>,
}

/// Group that an event would join, with the event.
#[derive(Clone)]
struct Joined {
    /// Its notification; `None` if an earlier event of the request would make it.
    id: Option<Uuid>,
    count: i64,
    actors: Vec<String>,
}

#[derive(Default)]
struct OfEvent {
    recipients: i64,
    reason: Option<String>,
    sample: Vec<Value>,
}

impl DryRun<'_> {
    async fn of_event(&mut self, event: Arc<Event>) -> Result<OfEvent, Problem> {
        let skipped = |reason: String| OfEvent { reason: Some(reason), ..OfEvent::default() };
        if event.code == USERS_UPSERTED {
            return Ok(skipped("the event writes to the directory".to_owned()));
        }
        let catalog = Arc::clone(&self.catalog);
        let (kind, recipients) = match plan(&event, &catalog).map_err(|why| Problem::from(&why))? {
            Planned::Skip(why) => return Ok(skipped(catalog.why_skipped(&event.code, why))),
            Planned::Notify(kind, recipients) => (kind, recipients),
        };
        let store = &self.state.store;
        let (people, beyond) = people(store, &event, &recipients).await?;
        if people.is_empty() {
            return Ok(skipped("no user matches the type's target".to_owned()));
        }
        let ids: Vec<UserId> = people.iter().map(|person| person.user_id.clone()).collect();
        let preferences = store.preferences_of(&ids).await?;
        let named: Vec<UserId> = event.user_id.iter().chain(&event.actor_id).cloned().collect();
        let known = store.people(&named).await?.into_iter().chain(people.iter().cloned());
        let known = People::new(known).with_preferences(preferences.iter().cloned());
        let planner = Planner::new(&event, &kind, &known, &catalog, clock::now())
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
            sample.push(self.shown(&kind, draft, person, wants).await?);
        }
        let reason = drafts.is_empty().then(|| "all recipients muted the type".to_owned());
        let recipients = count(drafts.len()) + beyond.max(0);
        Ok(OfEvent { recipients, reason, sample })
    }

    /// Returns what a recipient would get.
    async fn shown(
        &mut self,
        kind: &NotificationType,
        mut draft: Draft,
        person: &Person,
        wants: Option<&Preferences>,
    ) -> Result<Value, Problem> {
        let store = &self.state.store;
        let browsers = if draft.deliveries.iter().any(|delivery| delivery.channel == PUSH) {
            store.subscriptions(person.user_id.as_str()).await?.len()
        } else {
            0
        };
        let joined = self.join(&draft).await?;
        let of_web = joined.as_ref().map(|joined| {
            format!("it joins the group of an earlier event, which then has {}", joined.count)
        });
        let mut channels = vec![json!({ "channel": WEB, "outcome": "send", "reason": of_web })];
        for delivery in &draft.deliveries {
            let situation = Situation {
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
                now: clock::now(),
            };
            let of_group = match &joined {
                Some(joined) => of_group(store, joined, delivery).await?,
                None => None,
            };
            let is_configured = self.state.channels.find(&delivery.channel).is_some();
            let (outcome, reason) = if is_configured {
                of_group.unwrap_or_else(|| outcome(decide(&situation), delivery))
            } else {
                ("skip", Some(format!("the channel {} is not configured", delivery.channel)))
            };
            channels.push(json!({
                "channel": delivery.channel, "outcome": outcome, "reason": reason,
            }));
        }
        if let (Some(joined), Some(group)) = (&joined, &draft.group)
            && let Some(text) = group.text.render(joined.count, &joined.actors)
        {
            draft.message = text.plain;
        }
        let group =
            joined.map(|joined| json!({ "notification_id": joined.id, "count": joined.count }));
        Ok(json!({
            "user_id": draft.user_id, "title": draft.title, "message": draft.message,
            "group": group, "channels": channels,
        }))
    }

    /// Returns the group that a notification would join; `None` if it would be one of its own.
    async fn join(&mut self, draft: &Draft) -> Result<Option<Joined>, Problem> {
        let Some(group) = &draft.group else { return Ok(None) };
        let key = (draft.user_id.clone(), draft.type_code.clone(), group.key.clone());
        let before = if let Some(joined) = self.groups.get(&key) {
            Some(joined.clone())
        } else {
            let found = self.state.store.group(&key.0, &key.1, &key.2, group.since).await?;
            found.map(|found| Joined {
                id: Some(found.notification_id),
                count: found.count,
                actors: found.actors,
            })
        };
        let joins = before.is_some();
        let before = before.unwrap_or(Joined { id: None, count: 0, actors: Vec::new() });
        let joined = Joined {
            id: before.id,
            count: before.count + 1,
            actors: with_actor(before.actors, group.actor.as_deref()),
        };
        self.groups.insert(key, joined.clone());
        Ok(joins.then_some(joined))
    }
}

/// Returns the recipients who are looked up, and the number of those beyond them.
async fn people(
    store: &Store,
    event: &Event,
    recipients: &RecipientSet,
) -> Result<(Vec<Person>, i64), Problem> {
    let role = match recipients {
        RecipientSet::Users(users) => {
            let most = usize::try_from(LOOKED_UP).unwrap_or(usize::MAX);
            let looked_up: Vec<UserId> = users.iter().take(most).cloned().collect();
            // A direct notification brings users along whom the directory does not have.
            let brought = event.direct.iter().flat_map(|direct| direct.targets.clone());
            let known = People::new(brought.chain(store.people(&looked_up).await?));
            let people = looked_up.iter().map(|user| known.get(user)).collect();
            return Ok((people, count(users.len() - looked_up.len())));
        }
        RecipientSet::Role(role) => Some(role.as_str()),
        RecipientSet::All => None,
    };
    let people = store.users_with_role(role, "", LOOKED_UP).await?;
    let beyond = store.count_of_directory(role).await? - count(people.len());
    Ok((people, beyond))
}

fn count(people: usize) -> i64 {
    i64::try_from(people).unwrap_or(i64::MAX)
}

/// Outcome of a delivery, and its reason.
type OfChannel = (&'static str, Option<String>);

/// Returns the outcome of a delivery of a group that sends once when it begins; `None` if it is
/// made as that of any notification.
async fn of_group(
    store: &Store,
    joined: &Joined,
    delivery: &DeliveryDraft,
) -> Result<Option<OfChannel>, Problem> {
    if !delivery.digest && delivery.unless.is_none() {
        return Ok(Some(("skip", Some("its group was sent when it began".to_owned()))));
    }
    let is_waiting = match joined.id {
        Some(id) => store.has_pending_delivery(id, &delivery.channel).await?,
        None => true,
    };
    let waits = || ("wait", Some("a delivery of its group is waiting already".to_owned()));
    Ok(is_waiting.then(waits))
}

fn outcome(decision: Decision, delivery: &DeliveryDraft) -> OfChannel {
    match decision {
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
    }
}
