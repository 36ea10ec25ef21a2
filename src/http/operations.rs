//! All operations of the HTTP interface, in the order of the documentation.

use super::{
    admin, api::Operation, assets, events, feeds, health, metrics, notifications, notify,
    preferences, push, recall, stream, unsubscribe, upgrade,
};

/// Returns every operation. A new resource adds its list here.
pub(super) fn operations() -> Vec<Operation> {
    [
        events::operations(),
        recall::operations(),
        notify::operations(),
        notifications::operations(),
        preferences::operations(),
        push::operations(),
        unsubscribe::operations(),
        stream::operations(),
        feeds::operations(),
        admin::clients::operations(),
        admin::preferences::operations(),
        admin::history::operations(),
        admin::types::operations(),
        admin::directory::operations(),
        admin::directory_bulk::operations(),
        admin::directory_import::operations(),
        admin::dead_letters::operations(),
        admin::deliveries::operations(),
        admin::configuration::operations(),
        admin::stats::operations(),
        admin::overview::operations(),
        admin::activity::operations(),
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
