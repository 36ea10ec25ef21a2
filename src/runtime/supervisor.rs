//! Supervisor actor: starts the long-lived actors, and restarts them when they panic.
//!
//! `actix::Supervisor` restarts an actor after a stop, with the old state, but not after a panic:
//! its address is dead. So each child holds a [`DropGuard`], whose `Drop` reports the end of the
//! child in any case; a new one is started with backoff. A child that keeps dying makes the hub not
//! ready, and is retried at the maximum interval.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    time::Duration,
};

use actix::{Actor, AsyncContext, Context, Handler, Message, WeakAddr};
use tokio::time::Instant;

use crate::telemetry::{Health, PartState, metric};

/// First delay before a restart; doubled for each further death within [`STORM_WINDOW`].
const FIRST_BACKOFF: Duration = Duration::from_millis(10);

/// Maximum delay before a restart.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Period in which deaths count together.
const STORM_WINDOW: Duration = Duration::from_mins(1);

/// Number of deaths within the period from which the hub is not ready.
const STORM: usize = 5;

/// Supervisor of the long-lived actors.
pub struct Supervisor {
    children: HashMap<ChildName, Child>,
    health: Health,
    stopping: bool,
}

/// Name of a child.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ChildName {
    /// Kind of actor, in the log and the label `actor` of the metric.
    pub actor: &'static str,
    /// Instance, where there are several of a kind; otherwise empty.
    pub instance: &'static str,
}

impl fmt::Display for ChildName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instance {
            "" => f.write_str(self.actor),
            instance => write!(f, "{} {instance}", self.actor),
        }
    }
}

struct Child {
    start: Box<dyn Fn(DropGuard) + Send>,
    deaths: VecDeque<Instant>,
}

/// Held by a child; reports to the supervisor when the child ends in any way.
pub struct DropGuard {
    child: ChildName,
    supervisor: WeakAddr<Supervisor>,
}

#[cfg(test)]
impl DropGuard {
    /// Creates a guard that reports to nobody.
    pub(crate) fn detached() -> Self {
        Self {
            child: ChildName::default(),
            supervisor: Supervisor::new(Health::default()).start().downgrade(),
        }
    }
}

impl Drop for DropGuard {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.upgrade() {
            let gone = ChildGone { child: self.child, panicked: std::thread::panicking() };
            // With few children the mailbox cannot be full.
            let _ = supervisor.try_send(gone);
        }
    }
}

/// Starts a child, and restarts it whenever it dies.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Supervise {
    /// Name.
    pub child: ChildName,
    /// Starts a new actor and sets its handle.
    pub start: Box<dyn Fn(DropGuard) + Send>,
}

/// Reports the end of a child.
#[derive(Message)]
#[rtype(result = "()")]
struct ChildGone {
    child: ChildName,
    panicked: bool,
}

/// Stops restarting children, because the hub is stopping.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shutdown;

/// Makes an actor panic, for tests.
#[doc(hidden)]
#[derive(Message)]
#[rtype(result = "()")]
pub struct Crash;

impl Supervisor {
    /// Creates a supervisor without children.
    #[must_use]
    pub fn new(health: Health) -> Self {
        Self { children: HashMap::new(), health, stopping: false }
    }

    fn spawn_child(&self, name: ChildName, ctx: &Context<Self>) {
        if let Some(child) = self.children.get(&name) {
            (child.start)(DropGuard { child: name, supervisor: ctx.address().downgrade() });
        }
    }

    fn report(&self) {
        let dying: Vec<String> = self
            .children
            .iter()
            .filter(|(_, child)| child.deaths.len() >= STORM)
            .map(|(name, _)| name.to_string())
            .collect();
        self.health.set(
            "actors",
            if dying.is_empty() {
                PartState::Ok
            } else {
                PartState::Down(format!("{} keeps dying", dying.join(", ")))
            },
        );
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.report();
        // A child that has stopped dying does not count any more.
        ctx.run_interval(Duration::from_secs(1), |supervisor, _| {
            for child in supervisor.children.values_mut() {
                forget_old(&mut child.deaths);
            }
            supervisor.report();
        });
    }
}

fn forget_old(deaths: &mut VecDeque<Instant>) {
    while deaths.front().is_some_and(|death| death.elapsed() > STORM_WINDOW) {
        deaths.pop_front();
    }
}

/// Returns the delay before the restart after the `deaths`th death.
fn backoff(deaths: usize) -> Duration {
    let doublings = u32::try_from(deaths.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    FIRST_BACKOFF.saturating_mul(1 << doublings).min(LONGEST_BACKOFF)
}

impl Handler<Supervise> for Supervisor {
    type Result = ();

    fn handle(&mut self, Supervise { child: name, start }: Supervise, ctx: &mut Self::Context) {
        self.children.insert(name, Child { start, deaths: VecDeque::new() });
        self.spawn_child(name, ctx);
    }
}

impl Handler<ChildGone> for Supervisor {
    type Result = ();

    fn handle(&mut self, ChildGone { child: name, panicked }: ChildGone, ctx: &mut Self::Context) {
        if self.stopping {
            return;
        }
        let Some(child) = self.children.get_mut(&name) else { return };
        forget_old(&mut child.deaths);
        child.deaths.push_back(Instant::now());
        let wait = backoff(child.deaths.len());
        tracing::error!(
            actor = %name,
            panicked,
            restart_in_ms = wait.as_millis(),
            "actor died; restarting it"
        );
        metrics::counter!(metric::ACTOR_RESTARTS, "actor" => name.actor).increment(1);
        self.report();
        ctx.run_later(wait, move |supervisor, ctx| {
            if !supervisor.stopping {
                supervisor.spawn_child(name, ctx);
            }
        });
    }
}

impl Handler<Shutdown> for Supervisor {
    type Result = ();

    fn handle(&mut self, Shutdown: Shutdown, _: &mut Self::Context) {
        self.stopping = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::runtime::Handle;

    struct Fragile {
        _guard: DropGuard,
    }

    impl Actor for Fragile {
        type Context = Context<Self>;
    }

    impl Handler<Crash> for Fragile {
        type Result = ();

        fn handle(&mut self, _: Crash, _: &mut Self::Context) {
            panic!("asked to");
        }
    }

    #[test]
    fn restart_delay_doubles_up_to_the_maximum() {
        assert_eq!(backoff(1), FIRST_BACKOFF);
        assert_eq!(backoff(2), FIRST_BACKOFF * 2);
        assert_eq!(backoff(60), LONGEST_BACKOFF);
    }

    #[actix::test]
    async fn panicking_child_is_restarted_and_repeated_deaths_are_reported() {
        let health = Health::default();
        let supervisor = Supervisor::new(health.clone()).start();
        let handle: Handle<Fragile> = Handle::default();
        let starts = Arc::new(AtomicUsize::new(0));
        let (refill, count) = (handle.clone(), Arc::clone(&starts));
        let start = Box::new(move |guard| {
            count.fetch_add(1, Ordering::SeqCst);
            refill.fill(Fragile { _guard: guard }.start());
        });
        let child = ChildName { actor: "fragile", instance: "" };
        supervisor.send(Supervise { child, start }).await.expect("the supervisor lives");
        // Pause time after the first start: from here on every delay is a timer.
        tokio::time::pause();
        for death in 1..=STORM {
            assert!(!health.is_down("actors"), "after {death} deaths");
            assert!(handle.send(Crash).await.is_err());
            while starts.load(Ordering::SeqCst) <= death {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert!(health.is_down("actors"));
        tokio::time::sleep(STORM_WINDOW + Duration::from_secs(2)).await;
        assert!(!health.is_down("actors"), "a child that has stopped dying is forgiven");
    }
}
