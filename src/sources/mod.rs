//! Where events come from, beside HTTP.

pub mod nats;
