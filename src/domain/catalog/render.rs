//! Rendering of messages in the language of their reader.

use std::sync::Arc;

use super::{Catalog, NotificationType, local_name, variants};
use crate::domain::{
    event::code_of, markup, rejected::Rejected, template::TemplateScope, user::UserId,
};

/// Rendered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    /// Text without marks.
    pub plain: String,
    /// Text with bold and links, if it has any.
    pub rich: Option<String>,
}

impl Catalog {
    /// Returns the locales to try for a reader: "id-ID" falls back to "id".
    pub(super) fn languages<'a>(&'a self, locale: Option<&'a str>) -> [&'a str; 2] {
        let wanted = locale.unwrap_or(&self.default_locale);
        [wanted, wanted.split(['-', '_']).next().unwrap_or(wanted)]
    }

    /// Renders a type's message in the recipient's language. Returns the message and the variant.
    ///
    /// A reader whose language has a translation of the type but none of the variant gets the
    /// translation, and is not part of the comparison.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field.
    pub fn message(
        &self,
        kind: &NotificationType,
        recipient: &UserId,
        locale: Option<&str>,
        scope: &Arc<TemplateScope>,
    ) -> Result<(MessageText, Option<String>), Rejected> {
        let code = code_of(&kind.code);
        let variant = variants::choose(&code, recipient, &kind.variants);
        for locale in self.languages(locale) {
            if let Some(variant) = variant {
                let name = local_name(locale, &variants::text_of(&code, variant));
                if self.templates.has(&name) {
                    return Ok((self.render(kind, &name, scope)?, Some(variant.to_owned())));
                }
            }
            let name = local_name(locale, &code);
            if self.templates.has(&name) {
                return Ok((self.render(kind, &name, scope)?, None));
            }
        }
        let text =
            variant.map_or_else(|| code.clone(), |variant| variants::text_of(&code, variant));
        Ok((self.render(kind, &text, scope)?, variant.map(str::to_owned)))
    }

    /// Renders a text. An error names its language, and where it is written.
    pub(super) fn rendered(
        &self,
        name: &str,
        scope: &Arc<TemplateScope>,
    ) -> Result<String, Rejected> {
        self.templates.render(name, scope).map_err(|rejected| self.placed(name, rejected))
    }

    /// Adds the place of a text to its error.
    pub(super) fn placed(&self, name: &str, rejected: Rejected) -> Rejected {
        match self.places.get(name) {
            Some(place) => rejected.in_place(&place.text),
            None => rejected,
        }
    }

    fn render(
        &self,
        kind: &NotificationType,
        name: &str,
        scope: &Arc<TemplateScope>,
    ) -> Result<MessageText, Rejected> {
        let text = self.rendered(name, scope)?;
        if !kind.presentation.is_rich {
            return Ok(MessageText { plain: text, rich: None });
        }
        let plain = markup::plain(&text);
        let rich = (plain != text).then_some(text);
        Ok(MessageText { plain, rich })
    }

    /// Renders a type's action URL.
    ///
    /// # Errors
    /// [`Rejected`] with the missing field.
    pub fn action_url(
        &self,
        kind: &NotificationType,
        scope: &Arc<TemplateScope>,
    ) -> Result<Option<String>, Rejected> {
        kind.has_action.then(|| self.templates.render_url(&code_of(&kind.code), scope)).transpose()
    }
}
