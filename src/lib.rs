//! Lonceng.
pub mod actors;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod hub;
pub mod sources;
pub mod store;
pub mod telemetry;
