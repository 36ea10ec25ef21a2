//! Matrix of types and channels, and its older members `email_enabled`, `push_enabled` and
//! `muted_channels`.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

use super::{CHANNELS, CODE_MAX_CHARS, ChannelPreferences, MUTED_MAX, Preferences};
use crate::domain::event::code_of;

/// Older members that a body of preferences has, whatever their values.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub struct OlderMembers {
    email_enabled: Option<IgnoredAny>,
    push_enabled: Option<IgnoredAny>,
    muted_channels: Option<IgnoredAny>,
}

impl Preferences {
    /// Validates the matrix of channels, and normalizes its codes.
    pub(super) fn check_channels(&mut self) -> Result<(), (&'static str, String)> {
        let mut rows = 0;
        for (name, channel) in &mut self.channels {
            if !CHANNELS.contains(&name.as_str()) {
                let why = format!("{name:?} is not one of {}", CHANNELS.join(", "));
                return Err(("channels", why));
            }
            let mut types = BTreeMap::new();
            for (code, wanted) in &channel.types {
                let known = code_of(code);
                if known.is_empty() || known.chars().count() > CODE_MAX_CHARS {
                    return Err(("channels", format!("{code:?} is not the code of a type")));
                }
                types.insert(known, *wanted);
            }
            rows += types.len();
            channel.types = types;
        }
        if rows > MUTED_MAX {
            return Err(("channels", format!("at most {MUTED_MAX} types can be named")));
        }
        Ok(())
    }

    /// Returns the preferences with the matrix of channels complete, and the older members in
    /// accord with it.
    #[must_use]
    pub fn complete(mut self) -> Self {
        let mut muted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in CHANNELS {
            let enabled = self.is_enabled(name);
            let of_older = || {
                let types = self.muted_channels.iter();
                let muted = types.filter(|(_, channels)| channels.iter().any(|one| one == name));
                ChannelPreferences {
                    enabled,
                    types: muted.map(|(code, _)| (code.clone(), false)).collect(),
                }
            };
            let channel = self.channels.get(name).cloned().unwrap_or_else(of_older);
            for (code, _) in channel.types.iter().filter(|(_, wanted)| !**wanted) {
                muted.entry(code.clone()).or_default().push(name.to_owned());
            }
            match name {
                "email" => self.email_enabled = enabled,
                "push" => self.push_enabled = enabled,
                _ => {}
            }
            self.channels.insert(name.to_owned(), channel);
        }
        self.muted_channels = muted;
        self
    }

    /// Takes the older members that a body has as the caller's wish where they differ from what is
    /// stored: a client that does not know the matrix sends it back unchanged. Beside a matrix, an
    /// older member that is missing means nothing.
    #[must_use]
    pub fn merged_with(mut self, stored: &Self, named: OlderMembers) -> Self {
        let stored = stored.clone().complete();
        let switches = [
            ("email", named.email_enabled, self.email_enabled, stored.email_enabled),
            ("push", named.push_enabled, self.push_enabled, stored.push_enabled),
        ];
        for (name, named, wanted, stored) in switches {
            if named.is_some()
                && let Some(channel) = self.channels.get_mut(name)
                && channel.enabled == stored
            {
                channel.enabled = wanted;
            }
        }
        let types_are_stored = CHANNELS.iter().all(|name| {
            self.channels.get(*name).map(|channel| &channel.types)
                == stored.channels.get(*name).map(|channel| &channel.types)
        });
        if named.muted_channels.is_some()
            && self.muted_channels != stored.muted_channels
            && types_are_stored
        {
            for name in CHANNELS {
                let Some(channel) = self.channels.get_mut(name) else { continue };
                let muted = self.muted_channels.iter();
                channel.types = muted
                    .filter(|(_, channels)| channels.iter().any(|one| one == name))
                    .map(|(code, _)| (code.clone(), false))
                    .collect();
            }
        }
        self.complete()
    }

    fn is_enabled(&self, channel: &str) -> bool {
        match (self.channels.get(channel), channel) {
            (Some(preferences), _) => preferences.enabled,
            (None, "email") => self.email_enabled,
            (None, "push") => self.push_enabled,
            (None, _) => true,
        }
    }

    /// Returns why nothing of this type may be sent on a channel; `None` if it may.
    #[must_use]
    pub fn refuses(&self, channel: &str, type_code: &str) -> Option<String> {
        let code = code_of(type_code);
        if self.muted_types.contains(&code) {
            return Some("the person has muted the type".to_owned());
        }
        if !self.is_enabled(channel) {
            return Some(format!("the person has switched {channel} off"));
        }
        let muted = match self.channels.get(channel) {
            Some(preferences) => preferences.types.get(&code) == Some(&false),
            None => self
                .muted_channels
                .get(&code)
                .is_some_and(|all| all.iter().any(|muted| muted == channel)),
        };
        muted.then(|| format!("the person has muted the type on {channel}"))
    }

    /// Mutes a type on a channel.
    pub fn mute_on(&mut self, channel: &str, type_code: &str) {
        let mut complete = std::mem::take(self).complete();
        if let Some(preferences) = complete.channels.get_mut(channel) {
            preferences.types.insert(code_of(type_code), false);
        }
        *self = complete.complete();
    }
}
