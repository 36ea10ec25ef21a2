//! Tests of the whole hub: the built binary over real sockets, against real servers and stores.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may fail, and measures real time"
)]

#[macro_use]
mod both_stores;
mod bodies;
mod support;

mod access;
mod access_limits;
mod activity;
mod admin;
mod admin_users;
mod api;
mod architecture;
mod archive;
mod audit;
mod channels;
mod channels_broadcast;
mod channels_faults;
mod channels_inbox;
mod cli;
mod cli_check;
mod cli_listen;
mod cli_types;
mod cluster;
mod convergence;
mod crash;
mod directory;
mod directory_import;
mod doctor;
mod dry_runs;
mod event_stream;
mod explain;
mod fan_outs;
mod faults;
mod feed_snapshots;
mod feeds;
#[cfg(unix)]
mod guides;
mod hostile;
mod http;
mod http_service;
mod inbox;
mod maintenance;
mod native_types;
mod nats_access;
mod nats_edges;
mod operating;
mod overview;
mod partitions;
mod presentation;
mod publishing;
mod recovery;
mod refused_sign_ins;
mod reload;
mod reload_audit;
mod reload_types;
mod requests;
mod schedule;
mod sources;
mod store;
mod store_activity;
mod store_bounds;
mod store_directory;
mod store_groups;
mod store_leases;
mod store_pushes;
mod store_recalls;
mod store_sweeps;
mod store_texts;
mod store_users;
mod stress;
mod texts;
mod tls;
mod traces;
mod types_api;
mod websocket;
mod websocket_access;
