//! One batch: who is concerned, who are they, what do they get.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    time::{Instant, timeout},
};
use uuid::Uuid;

use super::{
    Ingest,
    fan_out::{FanOut, FanOutLimiter, PIECE, page},
    trace::BatchTraces,
};
use crate::{
    clock,
    domain::{
        catalog::{Catalog, NotificationType},
        directory::patches,
        event::{Event, USERS_UPSERTED},
        notification::Timestamp,
        plan::{Audience, Decision, Draft, People, Planner, Skipped, audience},
        rejected::Rejected,
        user::{Person, PersonPatch, UserId},
    },
    feeds::{Feeding, Show, SubscriberCounts},
    inbox::Commit,
    pipeline::{Outcome, Stored},
    runtime::MessageHandle,
    store::{Planned, Store, StoreError},
    telemetry::{DeliveryTrace, UnknownTypes, metric, unknown_types::Warning},
};

/// How long live feeds may hold a batch up.
const SHOW_WITHIN: Duration = Duration::from_millis(250);

/// What a batch's lookups found.
#[derive(Default)]
struct Found {
    people: People,
    /// Those of the directory whom a role or everybody names; of large groups only the first.
    groups: Vec<(Audience, Vec<Person>)>,
    /// Events of the batch that have begun to go out in pieces.
    begun: HashSet<String>,
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

/// What is decided about an event when everybody is known.
pub(super) enum Decided {
    /// Its notifications, to be committed with others'.
    Planned(Planned),
    /// For so many that it goes in pieces.
    Large(Box<FanOut>),
    /// Nothing more.
    Over(Outcome),
}

impl Decided {
    /// Whether the event has come to nothing, so that it will come again or not at all.
    fn is_bad(&self) -> bool {
        matches!(
            self,
            Self::Over(
                Outcome::Rejected(_)
                    | Outcome::Unavailable(_)
                    | Outcome::Overloaded
                    | Outcome::Interrupted { .. }
                    | Outcome::Failed(_)
            )
        )
    }
}

/// What a batch needs.
pub(super) struct Work {
    pub(super) store: Store,
    pub(super) catalog: Arc<Catalog>,
    pub(super) persistence: MessageHandle<Commit>,
    pub(super) feeding: Feeding,
    pub(super) trail: Arc<DeliveryTrace>,
    pub(super) unknown_types: Arc<UnknownTypes>,
    /// Where events for very many wait for their turn.
    pub(super) turns: Arc<FanOutLimiter>,
}

/// Runs a batch up to handing it to persistence; the answers follow by themselves.
pub(super) async fn run(work: Work, batch: Vec<Ingest>) {
    let (now, demand) = (clock::now(), work.feeding.demand());
    let mut waiting = Vec::with_capacity(batch.len());
    for ingest in batch {
        let mut stages: Vec<Stage> =
            ingest.events.iter().map(|event| stage(event, ingest.strict, &work, &demand)).collect();
        enter(&work.store, ingest.atomic, &mut stages, now).await;
        waiting.push((ingest, stages));
    }
    let found = look_up(&work.store, &waiting, now).await;
    for (ingest, stages) in waiting {
        let Ingest { events, atomic, strict, waits, source, received, reply } = ingest;
        let mut walks = BatchTraces::of(&work.trail, &events, source, now);
        let events: Vec<Arc<Event>> = events.into_iter().map(Arc::new).collect();
        let decided: Vec<Decided> = match &found {
            Err(error) => {
                let away = |stage| match stage {
                    Stage::Over(outcome) => outcome,
                    Stage::For(..) | Stage::Enter(_) => Outcome::from(error),
                };
                stages.into_iter().map(away).map(Decided::Over).collect()
            }
            Ok(found) => {
                // What is taken whole or not at all cannot go in pieces.
                let whole = atomic && events.len() > 1;
                let moment = Moment { now, received, whole, strict };
                let mut all = Vec::with_capacity(events.len());
                for (at, (event, stage)) in events.iter().zip(stages).enumerate() {
                    all.push(match decide(event, stage, found, &work, moment).await {
                        Ok((decided, muted)) => {
                            walks.planned(at, &decided, muted);
                            decided
                        }
                        Err(outcome) => Decided::Over(outcome),
                    });
                }
                all
            }
        };
        show(&work.feeding, &events, atomic, &decided).await;
        hand_on(&work.persistence, decided, Handing { atomic, waits, source, received, walks, reply }).await;
    }
}

fn stage(event: &Event, strict: bool, work: &Work, demand: &SubscriberCounts) -> Stage {
    if event.code == USERS_UPSERTED {
        return match patches(event) {
            Err(rejected) => Stage::Over(Outcome::Rejected(rejected)),
            Ok(patches) => Stage::Enter(patches),
        };
    }
    match audience(event, &work.catalog) {
        Ok(Decision::Notify(kind, audience)) => Stage::For(kind, audience),
        // What a feed shows has done what it came for.
        Ok(Decision::Skip(_)) if demand.concerns(&event.code) => Stage::Over(Outcome::Accepted(Stored::default())),
        Ok(Decision::Skip(why)) => {
            if why == Skipped::NoType {
                note_unknown(&event.code, work);
            }
            Stage::Over(skipped(event, why, strict, &work.catalog))
        }
        Err(rejected) => Stage::Over(Outcome::Rejected(rejected)),
    }
}

/// Counts an event whose code no type has, and warns of it now and then.
fn note_unknown(code: &str, work: &Work) {
    match work.unknown_types.count(code, clock::now(), clock::monotonic()) {
        Some(Warning::Code(events)) => {
            let did_you_mean = work.catalog.similar(code);
            tracing::warn!(code, events, did_you_mean, "events are skipped: no type has their code");
        }
        Some(Warning::TooMany) => {
            tracing::warn!("more unknown codes came than are logged; the console's Overview lists the last of them");
        }
        None => {}
    }
}

/// Outcome of an event that makes no notification.
fn skipped(event: &Event, why: Skipped, strict: bool, catalog: &Catalog) -> Outcome {
    if strict && why.is_refused_when_strict() {
        let field = (why == Skipped::NoType).then_some("type");
        return Outcome::Rejected(Rejected::unprocessable(field, catalog.why_skipped(&event.code, why)));
    }
    Outcome::Skipped(why)
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
                Ok(()) => Outcome::Accepted(Stored::default()),
                Err(error) => Outcome::from(&error),
            }
        });
    }
}

async fn look_up(store: &Store, staged: &[(Ingest, Vec<Stage>)], now: Timestamp) -> Result<Found, StoreError> {
    let mut users: BTreeSet<&UserId> = BTreeSet::new();
    // Audiences of the directory, and whether all of them are needed at once.
    let mut groups: Vec<(&Audience, bool)> = Vec::new();
    let mut entering: Vec<Person> = Vec::new();
    for (ingest, stages) in staged {
        for (event, stage) in ingest.events.iter().zip(stages) {
            let Stage::For(_, audience) = stage else { continue };
            users.extend(event.user_id.iter().chain(&event.actor_id));
            let whole = ingest.atomic && ingest.events.len() > 1;
            match (audience, groups.iter_mut().find(|(known, _)| *known == audience)) {
                (Audience::Users(named), _) => users.extend(named),
                (_, Some((_, known))) => *known |= whole,
                (_, None) => groups.push((audience, whole)),
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
    if !groups.is_empty() {
        let events = staged.iter().flat_map(|(ingest, _)| &ingest.events);
        let identities: Vec<&str> = events.filter_map(|event| Some(event.identity.as_ref()?.as_str())).collect();
        found.begun = store.fan_outs_begun(&identities).await?;
    }
    for (audience, whole) in groups {
        let most = if whole { usize::MAX } else { PIECE + 1 };
        let people = page(store, audience, "", most).await?;
        if whole || people.len() <= PIECE {
            others.extend(people.iter().map(|person| person.user_id.clone()));
        }
        found.groups.push((audience.clone(), people));
    }
    let others: Vec<UserId> = others.into_iter().collect();
    preferences.extend(store.preferences_of(&others).await?);
    found.people = People::new(people).with_preferences(preferences);
    Ok(found)
}

/// When an event is decided, whether it must be taken with others, and whether it is rejected rather than skipped.
#[derive(Clone, Copy)]
struct Moment {
    now: Timestamp,
    received: Instant,
    whole: bool,
    strict: bool,
}

/// What becomes of an event, and who of its recipients has muted its type.
async fn decide(
    event: &Arc<Event>,
    stage: Stage,
    found: &Found,
    work: &Work,
    moment: Moment,
) -> Result<(Decided, Vec<UserId>), Outcome> {
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
        group => found.groups.iter().find(|(known, _)| known == group).map_or(&[][..], |(_, people)| people.as_slice()),
    };
    // One that has begun in pieces goes on in pieces, however few it is for by now.
    let begun = event.identity.as_ref().is_some_and(|identity| found.begun.contains(identity.as_str()));
    if begun && moment.whole {
        return Err(Outcome::Unavailable("an event of the batch is being brought to very many".to_owned()));
    }
    if begun || !matches!(audience, Audience::Users(_)) && !moment.whole && recipients.len() > PIECE {
        let (store, catalog, persistence) = (work.store.clone(), Arc::clone(&work.catalog), work.persistence.clone());
        let place = work.turns.wait();
        let place = place.ok_or(Outcome::Overloaded)?;
        let (event, received) = (Arc::clone(event), moment.received);
        return Ok((
            Decided::Large(Box::new(FanOut { store, catalog, persistence, place, event, kind, audience, received })),
            Vec::new(),
        ));
    }
    if recipients.is_empty() {
        return Err(skipped(event, Skipped::NoRecipient, moment.strict, &work.catalog));
    }
    let drafts = drafts(event, &kind, recipients, &found.people, work, moment.now).await.map_err(Outcome::Rejected)?;
    let muted = without(recipients, &drafts);
    if drafts.is_empty() {
        return Ok((Decided::Over(Outcome::Skipped(Skipped::Muted)), muted));
    }
    let seed = event.direct.as_deref().and_then(|direct| direct.seed.as_ref());
    let id = |draft: &Draft| seed.map_or_else(Uuid::now_v7, |seed| seed.id_for(&draft.user_id));
    let drafts = drafts.into_iter().map(|draft| (id(&draft), draft)).collect();
    Ok((Decided::Planned(Planned { identity: event.identity.clone(), part: None, drafts }), muted))
}

/// Renders an event for its recipients, and lets others have the thread now and then.
async fn drafts(
    event: &Arc<Event>,
    kind: &NotificationType,
    recipients: &[Person],
    people: &People,
    work: &Work,
    now: Timestamp,
) -> Result<Vec<Draft>, Rejected> {
    let planner = Planner::new(event, kind, people, &work.catalog, now)?;
    let mut drafts = Vec::with_capacity(recipients.len());
    for (at, some) in recipients.chunks(PIECE).enumerate() {
        if at > 0 {
            tokio::task::yield_now().await;
        }
        drafts.extend(planner.drafts(some)?);
    }
    Ok(drafts)
}

/// The recipients that no draft is for.
pub(super) fn without(recipients: &[Person], drafts: &[Draft]) -> Vec<UserId> {
    if drafts.len() == recipients.len() {
        return Vec::new();
    }
    let reached: BTreeSet<&UserId> = drafts.iter().map(|draft| &draft.user_id).collect();
    recipients.iter().map(|person| &person.user_id).filter(|user| !reached.contains(user)).cloned().collect()
}

struct Handing {
    atomic: bool,
    waits: bool,
    source: &'static str,
    received: Instant,
    walks: BatchTraces,
    reply: oneshot::Sender<Vec<Outcome>>,
}

/// Has the live feeds show what is good of a batch. They need not wait for the commit: they keep nothing, and what the broker sends
/// again they have seen.
async fn show(feeding: &Feeding, events: &[Arc<Event>], atomic: bool, decided: &[Decided]) {
    if atomic && decided.iter().any(Decided::is_bad) {
        return;
    }
    let demand = feeding.demand();
    let good = events.iter().zip(decided).filter(|(_, decided)| !decided.is_bad()).map(|(event, _)| event);
    let wanted: Vec<Arc<Event>> = good.filter(|event| demand.wants(&event.code)).map(Arc::clone).collect();
    if !wanted.is_empty() {
        // Waiting for it keeps a flood of events from piling up there; but what is only shown must not hold up what is kept.
        // One that is restarting shows nothing.
        let _ = timeout(SHOW_WITHIN, feeding.broadcaster.send(Show(wanted))).await;
    }
}

async fn hand_on(persistence: &MessageHandle<Commit>, decided: Vec<Decided>, handing: Handing) {
    let Handing { atomic, waits, source, received, mut walks, reply } = handing;
    let spoilt = atomic && decided.iter().any(Decided::is_bad);
    let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(decided.len());
    let (mut events, mut large) = (Vec::new(), Vec::new());
    for (index, decided) in decided.into_iter().enumerate() {
        outcomes.push(match decided {
            Decided::Planned(_) | Decided::Large(_) if spoilt => {
                Some(Outcome::Failed("another event of the batch is bad".to_owned()))
            }
            Decided::Planned(planned) => {
                events.push(planned);
                None
            }
            Decided::Large(fan_out) if waits => {
                large.push((index, fan_out));
                // Until it has been brought.
                Some(restarting())
            }
            Decided::Large(fan_out) => Some(Outcome::Late(bring_later(*fan_out, walks.take(index), source))),
            Decided::Over(Outcome::Rejected(rejected)) if atomic => Some(Outcome::Rejected(rejected.at(index))),
            Decided::Over(outcome) => Some(outcome),
        });
    }
    let count = events.len();
    let answered = if count > 0 {
        let (answer, answered) = oneshot::channel();
        let sent = persistence.send(Commit { events, atomic, received, reply: answer }).await;
        sent.is_ok().then_some(answered)
    } else {
        None
    };
    if answered.is_none() && large.is_empty() {
        finish(outcomes, vec![restarting(); count], source, walks, reply);
        return;
    }
    // The commit takes its time; the next batch need not wait for it.
    actix_rt::spawn(async move {
        let committed = match answered {
            Some(answered) => match answered.await {
                Ok(committed) => committed.into_iter().map(Outcome::from).collect(),
                Err(_) => vec![restarting(); count],
            },
            None => vec![restarting(); count],
        };
        for (index, fan_out) in large {
            let (outcome, brought) = fan_out.run().await;
            walks.brought(index, brought);
            outcomes[index] = Some(outcome);
        }
        finish(outcomes, committed, source, walks, reply);
    });
}

/// Brings an event to very many, while others go on; says here how that ends.
fn bring_later(fan_out: FanOut, mut walks: BatchTraces, source: &'static str) -> watch::Receiver<Option<Outcome>> {
    let (tell, told) = watch::channel(None);
    actix_rt::spawn(async move {
        let (outcome, brought) = fan_out.run().await;
        walks.brought(0, brought);
        count(source, &outcome);
        walks.end(std::slice::from_ref(&outcome));
        // Whoever asked may have gone; then the broker sends the event again, and it is a duplicate.
        let _ = tell.send(Some(outcome));
    });
    told
}

fn count(source: &'static str, outcome: &Outcome) {
    metrics::counter!(metric::EVENTS, "source" => source, "outcome" => outcome.label()).increment(1);
}

fn restarting() -> Outcome {
    Outcome::Unavailable(crate::runtime::Gone.to_string())
}

fn finish(
    outcomes: Vec<Option<Outcome>>,
    committed: Vec<Outcome>,
    source: &'static str,
    walks: BatchTraces,
    reply: oneshot::Sender<Vec<Outcome>>,
) {
    let mut committed = committed.into_iter();
    let all: Vec<Outcome> =
        outcomes.into_iter().map(|outcome| outcome.or_else(|| committed.next()).unwrap_or_else(restarting)).collect();
    for outcome in all.iter().filter(|outcome| !matches!(outcome, Outcome::Late(_))) {
        count(source, outcome);
    }
    walks.end(&all);
    // Whoever asked may have gone; then the broker sends the events again, and they are duplicates.
    let _ = reply.send(all);
}
