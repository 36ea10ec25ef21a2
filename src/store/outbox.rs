//! Outbox: events that applications write into the hub's PostgreSQL in their own transactions.

use sqlx::{FromRow, PgPool, Postgres, Transaction, postgres::PgListener};

use super::{Backend, Store, StoreError};

/// Channel that the trigger of the table notifies.
const CHANNEL: &str = "lonceng_outbox";

/// Rows of other hubs are skipped, as are those in `$1`, which this hub holds. Data and time are
/// taken as PostgreSQL has them: what no event can have must not stop the rows beside it.
const TAKE: &str = "SELECT id, type AS name, data::text AS data, user_id, actor_id, source, \
     event_id, traceparent, CASE WHEN isfinite(created_at) THEN LEAST(extract(epoch FROM \
     created_at) * 1000000, 9223372036854775807)::bigint ELSE 0 END AS created_us FROM \
     lonceng_outbox WHERE id <> ALL($1) ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED";

const DELETE: &str = "DELETE FROM lonceng_outbox WHERE id = ANY($1)";

/// Event in the outbox.
#[derive(Debug, Clone, FromRow)]
pub struct OutboxRow {
    /// ID of the row.
    pub id: i64,
    /// Name of the event, as a NATS subject would be.
    pub name: String,
    /// Data in JSON, normally an object.
    pub data: String,
    /// User that it concerns.
    pub user_id: Option<String>,
    /// User that caused it.
    pub actor_id: Option<String>,
    /// Publisher.
    pub source: Option<String>,
    /// Identity given by the publisher.
    pub event_id: Option<String>,
    /// Trace context.
    pub traceparent: Option<String>,
    /// Time of the insert, in microseconds since the Unix epoch.
    pub created_us: i64,
}

/// Rows of the outbox, locked until the batch is finished or dropped.
#[derive(Debug)]
pub struct OutboxBatch {
    /// Rows, in the order of their IDs.
    pub rows: Vec<OutboxRow>,
    transaction: Transaction<'static, Postgres>,
}

/// Listener for new rows.
#[derive(Debug)]
pub struct OutboxWatch(Option<PgListener>);

impl Store {
    /// Locks at most `limit` of the oldest rows that are free, except `held`. `None` if there is
    /// none.
    ///
    /// # Errors
    /// When the store is unavailable, or is not PostgreSQL.
    pub async fn take_outbox(
        &self,
        held: &[i64],
        limit: i64,
    ) -> Result<Option<OutboxBatch>, StoreError> {
        let mut transaction = self.outbox_pool()?.begin().await?;
        let rows: Vec<OutboxRow> =
            sqlx::query_as(TAKE).bind(held).bind(limit).fetch_all(&mut *transaction).await?;
        if rows.is_empty() {
            transaction.rollback().await?;
            return Ok(None);
        }
        Ok(Some(OutboxBatch { rows, transaction }))
    }

    /// Deletes a row whose event is finished.
    ///
    /// # Errors
    /// When the store is unavailable, or is not PostgreSQL.
    pub async fn delete_outbox_row(&self, id: i64) -> Result<(), StoreError> {
        sqlx::query(DELETE).bind([id].as_slice()).execute(self.outbox_pool()?).await?;
        Ok(())
    }

    /// Starts listening for new rows.
    ///
    /// # Errors
    /// When the store is unavailable, or is not PostgreSQL.
    pub async fn watch_outbox(&self) -> Result<OutboxWatch, StoreError> {
        let mut listener = PgListener::connect_with(self.outbox_pool()?).await?;
        listener.listen(CHANNEL).await?;
        Ok(OutboxWatch(Some(listener)))
    }

    fn outbox_pool(&self) -> Result<&PgPool, StoreError> {
        match &self.backend {
            Backend::Postgres(pool) => Ok(pool),
            Backend::Sqlite(_) => {
                Err(StoreError::Refused("SQLite has no outbox; use PostgreSQL".to_owned()))
            }
        }
    }
}

impl OutboxBatch {
    /// Deletes the rows whose events are finished, and releases the others.
    ///
    /// # Errors
    /// When the store is unavailable; then all rows are released.
    pub async fn finish(mut self, finished: &[i64]) -> Result<(), StoreError> {
        sqlx::query(DELETE).bind(finished).execute(&mut *self.transaction).await?;
        self.transaction.commit().await?;
        Ok(())
    }
}

impl OutboxWatch {
    /// Waits for a new row.
    ///
    /// # Errors
    /// When the connection is lost; then create another listener.
    pub async fn inserted(&mut self) -> Result<(), StoreError> {
        let Some(listener) = &mut self.0 else { return std::future::pending().await };
        match listener.try_recv().await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Unavailable("the listener of the outbox is closed".to_owned())),
        }
    }
}

/// The connection returns to its pool in a task. At shutdown there may be no runtime to spawn it: a
/// panic here would abort the process while it unwinds.
impl Drop for OutboxWatch {
    fn drop(&mut self) {
        if tokio::runtime::Handle::try_current().is_err() {
            std::mem::forget(self.0.take());
        }
    }
}
