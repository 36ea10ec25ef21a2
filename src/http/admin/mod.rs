//! The administrators' calls. Those at the top of the older API keep its shapes: ids that are whole numbers are JSON numbers.

mod clients;
mod history;

pub(super) use clients::{clients, revoke_client, revoke_user, users};
pub(super) use history::{history, pending};
