//! Comparison of the variants of a type.

use serde::Serialize;
use sqlx::FromRow;

use super::{Store, StoreError};

const COUNTS: &str = "SELECT variant AS name, COUNT(*) AS sent, \
     COUNT(COALESCE(seen_at, clicked_at)) AS seen, COUNT(COALESCE(read_at, clicked_at)) AS read, \
     COUNT(clicked_at) AS clicked FROM notifications WHERE type_code = $1 AND variant IS NOT NULL \
     GROUP BY variant ORDER BY variant";

/// Counts of the notifications with one variant.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize)]
pub struct VariantCounts {
    /// Name of the variant.
    pub name: String,
    /// Number of notifications.
    pub sent: i64,
    /// Number that were seen.
    pub seen: i64,
    /// Number that were read.
    pub read: i64,
    /// Number whose action was followed.
    pub clicked: i64,
}

impl Store {
    /// Returns the counts of each variant of a type.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn variant_counts(&self, code: &str) -> Result<Vec<VariantCounts>, StoreError> {
        Ok(on_pool!(self, |pool| sqlx::query_as(COUNTS).bind(code).fetch_all(pool).await)?)
    }
}
