//! Metrics of the last hour, sampled every ten seconds for the console's charts.

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

/// Interval of samples.
pub const INTERVAL: Duration = Duration::from_secs(10);

/// Number of samples: one hour.
const KEPT: usize = 360;

/// Sampled metrics: name in the response, metric, and whether its growth is of interest.
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

/// Values at one time.
#[derive(Debug, Clone, Default)]
struct Sample {
    values: BTreeMap<&'static str, f64>,
    latency_sum: f64,
    latency_count: f64,
}

/// Point of the charts.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Time.
    pub at: Timestamp,
    /// Growth of counters since the previous point, and values of gauges.
    #[serde(flatten)]
    pub values: BTreeMap<&'static str, f64>,
    /// Average delivery latency since the previous point, in milliseconds.
    pub latency_ms: Option<f64>,
}

/// Metrics of the last hour.
#[derive(Debug, Default)]
pub struct History {
    kept: Mutex<Kept>,
    /// Number of events of this process included in the store's total.
    events_saved: AtomicI64,
}

#[derive(Debug, Default)]
struct Kept {
    last: Option<Sample>,
    points: VecDeque<Point>,
}

/// Data for the charts.
#[derive(Debug, Serialize)]
pub struct Reading {
    /// Totals since the start, and current gauges.
    pub totals: BTreeMap<&'static str, f64>,
    /// Interval of points, in seconds.
    pub interval_seconds: u64,
    /// Points, oldest first.
    pub series: Vec<Point>,
}

impl History {
    /// Returns the number of events of this process that are not in the store's total yet.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a count of events, far below 2^53")]
    pub fn events_unsaved(&self, metrics: &PrometheusHandle) -> i64 {
        let events = read(&metrics.render()).values.get("events").copied().unwrap_or(0.0);
        events as i64 - self.events_saved.load(Ordering::Relaxed)
    }

    /// Adds to the number of events in the store's total.
    pub fn events_saved(&self, events: i64) {
        self.events_saved.fetch_add(events, Ordering::Relaxed);
    }

    /// Takes a sample of the metrics.
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

    /// Returns the points of the last hour, and current totals.
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

/// Parses Prometheus text; the values of a metric are summed over its labels.
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
    fn points_contain_growth_of_counters_and_values_of_gauges() {
        let first = read(
            "# HELP x\nlonceng_events_total{source=\"http\",outcome=\"accepted\"} \
             4\nwebsocket_connections 2\n",
        );
        let second = read(
            "lonceng_events_total{source=\"http\",outcome=\"accepted\"} \
             7\nlonceng_events_total{source=\"nats\",outcome=\"skipped\"} 2\n\
             websocket_connections 5\ndelivery_latency_ms_sum 30\ndelivery_latency_ms_count 10\n",
        );
        let point = between(&first, &second, Timestamp(1));
        assert!((point.values["events"] - 5.0).abs() < f64::EPSILON);
        assert!((point.values["connections"] - 5.0).abs() < f64::EPSILON);
        assert_eq!(point.latency_ms, Some(3.0));
        assert_eq!(between(&second, &second, Timestamp(2)).latency_ms, None);
    }
}
