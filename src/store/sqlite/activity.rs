//! Inserts of activity: row by row, by prepared statements on the thread of the caller.

use super::{DirectTransaction, Statements as _};
use crate::store::{
    ActivityRow, StoreError,
    activity::columns,
    sql_types::{Id, Json},
};

const INSERT: &str = concat!(
    "INSERT INTO activity (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING"
);

const INSERT_USER: &str =
    "INSERT INTO activity_users (activity_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// Inserts rows. Returns the number of those that were not there.
#[expect(clippy::unused_async, reason = "PostgreSQL has the same function")]
pub(in crate::store) async fn insert_activity(
    tx: &mut DirectTransaction,
    rows: &[ActivityRow],
) -> Result<u64, StoreError> {
    let mut added = 0;
    for row in rows {
        let id = Id(row.id);
        let new = super::run!(
            tx,
            INSERT,
            id,
            row.event_id,
            row.identity,
            row.type_code,
            row.outcome,
            row.reason_code,
            row.reason,
            row.received_at,
            row.source,
            row.publisher,
            row.instance,
            row.recipients,
            row.notifications,
            Json::from(row.trace.as_str()),
        )?;
        added += new;
        if new > 0 {
            for user in &row.users {
                super::run!(tx, INSERT_USER, id, user)?;
            }
        }
    }
    Ok(added)
}
