//! All operations of the HTTP interface, in the order of the documentation.

use super::{
    admin, api::Operation, assets, events, feeds, health, metrics, notifications, notify,
    preferences, stream, upgrade,
};

/// Returns every operation. A new resource adds its list here.
pub(super) fn operations() -> Vec<Operation> {
    [
        events::operations(),
        notify::operations(),
        notifications::operations(),
        preferences::operations(),
        stream::operations(),
        feeds::operations(),
        admin::clients::operations(),
        admin::history::operations(),
        admin::types::operations(),
        admin::directory::operations(),
        admin::dead_letters::operations(),
        admin::configuration::operations(),
        admin::stats::operations(),
        admin::explain::operations(),
        admin::hubs::operations(),
        admin::jobs::operations(),
        health::operations(),
        metrics::operations(),
        assets::operations(),
        upgrade::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
