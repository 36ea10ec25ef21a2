//! The last hour, for the console's charts: what the metrics said every ten seconds.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use super::metric;
use crate::{clock, domain::notification::Timestamp};

/// Between two samples.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// Samples kept: an hour.
const KEPT: usize = 360;

/// What is taken from the metrics: the name in the answer, the metric, and whether it is a count of which the growth is of
/// interest.
const WATCHED: [(&str, &str, bool); 8] = [
    ("events", metric::EVENTS, true),
    ("notifications", metric::SENT, true),
    ("read", metric::ACKED, true),
    ("dead_letters", metric::DEAD_LETTERS, true),
    ("feed_messages", metric::FEED_MESSAGES, true),
    ("connections", metric::CONNECTIONS, false),
    ("watchers", metric::FEED_WATCHERS, false),
    ("queued", metric::QUEUE_LENGTH, false),
];

/// What the metrics said at a moment.
#[derive(Debug, Clone, Default)]
struct Sample {
    values: BTreeMap<&'static str, f64>,
    latency_sum: f64,
    latency_count: f64,
}

/// One point of the charts.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// Counts since the point before, and how much there was of the rest.
    #[serde(flatten)]
    pub values: BTreeMap<&'static str, f64>,
    /// From an event's arrival to its push, on average since the point before, in milliseconds.
    pub latency_ms: Option<f64>,
}

/// The last hour.
#[derive(Debug, Default)]
pub struct History {
    kept: Mutex<Kept>,
    /// Events of this process that are in the store's total.
    events_saved: AtomicI64,
}

#[derive(Debug, Default)]
struct Kept {
    last: Option<Sample>,
    points: VecDeque<Point>,
}

/// What the charts are drawn from.
#[derive(Debug, Serialize)]
pub struct Reading {
    /// Everything since the start, and how much there is now.
    pub totals: BTreeMap<&'static str, f64>,
    /// Between two points.
    pub interval_seconds: u64,
    /// Oldest first.
    pub series: Vec<Point>,
}

impl History {
    /// Events of this process that are not yet in the store's total.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a count of events, far below 2^53")]
    pub fn events_unsaved(&self, metrics: &PrometheusHandle) -> i64 {
        let events = read(&metrics.render()).values.get("events").copied().unwrap_or(0.0);
        events as i64 - self.events_saved.load(Ordering::Relaxed)
    }

    /// Notes that so many more are in it.
    pub fn events_saved(&self, events: i64) {
        self.events_saved.fetch_add(events, Ordering::Relaxed);
    }

    /// Takes a sample.
    pub fn sample(&self, metrics: &PrometheusHandle) {
        let sample = read(&metrics.render());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &kept.last {
            let point = between(last, &sample, clock::now());
            kept.points.push_back(point);
            if kept.points.len() > KEPT {
                kept.points.pop_front();
            }
        }
        kept.last = Some(sample);
    }

    /// The hour so far, and the totals now.
    #[must_use]
    pub fn read(&self, metrics: &PrometheusHandle) -> Reading {
        let totals = read(&metrics.render()).values;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Reading {
            totals,
            interval_seconds: INTERVAL.as_secs(),
            series: kept.points.iter().cloned().collect(),
        }
    }
}

fn between(last: &Sample, now: &Sample, at: Timestamp) -> Point {
    let value = |sample: &Sample, name: &str| sample.values.get(name).copied().unwrap_or(0.0);
    let values = WATCHED.iter().map(|(name, _, grows)| {
        let value =
            if *grows { (value(now, name) - value(last, name)).max(0.0) } else { value(now, name) };
        (*name, value)
    });
    let count = now.latency_count - last.latency_count;
    let latency_ms = (count > 0.0).then(|| (now.latency_sum - last.latency_sum) / count);
    Point { at, values: values.collect(), latency_ms }
}

/// Reads the text that Prometheus reads: a metric's lines, added up over their labels.
fn read(text: &str) -> Sample {
    let mut sample = Sample::default();
    for (name, _, _) in WATCHED {
        sample.values.insert(name, 0.0);
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse::<f64>() else { continue };
        let bare = name.split('{').next().unwrap_or(name);
        if let Some((shown, _, _)) = WATCHED.iter().find(|(_, metric, _)| *metric == bare) {
            *sample.values.entry(shown).or_default() += value;
        } else if let Some(rest) = bare.strip_prefix(metric::DELIVERY_LATENCY) {
            match rest {
                "_sum" => sample.latency_sum += value,
                "_count" => sample.latency_count += value,
                _ => {}
            }
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_say_what_has_grown_and_what_there_is() {
        let first = read(
            "# HELP x\nlonceng_events_total{source=\"http\",outcome=\"accepted\"} 4\nwebsocket_connections 2\n",
        );
        let second = read(
            "lonceng_events_total{source=\"http\",outcome=\"accepted\"} 7\nlonceng_events_total{source=\"nats\",outcome=\"skipped\"} 2\n\
             websocket_connections 5\ndelivery_latency_ms_sum 30\ndelivery_latency_ms_count 10\n",
        );
        let point = between(&first, &second, Timestamp(1));
        assert!((point.values["events"] - 5.0).abs() < f64::EPSILON);
        assert!((point.values["connections"] - 5.0).abs() < f64::EPSILON);
        assert_eq!(point.latency_ms, Some(3.0));
        assert_eq!(between(&second, &second, Timestamp(2)).latency_ms, None);
    }
}
