//! One batch: who is concerned, who are they, what do they get.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::Ingest;
use crate::{
    actors::{
        Handle, Outcome,
        broadcaster::{Demand, Feeding, Show},
        persistence::{Commit, Persistence},
    },
    clock,
    domain::{
        catalog::{Catalog, NotificationType},
        directory::patches,
        event::{Event, USERS_UPSERTED},
        notification::Timestamp,
        plan::{Audience, Decision, Draft, People, audience, plan},
        user::{Person, PersonPatch, UserId},
    },
    store::{Planned, Store, StoreError},
    telemetry::metric,
};

/// How long live feeds may hold a batch up.
const SHOW_WITHIN: Duration = Duration::from_millis(250);

/// What a batch's lookups found.
#[derive(Default)]
struct Found {
    people: People,
    roles: HashMap<String, Vec<Person>>,
    everyone: Vec<Person>,
}

/// What is decided about an event before anybody is looked up.
enum Stage {
    /// Already over.
    Over(Outcome),
    /// To be planned for these.
    For(Arc<NotificationType>, Audience),
    /// To be written to the directory.
    Enter(Vec<PersonPatch>),
}

/// What a batch needs.
pub(super) struct Work {
    pub(super) store: Store,
    pub(super) catalog: Arc<Catalog>,
    pub(super) persistence: Handle<Persistence>,
    pub(super) feeding: Feeding,
}

/// Runs a batch up to handing it to persistence; the answers follow by themselves.
pub(super) async fn run(work: Work, batch: Vec<Ingest>) {
    let Work { store, catalog, persistence, feeding } = work;
    let (now, demand) = (clock::now(), feeding.demand());
    let mut waiting = Vec::with_capacity(batch.len());
    for ingest in batch {
        let mut stages: Vec<Stage> = ingest.events.iter().map(|event| stage(event, &catalog, &demand)).collect();
        enter(&store, ingest.atomic, &mut stages, now).await;
        waiting.push((ingest, stages));
    }
    let found = look_up(&store, &waiting, now).await;
    for (ingest, stages) in waiting {
        let Ingest { events, atomic, source, received, reply } = ingest;
        let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
        let results: Vec<Result<Planned, Outcome>> = match &found {
            Err(error) => {
                let away = |stage| match stage {
                    Stage::Over(outcome) => Err(outcome),
                    _ if error.is_transient() => Err(Outcome::Unavailable(error.to_string())),
                    _ => Err(Outcome::Failed(error.to_string())),
                };
                stages.into_iter().map(away).collect()
            }
            Ok(found) => {
                let decide = |(event, stage)| decide(event, stage, found, &catalog, now);
                events.iter().zip(stages).map(decide).collect()
            }
        };
        show(&feeding, &events, atomic, &results).await;
        hand_on(&persistence, results, Handing { atomic, source, received, reply }).await;
    }
}

fn stage(event: &Event, catalog: &Catalog, demand: &Demand) -> Stage {
    if event.code == USERS_UPSERTED {
        return match patches(event) {
            Err(rejected) => Stage::Over(Outcome::Rejected(rejected)),
            Ok(patches) => Stage::Enter(patches),
        };
    }
    match audience(event, catalog) {
        Ok(Decision::Notify(kind, audience)) => Stage::For(kind, audience),
        // What a feed shows has done what it came for.
        Ok(Decision::Skip(_)) if demand.concerns(&event.code) => Stage::Over(Outcome::Accepted(Vec::new())),
        Ok(Decision::Skip(why)) => Stage::Over(Outcome::Skipped(why)),
        Err(rejected) => Stage::Over(Outcome::Rejected(rejected)),
    }
}

/// Writes to the directory, before anybody is looked up there; nothing of a batch that is bad already.
async fn enter(store: &Store, atomic: bool, stages: &mut [Stage], now: Timestamp) {
    let bad = |stage: &Stage| matches!(stage, Stage::Over(Outcome::Rejected(_)));
    let spoilt = atomic && stages.iter().any(bad);
    for stage in stages {
        let Stage::Enter(patches) = stage else { continue };
        *stage = Stage::Over(if spoilt {
            Outcome::Failed("another event of the batch is bad".to_owned())
        } else {
            match store.merge_people(patches, now).await {
                Ok(()) => Outcome::Accepted(Vec::new()),
                Err(error) if error.is_transient() => Outcome::Unavailable(error.to_string()),
                Err(error) => Outcome::Failed(error.to_string()),
            }
        });
    }
}

async fn look_up(store: &Store, staged: &[(Ingest, Vec<Stage>)], now: Timestamp) -> Result<Found, StoreError> {
    let mut users: BTreeSet<&UserId> = BTreeSet::new();
    let mut roles: BTreeSet<&str> = BTreeSet::new();
    let mut everyone = false;
    let mut entering: Vec<Person> = Vec::new();
    for (ingest, stages) in staged {
        for (event, stage) in ingest.events.iter().zip(stages) {
            let Stage::For(_, audience) = stage else { continue };
            users.extend(event.user_id.iter().chain(&event.actor_id));
            match audience {
                Audience::Users(named) => users.extend(named),
                Audience::Role(role) => {
                    roles.insert(role);
                }
                Audience::Everyone => everyone = true,
            }
            entering.extend(event.direct.iter().flat_map(|direct| direct.targets.clone()));
        }
    }
    if !entering.is_empty() {
        store.enter_people(&entering, now).await?;
    }
    let users: Vec<UserId> = users.into_iter().cloned().collect();
    let (people, mut preferences) = tokio::try_join!(store.people(&users), store.preferences_of(&users))?;
    let mut found = Found::default();
    // Whom only a role or everybody names.
    let mut others: BTreeSet<UserId> = BTreeSet::new();
    for role in roles {
        let people = store.with_role(role).await?;
        others.extend(people.iter().map(|person| person.user_id.clone()));
        found.roles.insert(role.to_owned(), people);
    }
    if everyone {
        found.everyone = store.everyone().await?;
        others.extend(found.everyone.iter().map(|person| person.user_id.clone()));
    }
    let others: Vec<UserId> = others.into_iter().collect();
    preferences.extend(store.preferences_of(&others).await?);
    found.people = People::new(people).with_preferences(preferences);
    Ok(found)
}

fn decide(
    event: &Arc<Event>,
    stage: Stage,
    found: &Found,
    catalog: &Catalog,
    now: Timestamp,
) -> Result<Planned, Outcome> {
    let (kind, audience) = match stage {
        Stage::Over(outcome) => return Err(outcome),
        Stage::For(kind, audience) => (kind, audience),
        Stage::Enter(_) => return Err(Outcome::Failed("the directory was not written".to_owned())),
    };
    let named: Vec<Person>;
    let recipients = match &audience {
        Audience::Users(users) => {
            named = users.iter().map(|user| found.people.get(user)).collect();
            &named
        }
        Audience::Role(role) => found.roles.get(role).map_or(&[][..], Vec::as_slice),
        Audience::Everyone => found.everyone.as_slice(),
    };
    if recipients.is_empty() {
        return Err(Outcome::Skipped(crate::domain::plan::Skipped::NoRecipient));
    }
    let drafts = plan(event, &kind, recipients, &found.people, catalog, now).map_err(Outcome::Rejected)?;
    if drafts.is_empty() {
        return Err(Outcome::Skipped(crate::domain::plan::Skipped::Muted));
    }
    let seed = event.direct.as_deref().and_then(|direct| direct.seed.as_ref());
    let id = |draft: &Draft| seed.map_or_else(Uuid::now_v7, |seed| seed.id_for(&draft.user_id));
    let drafts = drafts.into_iter().map(|draft| (id(&draft), draft)).collect();
    Ok(Planned { identity: event.identity.clone(), drafts })
}

struct Handing {
    atomic: bool,
    source: &'static str,
    received: Instant,
    reply: oneshot::Sender<Vec<Outcome>>,
}

/// Whether an event has come to nothing, so that it will come again or not at all.
fn is_bad<T>(result: &Result<T, Outcome>) -> bool {
    matches!(result, Err(Outcome::Rejected(_) | Outcome::Unavailable(_) | Outcome::Failed(_)))
}

/// Has the live feeds show what is good of a batch. They need not wait for the commit: they keep nothing, and what the broker sends
/// again they have seen.
async fn show(feeding: &Feeding, events: &[Arc<Event>], atomic: bool, results: &[Result<Planned, Outcome>]) {
    if atomic && results.iter().any(is_bad) {
        return;
    }
    let demand = feeding.demand();
    let good = events.iter().zip(results).filter(|(_, result)| !is_bad(result)).map(|(event, _)| event);
    let wanted: Vec<Arc<Event>> = good.filter(|event| demand.wants(&event.code)).map(Arc::clone).collect();
    if !wanted.is_empty() {
        // Waiting for it keeps a flood of events from piling up there; but what is only shown must not hold up what is kept.
        // One that is restarting shows nothing.
        let _ = timeout(SHOW_WITHIN, feeding.broadcaster.send(Show(wanted))).await;
    }
}

async fn hand_on(persistence: &Handle<Persistence>, results: Vec<Result<Planned, Outcome>>, handing: Handing) {
    let Handing { atomic, source, received, reply } = handing;
    let spoilt = atomic && results.iter().any(is_bad);
    let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(results.len());
    let mut events = Vec::new();
    for (index, result) in results.into_iter().enumerate() {
        outcomes.push(match result {
            Ok(_) if spoilt => Some(Outcome::Failed("another event of the batch is bad".to_owned())),
            Ok(planned) => {
                events.push(planned);
                None
            }
            Err(Outcome::Rejected(rejected)) if atomic => Some(Outcome::Rejected(rejected.at(index))),
            Err(outcome) => Some(outcome),
        });
    }
    if events.is_empty() {
        finish(outcomes, Vec::new(), source, reply);
        return;
    }
    let (answer, answered) = oneshot::channel();
    let count = events.len();
    if persistence.send(Commit { events, atomic, received, reply: answer }).await.is_err() {
        finish(outcomes, restarting(count), source, reply);
        return;
    }
    // The commit takes its time; the next batch need not wait for it.
    actix_rt::spawn(async move {
        let committed = answered.await.unwrap_or_else(|_| restarting(count));
        finish(outcomes, committed, source, reply);
    });
}

fn restarting(count: usize) -> Vec<Outcome> {
    (0..count).map(|_| Outcome::Unavailable(crate::actors::Gone.to_string())).collect()
}

fn finish(
    outcomes: Vec<Option<Outcome>>,
    committed: Vec<Outcome>,
    source: &'static str,
    reply: oneshot::Sender<Vec<Outcome>>,
) {
    let mut committed = committed.into_iter();
    let gone = || Outcome::Unavailable(crate::actors::Gone.to_string());
    let all: Vec<Outcome> =
        outcomes.into_iter().map(|outcome| outcome.or_else(|| committed.next()).unwrap_or_else(gone)).collect();
    for outcome in &all {
        metrics::counter!(metric::EVENTS, "source" => source, "outcome" => outcome.label()).increment(1);
    }
    // Whoever asked may have gone; then the broker sends the events again, and they are duplicates.
    let _ = reply.send(all);
}
