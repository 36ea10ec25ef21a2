//! Import of the directory from CSV and NDJSON, with and without a dry run.

use serde_json::{Value, json};

use crate::support::hub::{Hub, On};

async fn import(hub: &Hub, kind: &str, query: &str, body: &str) -> Value {
    let path = format!("/api/v1/admin/directory/import{query}");
    let (status, body) = hub.send("POST", &path, &[("content-type", kind)], body.to_owned()).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn user(hub: &Hub, id: &str) -> Value {
    hub.get(&format!("/api/v1/admin/directory/{id}")).await.1
}

fn numbers(body: &Value) -> [&Value; 4] {
    ["created", "changed", "unchanged", "failed"].map(|name| &body[name])
}

const CSV: &str = "user_id,login,name,email,roles,timezone,addresses.phone\n\
     budi,budi,\"Budi, S.\",budi@example.com,admin|night shift,Asia/Jakarta,+62\n\
     siti,siti,,,,,\n\
     ,nobody,,,,,\n\
     tono,tono,,,,Mars/Olympus,\n\
     wati,wati,,,,,,more\n";

#[tokio::test]
async fn dry_run_tells_what_an_import_does_and_stores_nothing() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        let dry = import(&hub, "text/csv", "?dry_run=true", CSV).await;
        assert_eq!(numbers(&dry), [2, 0, 0, 3], "{dry}");
        let places: Vec<(&Value, &Value)> = dry["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|error| (&error["line"], &error["field"]))
            .collect();
        let (id, zone) = (json!("user_id"), json!("timezone"));
        let expected = [(&json!(4), &id), (&json!(5), &zone), (&json!(6), &Value::Null)];
        assert_eq!(places, expected, "{dry}");
        assert_eq!(hub.get("/api/v1/admin/directory").await.1["total_count"], 0);
        assert_eq!(hub.get("/api/v1/admin/audit").await.1["entries"], json!([]));

        let real = import(&hub, "text/csv; charset=utf-8", "", CSV).await;
        assert_eq!(numbers(&real), [2, 0, 0, 3], "{real}");
        let budi = user(&hub, "budi").await;
        assert_eq!(
            (&budi["name"], &budi["timezone"]),
            (&json!("Budi, S."), &json!("Asia/Jakarta"))
        );
        assert_eq!(budi["roles"], json!(["admin", "night shift"]), "{budi}");
        assert_eq!(budi["addresses"], json!({ "phone": "+62" }), "{budi}");
        let audit = hub.get("/api/v1/admin/audit").await.1["entries"][0].clone();
        assert_eq!(
            (&audit["action"], &audit["after"]["users"]),
            (&json!("directory.import"), &json!(2))
        );

        let again = import(&hub, "text/csv", "?dry_run=true", CSV).await;
        assert_eq!(numbers(&again), [0, 0, 2, 3], "{again}");
    }
}

#[tokio::test]
async fn complete_file_removes_the_users_who_are_not_in_it() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        let all: Vec<String> = (0..450).map(|n| format!("u{n:03},Login {n}")).collect();
        import(&hub, "text/csv", "", &format!("user_id,name\n{}\n", all.join("\n"))).await;
        hub.publish(&json!({ "type": "NOTE_CREATED", "user_id": "u449", "title": "t" })).await;
        let file = "user_id,name\nu000,Login 0\nu001,Renamed\nnew,New\n";

        let merged = import(&hub, "text/csv", "?dry_run=true", file).await;
        assert_eq!((&merged["mode"], &merged["removed"]), (&json!("merge"), &json!(0)));
        let dry = import(&hub, "text/csv", "?dry_run=true&mode=replace", file).await;
        assert_eq!(numbers(&dry), [1, 1, 1, 0], "{dry}");
        assert_eq!(dry["removed"], 448, "{dry}");
        let shown = dry["removed_users"].as_array().expect("a list");
        assert_eq!((shown.len(), &shown[0]["user_id"]), (100, &json!("u002")));
        assert_eq!(hub.get("/api/v1/admin/directory").await.1["total_count"], 450);

        // Another number than the dry run showed removes nobody.
        let path = "/api/v1/admin/directory/import?mode=replace";
        let csv = [("content-type", "text/csv")];
        let replace = async |confirm: &str, body: &str| {
            hub.send("POST", &format!("{path}{confirm}"), &csv, body.to_owned()).await
        };
        let (status, problem) = replace("&confirm=447", file).await;
        assert_eq!((status, &problem["code"]), (409, &json!("other_count")), "{problem}");
        assert_eq!(hub.get("/api/v1/admin/directory").await.1["total_count"], 450);

        let (status, real) = replace("&confirm=448", file).await;
        assert_eq!((status, &real["removed"]), (200, &json!(448)), "{real}");
        let (_, left) = hub.get("/api/v1/admin/directory").await;
        let ids: Vec<&Value> =
            left["users"].as_array().into_iter().flatten().map(|user| &user["user_id"]).collect();
        assert_eq!(ids, ["new", "u000", "u001"]);
        let (_, audit) = hub.get("/api/v1/admin/audit?subject=user:u449").await;
        let entry = &audit["entries"][0];
        assert_eq!(
            (&entry["action"], &entry["before"]["name"]),
            (&json!("user.deleted"), &json!("Login 449"))
        );
        let (_, audit) = hub.get("/api/v1/admin/audit?subject=directory").await;
        assert_eq!(audit["entries"][0]["after"]["removed"], 448, "{audit}");
        assert_eq!(hub.inbox("u449").await.len(), 1, "the inbox stays");
    }
}

#[tokio::test]
async fn complete_file_with_errors_or_without_users_removes_nobody() {
    let hub = Hub::sqlite(&[]).await;
    import(&hub, "text/csv", "", "user_id\na\nb\n").await;
    let csv = [("content-type", "text/csv")];
    let path = "/api/v1/admin/directory/import?mode=replace";
    for (body, code) in [
        ("user_id,timezone\na,\nb,Mars\n", "errors_in_file"),
        ("user_id,timezone\n", "no_users_in_file"),
    ] {
        let (status, problem) = hub.send("POST", path, &csv, body.to_owned()).await;
        assert_eq!((status, &problem["code"]), (422, &json!(code)), "{problem}");
        assert_eq!(hub.get("/api/v1/admin/directory").await.1["total_count"], 2);
    }
    let wrong = "/api/v1/admin/directory/import?mode=all";
    assert_eq!(hub.send("POST", wrong, &csv, "user_id\na".to_owned()).await.0, 400);
}

#[tokio::test]
async fn error_in_a_line_names_line_column_and_code() {
    let hub = Hub::sqlite(&[]).await;
    let dry = import(&hub, "text/csv", "?dry_run=true", CSV).await;
    let places: Vec<Value> = dry["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| json!([error["line"], error["column"], error["code"]]))
        .collect();
    let expected =
        [json!([4, 1, "missing"]), json!([5, 6, "time_zone"]), json!([6, null, "too_many_fields"])];
    assert_eq!(places, expected, "{dry}");
    assert_eq!(dry["errors"][0]["detail"], "is missing");
    assert_eq!(dry["errors"][1]["params"]["zone"], "\"Mars/Olympus\"");
}

#[tokio::test]
async fn lines_of_json_are_imported_and_each_user_is_counted_once() {
    for on in [On::Sqlite, On::Postgres] {
        let Some(hub) = Hub::start(on, &[]).await else { continue };
        import(&hub, "application/x-ndjson", "", r#"{"user_id":"a","email":"a@x.example"}"#).await;
        let lines = "{\"user_id\":\"a\",\"name\":\"A\"}\n\n{\"user_id\":\"a\",\"name\":\"B\"}\n\
             {\"user_id\":\"b\",\"roles\":[\"x\"]}\nno json\n{\"user_id\":\"c\",\"nme\":\"C\"}\n";
        // Without a content type that tells, the first character does.
        for (query, kind) in [("?dry_run=true", "application/octet-stream"), ("", "text/plain")] {
            let done = import(&hub, kind, query, lines).await;
            assert_eq!(numbers(&done), [1, 1, 0, 2], "{done}");
            assert_eq!(done["errors"][0]["line"], 5, "{done}");
            assert_eq!(done["errors"][1]["field"], "nme", "{done}");
        }
        let a = user(&hub, "a").await;
        assert_eq!((&a["name"], &a["email"]), (&json!("B"), &json!("a@x.example")), "{a}");
    }
}

#[tokio::test]
async fn file_that_is_no_list_of_users_is_refused() {
    let hub = Hub::sqlite(&[]).await;
    let path = "/api/v1/admin/directory/import";
    for body in ["", "name,email\nA,a@x.example", "user_id\n\"a"] {
        let csv = [("content-type", "text/csv")];
        let (status, problem) = hub.send("POST", path, &csv, body.to_owned()).await;
        assert_eq!(status, 400, "{body}: {problem}");
    }
    assert_eq!(hub.send("POST", &format!("{path}?dry_run=x"), &[], "a".to_owned()).await.0, 400);
}
