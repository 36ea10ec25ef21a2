//! Answers to the [questions](super::hubs::Question) of other hubs.

use serde_json::Value;
use tokio::sync::mpsc;

use super::{clients, explain, hubs::Question, remedies};
use crate::{
    bus::IncomingRequest,
    http::{Problem, SharedState, State},
};

/// Maximum number of connections in an answer: some megabytes, which Redis passes on at once.
const CLIENTS_MAX: usize = 10_000;

/// Answers a question for this hub.
async fn answer(state: &State, question: Question) -> Result<Value, Problem> {
    match question {
        Question::Clients { user_id } => {
            let clients = clients::of_this_hub(state, user_id.as_ref()).await?;
            // Too many for one message: this hub is listed as incomplete.
            let count = clients.as_array().map_or(0, Vec::len);
            Ok(if count > CLIENTS_MAX { Value::Null } else { clients })
        }
        Question::Client { client_id } => clients::client_of_this_hub(state, &client_id).await,
        Question::Remedies => Ok(remedies::of_this_hub(state)),
        Question::SignOutUser { user_id } => clients::sign_out_user(state, user_id).await,
        Question::SignOutClient { client_id } => clients::sign_out_client(state, client_id).await,
        Question::Traces(subject) => explain::of_this_hub(state, &subject).await,
        Question::Pushes { notifications } => Ok(explain::pushes(state, &notifications)),
    }
}

/// Answers the questions of other hubs, while this one runs.
pub fn answer_hubs(state: SharedState, requests: Option<mpsc::Receiver<IncomingRequest>>) {
    let Some(mut requests) = requests else { return };
    actix_rt::spawn(async move {
        while let Some(request) = requests.recv().await {
            let state = state.clone();
            actix_rt::spawn(async move {
                let body = match serde_json::from_value(request.body.clone()) {
                    // A question that fails here is answered by null: incomplete.
                    Ok(question) => answer(&state, question).await.unwrap_or_default(),
                    Err(_) => Value::Null,
                };
                state.hubs.answer(&request, state.cluster.instance(), body).await;
            });
        }
    });
}
