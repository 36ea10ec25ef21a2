//! What became of each of a type's texts.

use serde::Serialize;
use sqlx::FromRow;

use super::{Store, StoreError};

const COUNTS: &str = "SELECT variant AS name, COUNT(*) AS sent, \
     COUNT(COALESCE(seen_at, clicked_at)) AS seen, COUNT(COALESCE(read_at, clicked_at)) AS read, COUNT(clicked_at) AS clicked FROM notifications WHERE type_code = $1 AND variant IS NOT NULL \
     GROUP BY variant ORDER BY variant";

/// What became of the notifications with one of a type's texts.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct VariantCounts {
    /// The text's name.
    pub name: String,
    /// How many there are.
    pub sent: i64,
    /// How many were on a screen.
    pub seen: i64,
    /// How many were read.
    pub read: i64,
    /// How many had their action followed.
    pub clicked: i64,
}

impl Store {
    /// What became of each of a type's texts.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn variant_counts(&self, code: &str) -> Result<Vec<VariantCounts>, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_as(COUNTS).bind(code).fetch_all(pool).await)?)
    }
}
