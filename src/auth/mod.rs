//! Who is asking, and what they may do.

mod keys;
mod token;

pub use keys::ApiKeys;
pub use token::{Claims, TokenError, Tokens, mint};

use crate::{
    config::{self, AuthMethod},
    domain::user::{Identity, PersonPatch, UserId},
};

/// What a request shows of who is asking, wherever it showed it.
#[derive(Debug, Default, Clone)]
pub struct Credentials {
    /// `Authorization: Bearer`, `?token=` or the subprotocol `token.JWT`.
    pub token: Option<String>,
    /// `X-API-Key`.
    pub api_key: Option<String>,
    /// The dev parameter `user_id`.
    pub user_id: Option<String>,
    /// The dev parameter `login`.
    pub login: Option<String>,
    /// The dev parameter `role`, which may come more than once.
    pub roles: Vec<String>,
    /// Whether the request came to a loopback address by name, and from no foreign page.
    pub local: bool,
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Somebody with an inbox.
    User(Identity),
    /// A service with a key; it has no inbox.
    Service {
        /// The key's name.
        name: String,
        /// What it may do.
        scopes: Vec<String>,
    },
    /// With dev auth, a request without any identity: a curl in a terminal.
    Developer,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nobody is named.
    #[error("sign in: send a token as \"Authorization: Bearer\"")]
    Missing,
    /// The token is no good.
    #[error("the token is not accepted: {0}")]
    Token(#[from] TokenError),
    /// The key is not known.
    #[error("the API key is not known")]
    Key,
    /// A dev parameter is not what it should be.
    #[error("{0}")]
    BadParameter(String),
}

impl Caller {
    /// Whether they may publish events.
    #[must_use]
    pub fn may_publish(&self) -> bool {
        match self {
            Self::Developer => true,
            Self::User(identity) => identity.is_admin(),
            Self::Service { scopes, .. } => scopes.iter().any(|scope| scope == "publish"),
        }
    }

    /// The user, when it is one.
    #[must_use]
    pub fn user(&self) -> Option<&Identity> {
        match self {
            Self::User(identity) => Some(identity),
            Self::Service { .. } | Self::Developer => None,
        }
    }
}

/// Decides who is asking.
#[derive(Debug)]
pub struct Authenticator {
    dev: bool,
    tokens: Option<Tokens>,
    keys: ApiKeys,
}

impl Authenticator {
    /// The ways that a configuration opens.
    #[must_use]
    pub fn new(config: &config::Auth) -> Self {
        let jwt = config.methods.contains(&AuthMethod::Jwt);
        Self {
            dev: config.methods.contains(&AuthMethod::Dev),
            tokens: (jwt && !config.jwt_secret.is_empty()).then(|| Tokens::new(config)),
            keys: ApiKeys::new(&config.api_keys),
        }
    }

    /// Whether dev auth is open.
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.dev
    }

    /// What a token that is shown tells the directory.
    #[must_use]
    pub fn patch(&self, shown: &Credentials) -> Option<PersonPatch> {
        let token = shown.token.as_ref()?;
        self.tokens.as_ref()?.verify(token).ok()?.patch().ok()
    }

    /// Who is asking.
    ///
    /// # Errors
    /// When nobody is named, or what they show is no good.
    pub fn identify(&self, shown: &Credentials) -> Result<Caller, AuthError> {
        let key = shown.api_key.as_ref().or(shown.token.as_ref());
        if let Some(caller) = key.and_then(|key| self.keys.find(key)) {
            return Ok(caller);
        }
        if shown.api_key.is_some() {
            return Err(AuthError::Key);
        }
        if let Some(token) = &shown.token {
            let tokens = self.tokens.as_ref().ok_or(TokenError::NotConfigured)?;
            return Ok(Caller::User(tokens.verify(token)?.identity()?));
        }
        if !self.dev || !shown.local {
            return Err(AuthError::Missing);
        }
        match &shown.user_id {
            None => Ok(Caller::Developer),
            Some(user_id) => Ok(Caller::User(Identity {
                user_id: UserId::parse(user_id)
                    .map_err(|error| AuthError::BadParameter(format!("user_id: {error}")))?,
                login: shown.login.clone().filter(|login| !login.is_empty()),
                roles: shown.roles.clone(),
                expires_at: None,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn dev() -> Authenticator {
        Authenticator::new(&config::Auth::default())
    }

    fn jwt() -> Authenticator {
        Authenticator::new(&config::Auth {
            methods: vec![AuthMethod::Jwt],
            jwt_secret: Secret::from("0123456789abcdef0123456789abcdef"),
            ..config::Auth::default()
        })
    }

    #[test]
    fn dev_believes_what_it_is_told_and_only_on_this_machine() {
        let shown = Credentials { user_id: Some("budi".into()), local: true, ..Credentials::default() };
        assert!(matches!(dev().identify(&shown), Ok(Caller::User(identity)) if identity.user_id.as_str() == "budi"));
        assert_eq!(dev().identify(&Credentials { local: false, ..shown }), Err(AuthError::Missing));
        let nobody = Credentials { local: true, ..Credentials::default() };
        assert_eq!(dev().identify(&nobody), Ok(Caller::Developer));
        let bad = Credentials { user_id: Some(String::new()), local: true, ..Credentials::default() };
        assert!(matches!(dev().identify(&bad), Err(AuthError::BadParameter(_))));
    }

    #[test]
    fn without_dev_parameters_are_not_believed() {
        let shown = Credentials { user_id: Some("budi".into()), local: true, ..Credentials::default() };
        assert_eq!(jwt().identify(&shown), Err(AuthError::Missing));
        assert_eq!(
            dev().identify(&Credentials { token: Some("x".into()), local: true, ..Credentials::default() }),
            Err(AuthError::Token(TokenError::NotConfigured))
        );
    }

    #[test]
    fn who_may_publish() {
        let user = |roles: &[&str]| {
            Caller::User(Identity {
                user_id: UserId::parse("u").expect("a constant id is an id"),
                login: None,
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                expires_at: None,
            })
        };
        let service = |scope: &str| Caller::Service { name: "s".into(), scopes: vec![scope.into()] };
        assert!(Caller::Developer.may_publish() && user(&["admin"]).may_publish() && service("publish").may_publish());
        assert!(!user(&["user"]).may_publish() && !service("read").may_publish());
    }
}
