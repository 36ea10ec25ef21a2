//! Tests that hold on every store.

use lonceng::store::Store;

use crate::support::stores;

/// Number of partitions of the tests: some have several users, some none.
const PARTITIONS: u32 = 3;

/// Returns a new store on PostgreSQL with partitions.
pub(crate) async fn partitioned() -> Option<Store> {
    let store = Store::open(&stores::postgres_url().await?).await.expect("the store opens");
    store.migrate_partitioned(PARTITIONS).await.expect("the store migrates");
    Some(store)
}

/// Makes a test on each store, and on PostgreSQL with partitions, of functions that take one.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() {
                if let Some(test) = crate::support::stores::sqlite().await {
                    super::$name(test.store.clone()).await;
                }
            })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                if let Some(test) = crate::support::stores::postgres().await {
                    super::$name(test.store.clone()).await;
                    test.store.close().await;
                }
            })*
        }
        mod partitioned {
            $(#[tokio::test] async fn $name() {
                if let Some(store) = crate::both_stores::partitioned().await {
                    super::$name(store.clone()).await;
                    store.close().await;
                }
            })*
        }
    };
}
