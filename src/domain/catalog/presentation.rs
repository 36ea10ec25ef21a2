//! Titles, categories, icons and actions of types: constants, or templates.

use std::{borrow::Cow, sync::Arc};

use super::{BadType, Catalog, NotificationType, Origin, TypeRow, local_name};
use crate::domain::{
    event::code_of,
    limits::{IDENTIFIER_MAX_CHARS, shortened},
    link,
    presentation::{ACTIONS_MAX, Action, CATEGORY_MAX_CHARS, LABEL_MAX_CHARS, Presentation},
    rejected::Rejected,
    template::{BadTemplate, TemplateScope, Templates},
};

/// Maximum length of a rendered title, in characters.
const TITLE_MAX_CHARS: usize = IDENTIFIER_MAX_CHARS;

/// Name of the file with a translated title: `CODE.title.txt`.
pub(super) const TITLE: &str = "title";

/// Text of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Text without a field of the event.
    Constant(String),
    /// Template of this name.
    Template(String),
}

/// Action of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionOfType {
    label: Text,
    url: Text,
    primary: bool,
}

/// Compiled presentation of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentationOfType {
    title: Text,
    category: Option<Text>,
    icon: Option<Text>,
    actions: Vec<ActionOfType>,
    /// True if messages have bold and links.
    pub(super) is_rich: bool,
}

impl PresentationOfType {
    /// Returns the category, if it is the same for every event.
    #[must_use]
    pub fn category(&self) -> Option<&str> {
        match &self.category {
            Some(Text::Constant(category)) => Some(category),
            _ => None,
        }
    }
}

impl NotificationType {
    /// Returns its name for users: the title, or the code in words if the title depends on the
    /// event.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match &self.presentation.title {
            Text::Constant(title) => Cow::Borrowed(title),
            Text::Template(_) => {
                let words = self.code.replace(['_', '.', '-'], " ").to_lowercase();
                let mut letters = words.chars();
                let first = letters.next().map(char::to_uppercase).into_iter().flatten();
                Cow::Owned(first.chain(letters).collect())
            }
        }
    }
}

impl Catalog {
    /// Compiles the title, the category, the icon and the actions of a row.
    pub(super) fn compile_presentation(
        &mut self,
        key: &str,
        row: &TypeRow,
    ) -> Result<PresentationOfType, BadType> {
        if row.actions.len() > ACTIONS_MAX {
            let detail = format!("a notification has at most {ACTIONS_MAX} actions");
            return Err(BadType::new(row, "actions", detail));
        }
        let of = |part: &str| presentation_name(key, part);
        let file = (row.origin == Origin::Config).then_some("config.toml");
        for part in ["category", "icon"] {
            self.note_place(&of(part), part, "", file);
        }
        let title = self.compile_text(row, "display_name", of(TITLE), &row.display_name)?;
        let category = row.category.as_deref().filter(|text| !text.is_empty());
        let category = category
            .map(|text| self.compile_text(row, "category", of("category"), text))
            .transpose()?;
        let icon = row.icon.as_deref().filter(|text| !text.is_empty());
        let icon = icon.map(|text| self.compile_url(row, "icon", of("icon"), text)).transpose()?;
        let mut actions = Vec::with_capacity(row.actions.len());
        for (at, action) in row.actions.iter().enumerate() {
            if action.label.trim().is_empty() {
                return Err(BadType::new(row, "actions", "a label must not be empty".to_owned()));
            }
            let name = of(&format!("action {at}"));
            self.note_place(&name, &format!("action {}", at + 1), "", file);
            actions.push(ActionOfType {
                label: self.compile_text(row, "actions", name.clone(), &action.label)?,
                url: self.compile_url(row, "actions", name, &action.url)?,
                primary: action.primary,
            });
        }
        Ok(PresentationOfType { title, category, icon, actions, is_rich: row.rich })
    }

    fn compile_text(
        &mut self,
        row: &TypeRow,
        column: &'static str,
        name: String,
        source: &str,
    ) -> Result<Text, BadType> {
        self.compile(row, column, name, source, Templates::add)
    }

    fn compile_url(
        &mut self,
        row: &TypeRow,
        column: &'static str,
        name: String,
        source: &str,
    ) -> Result<Text, BadType> {
        if !link::is_safe_template(source) {
            return Err(BadType::new(row, column, format!("the URL {}", link::EXPECTED)));
        }
        self.compile(row, column, name, source, Templates::add_url)
    }

    /// Compiles a text under a name with `add`, unless it is a constant.
    fn compile(
        &mut self,
        row: &TypeRow,
        column: &'static str,
        name: String,
        source: &str,
        add: fn(&mut Templates, String, &str) -> Result<(), BadTemplate>,
    ) -> Result<Text, BadType> {
        if !source.contains('{') {
            return Ok(Text::Constant(source.to_owned()));
        }
        add(&mut self.templates, name.clone(), source)
            .map_err(|error| BadType::new(row, column, error.to_string()))?;
        Ok(Text::Template(name))
    }

    /// Renders a type's title in the recipient's language.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field.
    pub fn title(
        &self,
        kind: &NotificationType,
        locale: Option<&str>,
        scope: &Arc<TemplateScope>,
    ) -> Result<String, Rejected> {
        if self.has_local_titles {
            let name = presentation_name(&code_of(&kind.code), TITLE);
            for locale in self.languages(locale) {
                let local = local_name(locale, &name);
                if self.templates.has(&local) {
                    return Ok(cut(&self.rendered(&local, scope)?, TITLE_MAX_CHARS));
                }
            }
        }
        match &kind.presentation.title {
            Text::Constant(title) => Ok(title.clone()),
            Text::Template(name) => {
                self.rendered(name, scope).map(|title| cut(&title, TITLE_MAX_CHARS))
            }
        }
    }

    /// Renders the category, the icon and the actions of a type.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field.
    pub fn presentation(
        &self,
        kind: &NotificationType,
        scope: &Arc<TemplateScope>,
    ) -> Result<Presentation, Rejected> {
        Ok(Presentation {
            category: self.category(kind, scope)?,
            icon: self.icon(kind, scope)?,
            actions: self.actions(kind, scope)?,
            rich: None,
        })
    }

    /// Renders the category of a type; an empty one is none.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field.
    pub fn category(
        &self,
        kind: &NotificationType,
        scope: &Arc<TemplateScope>,
    ) -> Result<Option<String>, Rejected> {
        let Some(category) = &kind.presentation.category else { return Ok(None) };
        self.text(category, scope, CATEGORY_MAX_CHARS)
    }

    /// Renders the icon of a type; one that is no safe link is none.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field.
    pub fn icon(
        &self,
        kind: &NotificationType,
        scope: &Arc<TemplateScope>,
    ) -> Result<Option<String>, Rejected> {
        let Some(icon) = &kind.presentation.icon else { return Ok(None) };
        Ok(Some(self.url(icon, scope)?).filter(|url| link::is_safe(url)))
    }

    /// Renders the actions of a type. As with the link of a notification, an action whose link
    /// cannot be rendered is left out.
    fn actions(
        &self,
        kind: &NotificationType,
        scope: &Arc<TemplateScope>,
    ) -> Result<Vec<Action>, Rejected> {
        let mut actions = Vec::with_capacity(kind.presentation.actions.len());
        for ActionOfType { label, url, primary } in &kind.presentation.actions {
            let label = self.text(label, scope, LABEL_MAX_CHARS)?;
            let url = self.url(url, scope).ok().filter(|url| link::is_safe(url));
            if let (Some(label), Some(url)) = (label, url) {
                actions.push(Action { label, url, primary: *primary });
            }
        }
        Ok(actions)
    }

    fn text(
        &self,
        text: &Text,
        scope: &Arc<TemplateScope>,
        max_chars: usize,
    ) -> Result<Option<String>, Rejected> {
        let text = match text {
            Text::Constant(text) => text.clone(),
            Text::Template(name) => self.rendered(name, scope)?,
        };
        Ok(Some(text).filter(|text| !text.trim().is_empty()).map(|text| cut(&text, max_chars)))
    }

    fn url(&self, url: &Text, scope: &Arc<TemplateScope>) -> Result<String, Rejected> {
        match url {
            Text::Constant(url) => Ok(url.clone()),
            Text::Template(name) => self
                .templates
                .render_url(name, scope)
                .map_err(|rejected| self.placed(name, rejected)),
        }
    }
}

/// Returns the name of a template that is not a message; the separator occurs in no code.
pub(super) fn presentation_name(code: &str, part: &str) -> String {
    format!("{code}\u{1e}{part}")
}

/// Makes a text one line of at most `max_chars` characters.
fn cut(text: &str, max_chars: usize) -> String {
    if text.contains(['\0', '\n', '\r']) {
        return shortened(&text.replace(['\0', '\n', '\r'], " "), max_chars);
    }
    shortened(text, max_chars)
}
