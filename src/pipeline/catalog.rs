//! Catalog actor: publishes an immutable snapshot of all types, and a new one when the table
//! changes.
//!
//! PostgreSQL notifies of changes; besides, the table is polled every second, so that a change by
//! SQL takes effect within two. An invalid row switches off its type alone, and is logged once.
//! While the store is unavailable, the last snapshot stays.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseActFuture, SpawnHandle,
    WrapFuture,
};

use crate::{
    config,
    domain::catalog::{Catalog, TypeRow},
    runtime::supervisor::{Crash, DropGuard},
    store::{Store, StoreError, TypesWatch},
    telemetry::{Health, PartState},
};

/// Interval of polling the table.
const INTERVAL: Duration = Duration::from_secs(1);

/// Shared current snapshot; cheap to clone and to read.
#[derive(Debug, Clone, Default)]
pub struct SharedCatalog(Arc<RwLock<Arc<Catalog>>>);

impl SharedCatalog {
    /// Returns the current snapshot, which stays valid while it is held.
    #[must_use]
    pub fn current(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn publish(&self, catalog: Catalog) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
    }
}

/// Sources of types and templates.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Store with the table.
    pub store: Store,
    /// Configuration with the translations; invalid types are reported to it.
    pub configuration: Arc<config::LiveConfig>,
}

impl Sources {
    /// Reads the table and compiles all types.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn load(
        &self,
        shared: &SharedCatalog,
        health: &Health,
    ) -> Result<Vec<TypeRow>, StoreError> {
        let rows = self.store.types().await?;
        let translations = self.configuration.translations();
        let (catalog, bad) =
            Catalog::build(&rows, &translations.local, &translations.default_locale);
        for bad in &bad {
            let (code, column, line) = (&bad.code, &*bad.column, bad.line);
            tracing::warn!(
                code,
                column,
                line,
                reason = bad.detail,
                "catalog: type switched off because it is invalid"
            );
        }
        self.configuration.set_invalid_types(bad.into_iter().map(|bad| bad.code).collect());
        health.set("config", PartState::from_problems(self.configuration.problems()));
        tracing::info!(types = catalog.len(), "catalog: types loaded");
        shared.publish(catalog);
        Ok(rows)
    }
}

/// Catalog actor.
pub struct CatalogRefresher {
    sources: Sources,
    shared: SharedCatalog,
    health: Health,
    loaded: Vec<TypeRow>,
    /// Poll that is in progress or scheduled.
    polling: Option<SpawnHandle>,
    _guard: DropGuard,
}

impl CatalogRefresher {
    /// Creates the actor that refreshes `shared`; `loaded` are the rows of the present snapshot.
    #[must_use]
    pub fn new(
        sources: Sources,
        shared: SharedCatalog,
        health: Health,
        loaded: Vec<TypeRow>,
        guard: DropGuard,
    ) -> Self {
        Self { sources, shared, health, loaded, polling: None, _guard: guard }
    }

    /// Listens for notifications of the database.
    fn listen(&self, ctx: &mut Context<Self>) {
        let store = self.sources.store.clone();
        let on_notification = async move {
            match store.watch_types().await {
                Ok(mut watch) => watch.changed().await.map(|()| watch),
                Err(error) => Err(error),
            }
        };
        ctx.spawn(on_notification.into_actor(self).map(|on_notification, refresher, ctx| {
            refresher.on_notification(on_notification, ctx);
        }));
    }

    fn on_notification(
        &mut self,
        on_notification: Result<TypesWatch, StoreError>,
        ctx: &mut Context<Self>,
    ) {
        let Ok(mut watch) = on_notification else {
            // Unavailable: polling finds the changes meanwhile.
            ctx.run_later(INTERVAL, |refresher, ctx| refresher.listen(ctx));
            return;
        };
        self.refresh(ctx);
        let again = async move { watch.changed().await.map(|()| watch) };
        ctx.spawn(again.into_actor(self).map(|on_notification, refresher, ctx| {
            refresher.on_notification(on_notification, ctx);
        }));
    }

    fn refresh(&mut self, ctx: &mut Context<Self>) {
        let (sources, shared, health) =
            (self.sources.clone(), self.shared.clone(), self.health.clone());
        let loaded = self.loaded.clone();
        let refreshed = async move {
            match sources.store.types().await {
                Ok(rows) if rows == loaded => None,
                Ok(_) => sources.load(&shared, &health).await.ok(),
                // The store reports its state itself; the last snapshot stays.
                Err(_) => None,
            }
        };
        let noted = refreshed.into_actor(self).map(|rows, refresher, ctx| {
            if let Some(rows) = rows {
                refresher.loaded = rows;
            }
            refresher.polling = Some(ctx.run_later(INTERVAL, Self::refresh));
        });
        // Replace the next poll, or one that began before the notification.
        if let Some(before) = self.polling.replace(ctx.spawn(noted)) {
            ctx.cancel_future(before);
        }
    }
}

impl Actor for CatalogRefresher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.refresh(ctx);
        self.listen(ctx);
    }
}

impl CatalogRefresher {
    /// Loads everything now. Returns whether that succeeded.
    fn load(&self) -> ResponseActFuture<Self, bool> {
        let (sources, shared, health) =
            (self.sources.clone(), self.shared.clone(), self.health.clone());
        let load = async move { sources.load(&shared, &health).await };
        Box::pin(load.into_actor(self).map(|rows, refresher, _| {
            let done = rows.is_ok();
            if let Ok(rows) = rows {
                refresher.loaded = rows;
            }
            done
        }))
    }
}

/// Reloads the catalog, after a change that must take effect at once. Answers when the new snapshot
/// is published; with false if the store is unavailable, in which case polling retries.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct Refresh;

impl Handler<Refresh> for CatalogRefresher {
    type Result = ResponseActFuture<Self, bool>;

    fn handle(&mut self, _: Refresh, _: &mut Self::Context) -> Self::Result {
        self.load()
    }
}

impl Handler<Crash> for CatalogRefresher {
    type Result = ();

    fn handle(&mut self, _: Crash, _: &mut Self::Context) {
        panic!("the catalog was asked to crash");
    }
}
