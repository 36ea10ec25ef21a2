//! Presentation of a notification beside its title and message.

use serde::{Deserialize, Serialize};

/// Maximum number of actions of a notification.
pub const ACTIONS_MAX: usize = 2;

/// Maximum length of a category, in characters.
pub const CATEGORY_MAX_CHARS: usize = 64;

/// Maximum length of the label of an action, in characters.
pub const LABEL_MAX_CHARS: usize = 64;

/// Button of a notification; in a type, label and URL are templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Text of the button.
    pub label: String,
    /// URL that it opens.
    pub url: String,
    /// True if it is displayed as the main choice.
    #[serde(default)]
    pub primary: bool,
}

/// Presentation of a notification, all of it optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presentation {
    /// Category, by which inboxes are filtered.
    pub category: Option<String>,
    /// URL of an image.
    pub icon: Option<String>,
    /// Buttons, at most [`ACTIONS_MAX`].
    #[serde(default)]
    pub actions: Vec<Action>,
    /// Message with bold and links ([`super::markup`]), if its type has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rich: Option<String>,
}

impl Presentation {
    /// Returns whether there is nothing to present.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Size of its texts, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = [&self.category, &self.icon, &self.rich].into_iter().flatten();
        let actions = self.actions.iter().map(|action| action.label.len() + action.url.len());
        texts.map(String::len).chain(actions).sum()
    }
}
