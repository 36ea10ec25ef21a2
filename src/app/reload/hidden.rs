//! Changes of config.toml that have no effect, because an administrator has changed the type.

use crate::{
    domain::{
        catalog::{Origin, TypeRow, by_code},
        notification::Timestamp,
    },
    store::Store,
};

/// Warns about the types that the file has changed, and an override hides. While the store is
/// unavailable nothing is said: the console shows the difference too.
pub(super) async fn warn_of_hidden(store: &Store, before: &[TypeRow], file: &[TypeRow]) {
    let Ok(table) = store.types().await else { return };
    let codes = hidden(before, file, &table);
    if !codes.is_empty() {
        let (count, codes) = (codes.len(), super::names(&codes));
        tracing::warn!(
            count,
            codes,
            "reload: config.toml has changed types that an administrator has changed, so the \
             file does not apply to them; reset them to config.toml on the console, or with \
             DELETE /api/v1/admin/types/{{code}}/override"
        );
    }
}

/// Returns the codes of the types that differ between two states of the file, and that the table
/// has from an administrator.
fn hidden(before: &[TypeRow], file: &[TypeRow], table: &[TypeRow]) -> Vec<String> {
    let (before, table) = (by_code(before), by_code(table));
    let plain =
        |row: &TypeRow| TypeRow { origin: Origin::Config, updated_at: Timestamp(0), ..row.clone() };
    let is_hidden = |row: &&TypeRow| {
        let code = row.code.as_str();
        let is_changed = before.get(code).is_none_or(|old| plain(old) != plain(row));
        let known = table.get(code).filter(|known| known.origin == Origin::Admin);
        is_changed && known.is_some_and(|known| plain(known) != plain(row))
    };
    file.iter().filter(is_hidden).map(|row| row.code.clone()).collect()
}
