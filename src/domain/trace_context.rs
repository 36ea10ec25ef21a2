//! Trace context of an event (W3C Trace Context, level 1).

use std::sync::Arc;

/// Maximum length of `tracestate` that is passed on, in bytes (section 3.3.1.5 asks for at least
/// 512).
const STATE_MAX_BYTES: usize = 512;

/// Position in a trace: the span of which the next one is a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// ID of the trace; never 0.
    pub trace_id: u128,
    /// ID of the span; never 0.
    pub span_id: u64,
    /// Flags; the lowest bit means that the trace is sampled.
    pub flags: u8,
    /// `tracestate`, passed on unchanged.
    pub state: Option<Arc<str>>,
}

impl TraceContext {
    /// Parses `traceparent` (section 3.2). Returns `None` if it is malformed: then a new trace
    /// begins.
    #[must_use]
    pub fn parse(traceparent: &str, state: Option<&str>) -> Option<Self> {
        let mut fields = traceparent.trim().split('-');
        let version = hex(fields.next()?, 2)?;
        let trace_id = hex(fields.next()?, 32).filter(|id| *id != 0)?;
        let span_id = hex(fields.next()?, 16).filter(|id| *id != 0)?;
        let flags = hex(fields.next()?, 2)?;
        // Version 255 is invalid. Only later versions may have further fields.
        if version == 0xff || version == 0 && fields.next().is_some() {
            return None;
        }
        let state = state.filter(|state| !state.is_empty() && state.len() <= STATE_MAX_BYTES);
        Some(Self {
            trace_id,
            span_id: u64::try_from(span_id).ok()?,
            flags: u8::try_from(flags).ok()?,
            state: state.map(Arc::from),
        })
    }

    /// Returns the context of headers with names in lower case, if there is one.
    #[must_use]
    pub fn of_headers(headers: &[(String, String)]) -> Option<Arc<Self>> {
        let find = |wanted: &str| {
            headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let traceparent = find("traceparent").or_else(|| find("ce-traceparent"))?;
        let state = find("tracestate").or_else(|| find("ce-tracestate"));
        Self::parse(traceparent, state).map(Arc::new)
    }

    /// Returns the ID of the trace, as in logs.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// Returns `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }

    /// Encodes the context for the store and the bus: `traceparent`, a space, and `tracestate`.
    #[must_use]
    pub fn to_stored(&self) -> String {
        match &self.state {
            Some(state) => format!("{} {state}", self.traceparent()),
            None => self.traceparent(),
        }
    }

    /// Decodes what [`TraceContext::to_stored`] returned.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Arc<Self>> {
        let (traceparent, state) = match text.split_once(' ') {
            Some((traceparent, state)) => (traceparent, Some(state)),
            None => (text, None),
        };
        Self::parse(traceparent, state).map(Arc::new)
    }
}

/// Parses a number of exactly `digits` lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != digits || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn context_is_parsed_and_written_alike() {
        let context = TraceContext::parse(PARENT, Some("vendor=1")).expect("valid");
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(context.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let stored = TraceContext::from_stored(&context.to_stored()).expect("valid");
        assert_eq!(*stored, context);
    }

    #[test]
    fn malformed_context_begins_a_new_trace() {
        for text in [
            "",
            "00",
            "00-0-0-0",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(TraceContext::parse(text, None), None, "{text}");
        }
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        assert!(TraceContext::parse(later, None).is_some(), "a later version may have more fields");
    }

    #[test]
    fn overlong_state_is_not_passed_on() {
        let context = TraceContext::parse(PARENT, Some(&"x".repeat(513))).expect("valid");
        assert_eq!(context.state, None);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,80}") {
            if let Some(context) = TraceContext::parse(&text, None) {
                prop_assert!(context.trace_id != 0 && context.span_id != 0);
            }
        }
    }
}
