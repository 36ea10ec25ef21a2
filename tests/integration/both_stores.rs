//! Tests that hold on every store.

/// Makes a test on each store of functions that take one.
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
    };
}
