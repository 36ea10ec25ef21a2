//! Authentication: identity and rights of callers.

mod error;
mod jwks;
mod keys;
mod token;
mod verification_key;
mod verify;

use std::sync::Arc;

use arc_swap::ArcSwap;

pub use error::AuthError;
pub use keys::ApiKeys;
pub use token::{Claims, TokenError, mint};
pub use verify::{KeyError, Tokens};

use crate::{
    config::{self, AuthMethod},
    domain::{
        limits::{IDENTIFIER_MAX_CHARS, ROLE_MAX_CHARS, ROLES_MAX, is_plain, is_role},
        user::{Identity, PersonPatch, SessionKey, UserId},
    },
    redis::{CookieSession, Redis, Sessions},
};

/// Credentials of a request.
#[derive(Debug, Default, Clone)]
pub struct Credentials {
    /// Token from `Authorization: Bearer`, `?token=` or the subprotocol `token.JWT`.
    pub token: Option<String>,
    /// Value of `X-API-Key`.
    pub api_key: Option<String>,
    /// Value of the session cookie.
    pub cookie: Option<String>,
    /// Dev parameter `user_id`.
    pub user_id: Option<String>,
    /// Dev parameter `login`.
    pub login: Option<String>,
    /// Dev parameters `role`.
    pub roles: Vec<String>,
    /// True if the request came to a loopback name, and not from a foreign page.
    pub local: bool,
}

/// Caller of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// User with an inbox.
    User(Identity),
    /// Service with an API key, without an inbox.
    Service {
        /// Name of the key.
        name: String,
        /// Scopes.
        scopes: Vec<String>,
    },
    /// Request without an identity, with dev authentication.
    Developer,
}

impl Caller {
    /// Returns whether the caller may administer.
    #[must_use]
    pub fn may_administer(&self) -> bool {
        match self {
            Self::Developer => true,
            Self::User(identity) => identity.is_admin(),
            Self::Service { scopes, .. } => scopes.iter().any(|scope| scope == "admin"),
        }
    }

    /// Returns whether the caller may publish events.
    #[must_use]
    pub fn may_publish(&self) -> bool {
        match self {
            Self::Developer => true,
            Self::User(identity) => identity.is_admin(),
            Self::Service { scopes, .. } => scopes.iter().any(|scope| scope == "publish"),
        }
    }

    /// Returns the user, if the caller is one.
    #[must_use]
    pub fn user(&self) -> Option<&Identity> {
        match self {
            Self::User(identity) => Some(identity),
            Self::Service { .. } | Self::Developer => None,
        }
    }
}

/// Authenticator of requests.
#[derive(Debug)]
pub struct Authenticator {
    dev: bool,
    tokens: Option<Tokens>,
    cookies: Option<Cookies>,
    keys: ArcSwap<ApiKeys>,
}

#[derive(Debug)]
struct Cookies {
    name: String,
    sessions: Sessions,
}

impl Cookies {
    /// Returns the user of a session; `None` if the session does not exist or has ended.
    async fn identify(&self, value: &str) -> Result<Option<Identity>, AuthError> {
        let session = self.sessions.find(value).await.map_err(|error| {
            tracing::warn!(%error, "auth: Redis does not answer; cookie sign-ins fail until it \
            does");
            AuthError::Unavailable
        })?;
        Ok(session.map(|CookieSession { user_id, login, roles }| Identity {
            user_id,
            login,
            roles,
            expires_at: None,
            session: Some(SessionKey::new(value)),
        }))
    }
}

/// Identified caller, with data for the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Caller.
    pub caller: Caller,
    /// Update of the directory from the token.
    pub patch: Option<PersonPatch>,
}

impl From<Caller> for Identified {
    fn from(caller: Caller) -> Self {
        Self { caller, patch: None }
    }
}

impl Authenticator {
    /// Creates the authenticator of a configuration. Cookies require Redis with the sessions.
    ///
    /// # Errors
    /// When a key is invalid.
    pub fn new(config: &config::Auth, redis: Option<&Redis>) -> Result<Self, KeyError> {
        let open = |method| config.methods.contains(&method);
        let cookies = redis.filter(|_| open(AuthMethod::Cookie)).map(|redis| Cookies {
            name: config.session_cookie.clone(),
            sessions: Sessions::new(redis.clone()),
        });
        Ok(Self {
            dev: open(AuthMethod::Dev),
            tokens: open(AuthMethod::Jwt).then(|| Tokens::new(config)).transpose()?,
            cookies,
            keys: ArcSwap::from_pointee(ApiKeys::new(&config.api_keys)),
        })
    }

    /// Replaces the API keys.
    pub fn set_keys(&self, keys: &[config::ApiKey]) {
        self.keys.store(Arc::new(ApiKeys::new(keys)));
    }

    /// Returns the name of the session cookie, if cookies are allowed.
    #[must_use]
    pub fn cookie_name(&self) -> Option<&str> {
        self.cookies.as_ref().map(|cookies| cookies.name.as_str())
    }

    /// Returns the lookup of cookie sessions, if cookies are allowed.
    #[must_use]
    pub fn sessions(&self) -> Option<Sessions> {
        self.cookies.as_ref().map(|cookies| cookies.sessions.clone())
    }

    /// Returns whether dev authentication is allowed.
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.dev
    }

    /// Identifies a caller: by API key, token, session cookie, or the parameters of dev
    /// authentication, in this order.
    ///
    /// # Errors
    /// [`AuthError`] if the credentials are invalid or missing, or cannot be checked now.
    pub async fn identify(&self, credentials: &Credentials) -> Result<Identified, AuthError> {
        let key = credentials.api_key.as_ref().or(credentials.token.as_ref());
        if let Some(caller) = key.and_then(|key| self.keys.load().find(key)) {
            return Ok(caller.into());
        }
        if credentials.api_key.is_some() {
            return Err(AuthError::Key);
        }
        if let Some(token) = &credentials.token {
            return self.identify_token(token).await;
        }
        if let (Some(cookies), Some(value)) = (&self.cookies, &credentials.cookie) {
            match cookies.identify(value).await? {
                Some(identity) => return Ok(Caller::User(identity).into()),
                None if !self.dev => return Err(AuthError::Cookie),
                // An ended session is no identity; dev parameters still are.
                None => {}
            }
        }
        if self.dev && credentials.local {
            return identify_developer(credentials);
        }
        let only_cookies = self.cookies.is_some() && self.tokens.is_none();
        Err(if only_cookies { AuthError::NoCookie } else { AuthError::Missing })
    }

    async fn identify_token(&self, token: &str) -> Result<Identified, AuthError> {
        let tokens = self.tokens.as_ref().ok_or(TokenError::NotConfigured)?;
        let claims = tokens.verify(token).await.map_err(|error| match error {
            TokenError::KeysAway => AuthError::Unavailable,
            other => AuthError::Token(other),
        })?;
        let caller = Caller::User(claims.identity()?);
        Ok(Identified { caller, patch: claims.patch().ok() })
    }
}

/// Reads the parameters of dev authentication, which are trusted.
fn identify_developer(credentials: &Credentials) -> Result<Identified, AuthError> {
    let wrong =
        |name: &str, expected: String| Err(AuthError::BadParameter(format!("{name}: {expected}")));
    if credentials.login.as_ref().is_some_and(|login| !is_plain(login, IDENTIFIER_MAX_CHARS)) {
        let expected = format!("at most {IDENTIFIER_MAX_CHARS} characters, no control characters");
        return wrong("login", expected);
    }
    if credentials.roles.len() > ROLES_MAX || !credentials.roles.iter().all(|role| is_role(role)) {
        let expected = format!("at most {ROLE_MAX_CHARS} characters, no white space, | ; or ,");
        return wrong("role", expected);
    }
    let Some(user_id) = &credentials.user_id else { return Ok(Caller::Developer.into()) };
    Ok(Identified::from(Caller::User(Identity {
        user_id: UserId::parse(user_id)
            .map_err(|error| AuthError::BadParameter(format!("user_id: {error}")))?,
        login: credentials.login.clone().filter(|login| !login.is_empty()),
        roles: credentials.roles.clone(),
        expires_at: None,
        session: None,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn dev() -> Authenticator {
        Authenticator::new(&config::Auth::default(), None).expect("there is no key to be wrong")
    }

    fn jwt() -> Authenticator {
        let config = config::Auth {
            methods: vec![AuthMethod::Jwt],
            jwt_secret: Secret::from("0123456789abcdef0123456789abcdef"),
            ..config::Auth::default()
        };
        Authenticator::new(&config, None).expect("a secret is a key")
    }

    async fn identify(auth: Authenticator, credentials: &Credentials) -> Result<Caller, AuthError> {
        auth.identify(credentials).await.map(|identified| identified.caller)
    }

    #[actix::test]
    async fn dev_authentication_works_on_this_machine_only() {
        let credentials =
            Credentials { user_id: Some("budi".into()), local: true, ..Credentials::default() };
        let found = identify(dev(), &credentials).await;
        assert!(matches!(found, Ok(Caller::User(identity)) if identity.user_id.as_str() == "budi"));
        assert_eq!(
            identify(dev(), &Credentials { local: false, ..credentials }).await,
            Err(AuthError::Missing)
        );
        let nobody = Credentials { local: true, ..Credentials::default() };
        assert_eq!(identify(dev(), &nobody).await, Ok(Caller::Developer));
        let bad =
            Credentials { user_id: Some(String::new()), local: true, ..Credentials::default() };
        assert!(matches!(identify(dev(), &bad).await, Err(AuthError::BadParameter(_))));
    }

    #[actix::test]
    async fn dev_parameters_are_ignored_without_dev_authentication() {
        let credentials =
            Credentials { user_id: Some("budi".into()), local: true, ..Credentials::default() };
        assert_eq!(identify(jwt(), &credentials).await, Err(AuthError::Missing));
        let token = Credentials { token: Some("x".into()), local: true, ..Credentials::default() };
        assert_eq!(identify(dev(), &token).await, Err(AuthError::Token(TokenError::NotConfigured)));
    }

    #[test]
    fn scopes_and_roles_grant_publishing_and_administration() {
        let user = |roles: &[&str]| {
            Caller::User(Identity {
                user_id: UserId::parse("u").expect("a constant id is an id"),
                login: None,
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                expires_at: None,
                session: None,
            })
        };
        let service =
            |scope: &str| Caller::Service { name: "s".into(), scopes: vec![scope.into()] };
        assert!(
            Caller::Developer.may_publish()
                && user(&["admin"]).may_publish()
                && service("publish").may_publish()
        );
        assert!(!user(&["user"]).may_publish() && !service("read").may_publish());
        assert!(Caller::Developer.may_administer() && user(&["admin"]).may_administer());
        assert!(service("admin").may_administer() && !service("publish").may_administer());
        assert!(!user(&["user"]).may_administer());
    }
}
