//! Inserts of activity: one statement for all rows.

use sqlx::PgConnection;

use crate::store::{
    ActivityRow, StoreError,
    activity::columns,
    sql_types::{Id, Json},
};

const INSERT: &str = concat!(
    "INSERT INTO activity (",
    columns!(),
    ") SELECT ",
    columns!(),
    " FROM UNNEST($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS new (",
    columns!(),
    ") ON CONFLICT DO NOTHING"
);

const INSERT_USERS: &str = "INSERT INTO activity_users (activity_id, user_id) SELECT activity_id, \
     user_id FROM UNNEST($1, $2) AS new (activity_id, user_id) ON CONFLICT DO NOTHING";

/// Inserts rows. Returns the number of those that were not there.
pub(in crate::store) async fn insert_activity(
    connection: &mut PgConnection,
    rows: &[ActivityRow],
) -> Result<u64, StoreError> {
    fn column<'a, T>(rows: &'a [ActivityRow], of: impl Fn(&'a ActivityRow) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    if rows.is_empty() {
        return Ok(0);
    }
    let added = sqlx::query(INSERT)
        .bind(column(rows, |row| Id(row.id)))
        .bind(column(rows, |row| row.event_id.as_str()))
        .bind(column(rows, |row| row.identity.as_deref()))
        .bind(column(rows, |row| row.type_code.as_str()))
        .bind(column(rows, |row| row.outcome.as_str()))
        .bind(column(rows, |row| row.reason_code.as_deref()))
        .bind(column(rows, |row| row.reason.as_deref()))
        .bind(column(rows, |row| row.received_at))
        .bind(column(rows, |row| row.source.as_str()))
        .bind(column(rows, |row| row.publisher.as_deref()))
        .bind(column(rows, |row| row.instance.as_str()))
        .bind(column(rows, |row| row.recipients))
        .bind(column(rows, |row| row.notifications))
        .bind(column(rows, |row| Json::from(row.trace.as_str())))
        .execute(&mut *connection)
        .await?
        .rows_affected();
    let users = rows.iter().flat_map(|row| row.users.iter().map(|user| (Id(row.id), user)));
    let (ids, users): (Vec<Id>, Vec<&str>) = users.map(|(id, user)| (id, user.as_str())).unzip();
    if added > 0 && !ids.is_empty() {
        sqlx::query(INSERT_USERS).bind(ids).bind(users).execute(&mut *connection).await?;
    }
    Ok(added)
}
