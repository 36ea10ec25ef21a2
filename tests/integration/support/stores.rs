//! Stores to test on: SQLite in a temporary folder, PostgreSQL in a database of its own.

use lonceng::store::Store;
use tempfile::TempDir;
use uuid::Uuid;

/// A store that is gone with the test.
pub struct TestStore {
    pub store: Store,
    pub url: String,
    _folder: Option<TempDir>,
}

/// Returns the address of a new SQLite store, and the folder it lives in.
pub fn sqlite_url() -> (String, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    (format!("sqlite://{}", folder.path().join("lonceng.db").display()), folder)
}

/// Returns the address of a new PostgreSQL database, where there is a server
/// (`LONCENG_TEST_POSTGRES`).
pub async fn postgres_url() -> Option<String> {
    let Ok(server) = std::env::var("LONCENG_TEST_POSTGRES") else {
        super::missing("PostgreSQL (LONCENG_TEST_POSTGRES)");
        return None;
    };
    let name = format!("lonceng_{}", Uuid::new_v4().simple());
    let pool = sqlx::PgPool::connect(&server).await.expect("the test's PostgreSQL answers");
    let sql = format!("CREATE DATABASE {name}");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.expect("a database can be made");
    pool.close().await;
    let (base, _) = server.rsplit_once('/').expect("LONCENG_TEST_POSTGRES names a database");
    Some(format!("{base}/{name}"))
}

async fn open(url: String, folder: Option<TempDir>) -> TestStore {
    let store = Store::open(&url).await.expect("the store opens");
    store.migrate().await.expect("the store migrates");
    TestStore { store, url, _folder: folder }
}

/// Opens the store of a hub.
pub async fn at(url: &str) -> TestStore {
    open(url.to_owned(), None).await
}

pub async fn sqlite() -> Option<TestStore> {
    let (url, folder) = sqlite_url();
    Some(open(url, Some(folder)).await)
}

pub async fn postgres() -> Option<TestStore> {
    Some(open(postgres_url().await?, None).await)
}
