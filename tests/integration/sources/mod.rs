//! Event sources against real brokers: one suite that holds for all of them, and what is special in
//! each.

mod brokers;
mod conformance;
mod outbox;
mod specifics;
