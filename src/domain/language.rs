//! Languages of the texts that the hub itself writes to people.

/// Language of the built-in texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, also for people whose language the hub does not have.
    English,
    /// Indonesian.
    Indonesian,
}

impl Language {
    /// Returns the language of a locale such as `id-ID`.
    #[must_use]
    pub fn of(locale: &str) -> Self {
        Self::known(locale).unwrap_or(Self::English)
    }

    /// Returns the first language of `Accept-Language` (RFC 9110, section 12.5.4) that the hub has,
    /// by the weights in it.
    #[must_use]
    pub fn accepted(header: &str) -> Self {
        let weighted = |part: &str| {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok());
            Some((Self::known(tag.trim())?, weight.filter(|weight: &f32| *weight > 0.0)?))
        };
        let mut best: Option<(Self, f32)> = None;
        for (language, weight) in header.split(',').filter_map(weighted) {
            if best.is_none_or(|(_, most)| weight > most) {
                best = Some((language, weight));
            }
        }
        best.map_or(Self::English, |(language, _)| language)
    }

    fn known(locale: &str) -> Option<Self> {
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            // `in` is the older code of Indonesian.
            "id" | "in" => Some(Self::Indonesian),
            _ => None,
        }
    }

    /// Returns the language tag (RFC 5646).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Indonesian => "id",
        }
    }

    /// Returns the text of this language.
    #[must_use]
    pub fn choose<T>(self, english: T, indonesian: T) -> T {
        match self {
            Self::English => english,
            Self::Indonesian => indonesian,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, English, Indonesian};

    #[test]
    fn language_follows_the_locale_or_the_browser() {
        for (locale, language) in
            [("id", Indonesian), ("id-ID", Indonesian), ("ID_id", Indonesian), ("de", English)]
        {
            assert_eq!(Language::of(locale), language, "{locale}");
        }
        for (header, language) in [
            ("id", Indonesian),
            ("id-ID,id;q=0.9,en;q=0.8", Indonesian),
            ("de, en;q=0.5, id;q=0.7", Indonesian),
            ("en-US,en;q=0.9,id;q=0.8", English),
            ("id;q=0", English),
            ("", English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }
}
