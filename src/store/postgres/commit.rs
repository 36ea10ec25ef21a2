//! Commit of events in one statement, and so in one round trip.
//!
//! Over a network each round trip counts twice: the event waits for it, and so does everyone who
//! wants the inboxes that are locked meanwhile.

use std::{collections::HashSet, sync::LazyLock};

use sqlx::PgConnection;

use super::bind_all;
use crate::{
    domain::{
        event::Identity,
        notification::{Notification, Timestamp},
        user::UserId,
    },
    store::{
        StoreError,
        columns::{column_names, notification_columns},
        planned::{
            Placed, Planned, Steps, counts_by_user, notification_of, stored_actors,
            stored_metadata, stored_presentation,
        },
        sql_types::{Id, Json},
    },
};

/// Number of parameters before those of the columns.
const FIXED_PARAMETERS: usize = 4;

/// Statement that enters identities, raises inboxes and inserts notifications.
///
/// Parameters: $1 identity of each event, $2 now, $3 number of the event of each notification,
/// counted from 1, $4 place of each notification, then one array per column. Sorting the users
/// before the inboxes are raised also means that all identities have been entered by then: locks
/// are taken in the same order everywhere.
static COMMIT: LazyLock<String> = LazyLock::new(|| {
    let names = notification_columns!(column_names, n);
    let parameters: Vec<String> =
        (1..=names.len()).map(|number| format!("${}", number + FIXED_PARAMETERS)).collect();
    let values: Vec<String> = names
        .iter()
        .map(|name| match *name {
            "seq" | "revision" => "raised.revision - new.total + new.rank".to_owned(),
            other => format!("new.{other}"),
        })
        .collect();
    let (names, parameters, values) = (names.join(", "), parameters.join(", "), values.join(", "));
    format!(
        "WITH event AS (SELECT number, identity FROM UNNEST($1::text[]) WITH ORDINALITY AS e \
         (identity, number)), \
         fresh AS (INSERT INTO event_identities (identity, seen_at) SELECT identity, $2 FROM \
         event WHERE identity IS NOT NULL GROUP BY identity ORDER BY identity COLLATE \"C\" ON \
         CONFLICT DO NOTHING RETURNING identity), \
         accepted AS (SELECT number FROM event WHERE identity IS NULL UNION ALL SELECT \
         MIN(number) FROM event JOIN fresh USING (identity) GROUP BY identity), \
         new AS (SELECT n.*, COUNT(*) OVER (PARTITION BY user_id) AS total, ROW_NUMBER() OVER \
         (PARTITION BY user_id ORDER BY place) AS rank FROM UNNEST($3::bigint[], $4::bigint[], \
         {parameters}) AS n (number, place, {names}) JOIN accepted USING (number)), \
         raised AS (INSERT INTO inboxes AS i (user_id, revision, unread, unseen) SELECT user_id, \
         COUNT(*), COUNT(*), COUNT(*) FROM new GROUP BY user_id ORDER BY user_id COLLATE \"C\" ON \
         CONFLICT (user_id) DO UPDATE SET revision = i.revision + excluded.revision, unread = \
         i.unread + excluded.unread, unseen = i.unseen + excluded.unseen RETURNING user_id, \
         revision, unread, unseen), \
         stored AS (INSERT INTO notifications ({names}) SELECT {values} FROM new JOIN raised \
         USING (user_id)) \
         SELECT number, NULL AS user_id, 0::bigint AS revision, 0::bigint AS unread, 0::bigint AS \
         unseen FROM accepted UNION ALL SELECT NULL, user_id, revision, unread, unseen FROM raised"
    )
});

/// Accepted event, or raised inbox.
#[derive(sqlx::FromRow)]
struct Row {
    number: Option<i64>,
    user_id: Option<String>,
    revision: i64,
    unread: i64,
    unseen: i64,
}

/// Returns whether one statement commits these events; chunks of large fan-outs, shared metadata,
/// groups and deliveries need more.
pub(in crate::store) fn takes_one_statement(events: &[Planned]) -> bool {
    events.iter().all(|event| {
        event.part.is_none()
            && event.shared_metadata().is_none()
            && !event.is_grouped()
            && !event.has_deliveries()
    })
}

/// Commits events in one statement. Returns which are accepted, and the notifications of those.
pub(in crate::store) async fn commit(
    connection: &mut PgConnection,
    events: &[Planned],
    now: Timestamp,
) -> Result<(Vec<bool>, Vec<Placed>), StoreError> {
    let identities: Vec<Option<&str>> =
        events.iter().map(|event| event.identity.as_ref().map(Identity::as_str)).collect();
    let unplaced: Vec<(i64, Notification)> = events
        .iter()
        .zip(1..)
        .flat_map(|(event, number)| event.drafts.iter().map(move |draft| (number, draft)))
        .map(|(number, (id, draft))| (number, notification_of(*id, draft, now)))
        .collect();
    let numbers: Vec<i64> = unplaced.iter().map(|(number, _)| *number).collect();
    let places: Vec<i64> = (0..).take(unplaced.len()).collect();
    let all = || unplaced.iter().map(|(_, notification)| notification);
    let query = sqlx::query_as(sqlx::AssertSqlSafe(COMMIT.as_str()))
        .bind(identities)
        .bind(now.0)
        .bind(numbers)
        .bind(places);
    let rows: Vec<Row> =
        notification_columns!(bind_all, n, query, all).fetch_all(connection).await?;

    let mut accepted: HashSet<i64> = HashSet::new();
    let mut raised = Vec::new();
    for Row { number, user_id, revision, unread, unseen } in rows {
        accepted.extend(number);
        let state = crate::domain::inbox::InboxState { revision, unread, unseen };
        raised.extend(user_id.map(|user_id| (user_id, state)));
    }
    let taken: Vec<bool> =
        (1..).take(events.len()).map(|number| accepted.contains(&number)).collect();
    let new = || events.iter().zip(&taken).filter_map(|(event, taken)| taken.then_some(event));
    let counts = counts_by_user(new());
    let mut steps = Steps::new(&counts, raised);
    let notifications = unplaced
        .into_iter()
        .filter(|(number, _)| accepted.contains(number))
        .map(|(_, notification)| steps.place(notification))
        .collect::<Result<_, _>>()?;
    Ok((taken, notifications))
}
