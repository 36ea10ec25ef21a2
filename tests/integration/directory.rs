//! Users of the directory, and uploads of many, against the built hub.

use crate::{
    admin::{ask, on_both},
    support::hub::Hub,
};
use serde_json::{Value, json};

const DIRECTORY: &str = "/api/v1/admin/directory";

/// Uploads users to the directory.
async fn upload(hub: &Hub, headers: &[(&str, &str)], body: String) -> (u16, Value) {
    hub.send("POST", &format!("{DIRECTORY}/bulk"), headers, body).await
}

/// Lines of newline-delimited JSON with this many users.
fn user_lines(count: usize) -> String {
    (0..count)
        .map(|n| json!({ "user_id": format!("n{n:04}"), "login": format!("Login{n}") }))
        .fold(String::new(), |lines, user| lines + &user.to_string() + "\n")
}

#[tokio::test]
async fn user_of_the_directory_is_written_read_and_deleted() {
    on_both(&[], async |hub| {
        let path = format!("{DIRECTORY}/7");
        let budi = json!({
            "login": "budi", "name": "Budi", "roles": ["moderator"], "locale": "id",
            "timezone": "Asia/Jakarta",
        });
        let (status, put) = ask(&hub, "PUT", &path, budi).await;
        assert_eq!(status, 200, "{put}");
        assert_eq!((&put["user_id"], &put["email"]), (&json!("7"), &Value::Null));
        let (_, put) = ask(&hub, "PUT", &path, json!({ "user_id": "7", "login": "b" })).await;
        assert_eq!(put["login"], "b");
        assert_eq!((&put["name"], &put["roles"]), (&Value::Null, &json!([])), "PUT replaces all");
        assert_eq!(hub.get(&path).await.1, put);
        let only_new = [("if-none-match", "*")];
        let (status, refused) = hub.send("PUT", &path, &only_new, json!({}).to_string()).await;
        assert_eq!((status, &hub.get(&path).await.1), (412, &put), "{refused}");
        let other = path.replace('7', "77");
        let (status, new) = hub.send("PUT", &other, &only_new, json!({}).to_string()).await;
        assert_eq!((status, &new["user_id"]), (200, &json!("77")), "{new}");

        for (body, field) in [
            (json!({ "user_id": "8" }), "user_id"),
            (json!({ "timezone": "Mars/Base" }), "timezone"),
            (json!({ "time_zone": "Asia/Jakarta" }), "time_zone"),
            (json!({ "roles": [7] }), "roles"),
            (json!({ "shoe_size": 44 }), "shoe_size"),
        ] {
            let (status, problem) = ask(&hub, "PUT", &path, body).await;
            assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{problem}");
        }

        let (_, audit) = hub.get("/api/v1/admin/audit?subject=user:7").await;
        assert_eq!(audit["entries"].as_array().map(Vec::len), Some(2), "{audit}");
        assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 204);
        assert_eq!(hub.get(&path).await.0, 404);
    })
    .await;
}

#[tokio::test]
async fn upload_adds_to_known_users() {
    on_both(&[], async |hub| {
        let path = format!("{DIRECTORY}/7");
        ask(&hub, "PUT", &path, json!({ "login": "b" })).await;
        let users = json!({ "users": [
            { "user_id": 1, "login": "ani", "role": "admin" }, { "user_id": "7", "name": "B" },
        ] });

        let uploaded = upload(&hub, &[], users.to_string()).await;

        assert_eq!(uploaded, (200, json!({ "upserted": 2 })));
        let (_, known) = hub.get(&path).await;
        assert_eq!((&known["login"], &known["name"]), (&json!("b"), &json!("B")));
        // A new administrator receives what is for administrators.
        let event =
            json!({ "type": "REFUND_REQUESTED", "user_id": "7", "amount": 5, "refund_id": 1 });
        hub.publish(&event).await;
        assert_eq!(hub.inbox("1").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn uploaded_lines_are_listed_in_pages_and_a_wrong_line_is_named() {
    on_both(&[], async |hub| {
        let ndjson = [("content-type", "application/x-ndjson")];
        let lines = user_lines(1_200);
        let uploaded = upload(&hub, &ndjson, lines.clone()).await;
        assert_eq!(uploaded, (200, json!({ "upserted": 1_200 })));

        let page = async |query: &str| {
            let (_, page) = hub.get(&format!("{DIRECTORY}?q=login119&{query}")).await;
            (page["users"].as_array().map_or(0, Vec::len), page)
        };
        let (count, first) = page("limit=5").await;
        assert_eq!((count, &first["total_count"]), (5, &json!(1_200)));
        let next = first["next_cursor"].as_str().expect("there is more");
        let (count, rest) = page(&format!("limit=50&cursor={next}")).await;
        assert_eq!((count, &rest["next_cursor"]), (6, &Value::Null));

        let wrong = lines + "{\"user_id\":\"z\",\"email\":7}\n";
        let (status, problem) = upload(&hub, &ndjson, wrong).await;
        assert_eq!((status, &problem["upserted"]), (400, &json!(1_200)), "{problem}");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.starts_with("line 1201: "), "{problem}");
    })
    .await;
}

#[tokio::test]
async fn upload_without_a_content_type_is_recognized() {
    on_both(&[], async |hub| {
        for (body, expected) in [
            ("{\"user_id\":\"l1\"}\n{\"user_id\":\"l2\"}", 2),
            ("{\n\"users\":\n[{\"user_id\":\"l3\"}]\n}\n", 1),
        ] {
            let uploaded = upload(&hub, &[], body.to_owned()).await;
            assert_eq!(uploaded, (200, json!({ "upserted": expected })), "{body}");
        }
        assert_eq!(upload(&hub, &[], "nonsense".to_owned()).await.0, 400);
    })
    .await;
}

#[tokio::test]
async fn user_who_was_removed_or_replaced_comes_back_by_signing_in() {
    on_both(&[], async |hub| {
        let path = format!("{DIRECTORY}/u9");
        let sign_in = async || {
            let inbox = "/api/v1/notifications?user_id=u9&login=nine&role=admin";
            assert_eq!(hub.get(inbox).await.0, 200);
            let (status, user) = hub.get(&path).await;
            assert_eq!((status, &user["login"]), (200, &json!("nine")), "{user}");
        };
        sign_in().await;
        assert_eq!(hub.send("DELETE", &path, &[], String::new()).await.0, 204);
        sign_in().await;
        assert_eq!(ask(&hub, "PUT", &path, json!({ "login": "ten" })).await.0, 200);
        sign_in().await;
        let users = json!({ "users": [{ "user_id": "u9", "login": "eleven" }] }).to_string();
        assert_eq!(upload(&hub, &[], users).await.0, 200);
        sign_in().await;
    })
    .await;
}
