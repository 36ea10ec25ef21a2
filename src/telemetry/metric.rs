//! Names of the metrics.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Number of committed notifications.
pub const SENT: &str = "notifications_sent_total";
/// Number of notifications marked as read.
pub const ACKED: &str = "notifications_acked_total";
/// Number of expired notifications.
pub const AUTO_CLEARED: &str = "notifications_auto_cleared_total";
/// Number of connections.
pub const CONNECTIONS: &str = "websocket_connections";
/// Time from the arrival of an event to its push, in milliseconds.
pub const DELIVERY_LATENCY: &str = "delivery_latency_ms";
/// Number of events, by source and outcome.
pub const EVENTS: &str = "lonceng_events_total";
/// Number of events with an unknown code.
pub const UNKNOWN_TYPE: &str = "lonceng_events_unknown_type_total";
/// Number of recipients of large fan-outs who got nothing because rendering failed, by reason.
pub const RECIPIENTS_SKIPPED: &str = "lonceng_recipients_skipped_total";
/// Number of traces dropped because the store was slower than the events.
pub const ACTIVITY_DROPPED: &str = "lonceng_activity_dropped_total";
/// Number of dead letters, by reason.
pub const DEAD_LETTERS: &str = "lonceng_dead_letters_total";
/// Notifications per transaction.
pub const BATCH_ROWS: &str = "lonceng_store_batch_rows";
/// Duration of a transaction, in seconds.
pub const BATCH_SECONDS: &str = "lonceng_store_batch_seconds";
/// Length of a queue, by queue.
pub const QUEUE_LENGTH: &str = "lonceng_queue_length";
/// 1 while a part works, by part; 0 while it is down. Parts that are off have none.
pub const PART_UP: &str = "lonceng_part_up";
/// Number of restarts of actors, by actor.
pub const ACTOR_RESTARTS: &str = "lonceng_actor_restarts_total";
/// Number of clients closed with 4008.
pub const SLOW_CLIENTS: &str = "lonceng_slow_clients_closed_total";

/// Number of live feed messages queued for watchers, by feed.
pub const FEED_MESSAGES: &str = "lonceng_feed_messages_total";
/// Number of watchers, by feed.
pub const FEED_WATCHERS: &str = "lonceng_feed_watchers";

/// Number of messages between hubs, by direction.
pub const BUS_MESSAGES: &str = "lonceng_bus_messages_total";
/// Number of changes of other hubs before which one was missing.
pub const BUS_GAPS: &str = "lonceng_bus_gaps_total";
/// Time from publishing a message to its arrival at another hub, in seconds.
pub const BUS_LAG: &str = "lonceng_bus_lag_seconds";
/// Number of inconsistencies found in samples of the store.
pub const STORE_DRIFT: &str = "lonceng_store_drift";
/// 1 while this hub holds a lease, by its name.
pub const LEASES: &str = "lonceng_leases";

/// Number of attempts to deliver on a channel, by channel and outcome.
pub const CHANNEL_ATTEMPTS: &str = "lonceng_channel_attempts_total";
/// Duration of an attempt, in seconds, by channel.
pub const CHANNEL_LATENCY: &str = "lonceng_channel_latency_seconds";
/// Number of deliveries in the store, by channel and state.
pub const DELIVERIES: &str = "lonceng_deliveries";

/// Installs the recorder. Returns the handle that renders `/metrics`.
///
/// # Errors
/// When the process already has a recorder.
pub fn install() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    const MILLISECONDS: [f64; 14] =
        [0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 50.0, 100.0, 250.0, 1_000.0, 5_000.0, 30_000.0];
    const SECONDS: [f64; 10] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];
    const LONG_SECONDS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 30.0];
    const ROWS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(DELIVERY_LATENCY.to_owned()), &MILLISECONDS)?
        .set_buckets_for_metric(Matcher::Full(BATCH_SECONDS.to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full(CHANNEL_LATENCY.to_owned()), &LONG_SECONDS)?
        .set_buckets_for_metric(Matcher::Full(BUS_LAG.to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full(BATCH_ROWS.to_owned()), &ROWS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

/// Describes every metric, and initializes counters for dashboards.
fn describe() {
    describe_counter!(SENT, "Notifications committed");
    describe_counter!(ACKED, "Notifications marked read");
    describe_counter!(AUTO_CLEARED, "Expired notifications");
    describe_gauge!(CONNECTIONS, "WebSocket connections now");
    describe_histogram!(
        DELIVERY_LATENCY,
        Unit::Milliseconds,
        "From an event's arrival to its push"
    );
    describe_counter!(EVENTS, "Events by source and outcome");
    describe_counter!(UNKNOWN_TYPE, "Events with an unknown code");
    describe_counter!(
        RECIPIENTS_SKIPPED,
        "Recipients of large fan-outs for whom rendering failed, by reason"
    );
    describe_counter!(
        ACTIVITY_DROPPED,
        "Traces dropped because the store was slower than the events"
    );
    describe_counter!(DEAD_LETTERS, "Dead letters by reason");
    describe_gauge!(PART_UP, "1 while a part works, 0 while it is down");
    describe_histogram!(BATCH_ROWS, "Notifications in one transaction");
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "Duration of one transaction");
    describe_gauge!(QUEUE_LENGTH, "Length of a queue");
    describe_counter!(ACTOR_RESTARTS, "Restarts of actors");
    describe_counter!(FEED_MESSAGES, "Live feed messages queued for watchers, by feed");
    describe_gauge!(FEED_WATCHERS, "Connections that watch a live feed, by feed");
    describe_counter!(SLOW_CLIENTS, "Clients closed because they read too slowly");
    describe_counter!(BUS_MESSAGES, "Messages between hubs, by direction");
    describe_counter!(BUS_GAPS, "Changes of other hubs before which one was missing");
    describe_histogram!(BUS_LAG, Unit::Seconds, "From publishing to arrival at another hub");
    describe_gauge!(STORE_DRIFT, "Inconsistencies found in samples of the store");
    describe_gauge!(LEASES, "1 while this hub holds a lease, by its name");
    describe_counter!(CHANNEL_ATTEMPTS, "Attempts to deliver, by channel and outcome");
    describe_histogram!(CHANNEL_LATENCY, Unit::Seconds, "Duration of an attempt, by channel");
    describe_gauge!(DELIVERIES, "Deliveries in the store, by channel and state");
    for counter in
        [SENT, ACKED, AUTO_CLEARED, SLOW_CLIENTS, UNKNOWN_TYPE, BUS_GAPS, ACTIVITY_DROPPED]
    {
        metrics::counter!(counter).absolute(0);
    }
    metrics::gauge!(CONNECTIONS).set(0.0);
    metrics::gauge!(STORE_DRIFT).set(0.0);
    for actor in [
        "subscriber",
        "pipeline",
        "persistence",
        "registry",
        "broadcaster",
        "catalog",
        "sweeper",
        "scheduler",
        "membership",
        "dispatcher",
        "bus_publisher",
        "bus_listener",
    ] {
        metrics::counter!(ACTOR_RESTARTS, "actor" => actor).absolute(0);
    }
}
