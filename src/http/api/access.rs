//! Callers that may use an operation, checked in front of its handler.

use std::rc::Rc;

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, ResponseError as _,
    body::{EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
};
use futures_util::future::{LocalBoxFuture, Ready, ready};

use crate::{
    auth::Caller,
    http::{Problem, SharedState, identity},
};

/// Callers that may use an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Access {
    /// Everyone, without credentials.
    Anyone,
    /// A user, for what is theirs. The handler finds out whose inbox it is.
    User,
    /// An API key with the scope `publish`, or an administrator. The handler checks, because the
    /// rate limit comes with it.
    Publisher,
    /// A user with the role `admin`, or an API key with the scope `admin`. The handler gets
    /// [`Checked`].
    Admin,
    /// As [`Access::Admin`], checked by the handler: its parameters look like the credentials of
    /// dev authentication.
    AdminByHandler,
}

impl Access {
    /// Names of the callers in `x-who` of the document.
    pub(super) fn callers(self) -> &'static [&'static str] {
        match self {
            Self::Anyone => &["nobody", "user", "other", "publisher", "admin"],
            Self::User => &["user", "other", "admin"],
            Self::Publisher => &["publisher", "admin"],
            Self::Admin | Self::AdminByHandler => &["admin"],
        }
    }
}

/// Administrator that the access check has let through.
///
/// An operation without [`Access::Admin`] whose handler takes this argument fails with 500, so the
/// declared role cannot be forgotten.
#[derive(Clone)]
pub(in crate::http) struct Checked(pub(in crate::http) Rc<Caller>);

impl FromRequest for Checked {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let missing = || Problem::internal("the operation is declared without an administrator");
        ready(request.extensions().get::<Self>().cloned().ok_or_else(missing))
    }
}

/// Response of the check, or of the handler behind it.
type Response<B> = LocalBoxFuture<'static, Result<ServiceResponse<EitherBody<B>>, Error>>;

/// Returns the middleware that checks an operation's access.
pub(super) fn check<B: MessageBody + 'static>(
    access: Access,
) -> impl Fn(ServiceRequest, Next<B>) -> Response<B> + Clone {
    move |request, next| {
        Box::pin(async move {
            let checked = match access {
                Access::Admin => administrator(&request).await,
                Access::Anyone | Access::User | Access::Publisher | Access::AdminByHandler => {
                    Ok(())
                }
            };
            match checked {
                Ok(()) => next.call(request).await.map(ServiceResponse::map_into_left_body),
                Err(problem) => {
                    let response = problem.error_response();
                    Ok(request.into_response(response).map_into_right_body())
                }
            }
        })
    }
}

async fn administrator(request: &ServiceRequest) -> Result<(), Problem> {
    let state = request.app_data::<SharedState>().cloned();
    let state = state.ok_or_else(|| Problem::internal("the state is missing"))?;
    let caller = identity::administrator(&state, request.request()).await?;
    request.extensions_mut().insert(Checked(Rc::new(caller)));
    Ok(())
}
