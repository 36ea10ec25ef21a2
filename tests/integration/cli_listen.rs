//! Command line against a hub: listen.

use crate::cli::{command, told};
use crate::support::{
    hub::Hub,
    wait::{PATIENCE, until},
};
use serde_json::json;
use std::process::Stdio;

#[tokio::test]
async fn listen_watches_a_feed() {
    let hub = Hub::sqlite(&[]).await;
    let ws = format!("ws://127.0.0.1:{}/ws", hub.port);
    let feed = ["listen", "--feed", "availability", "--url", &ws];
    let mut listener =
        command(&[&feed[..], &["--filter", "course_id=A", "--filter", "course_id=B"]].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
    until("it watches", PATIENCE, async || {
        (hub.metric("lonceng_feed_watchers{feed=\"availability\"}").await > 0.0).then_some(())
    })
    .await;
    for (course, left) in [("A", 1), ("C", 2), ("B", 3)] {
        hub.publish(&json!({"type":"booking.created","course_id":course,"slots_remaining":left,
            "student_id":"x"}))
            .await;
    }
    until("all are shown", PATIENCE, async || {
        (hub.metric("lonceng_feed_messages_total{feed=\"availability\"}").await >= 2.0)
            .then_some(())
    })
    .await;
    // Messages arrive in order: when `going_away` has been printed, all before it have.
    let mut hub = hub;
    hub.terminate().await;
    listener.kill().expect("it runs");
    let (_, said, _) = told(&listener.wait_with_output().expect("it ends"));
    let lines: Vec<&str> =
        said.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest)).collect();
    assert_eq!(
        lines,
        [
            "availability.updated course_id=A slots_remaining=1",
            "availability.updated course_id=B slots_remaining=3"
        ]
    );
    // An invalid filter is reported, and the command does not retry.
    let refused =
        command(&["listen", "--feed", "availability", "--url", &ws, "--filter", "course_id"])
            .output();
    assert_eq!(refused.expect("it runs").status.code(), Some(2));
    hub.run().await;
    let refused =
        command(&[&feed[..], &["--filter", "teacher=x"]].concat()).output().expect("it runs");
    let (code, _, said) = told(&refused);
    assert!(code == 1 && said.contains("teacher"), "{said}");
    let missing = command(&["listen", "--feed", "other", "--url", &ws]).output().expect("it runs");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no feed"));
}

#[tokio::test]
async fn listen_prints_notifications_beyond_the_live_limit() {
    let hub = Hub::sqlite(&[("LONCENG_LIMITS__PER_USER_PER_MINUTE", "3")]).await;
    let ws = format!("ws://127.0.0.1:{}/ws", hub.port);
    let mut listener = command(&["listen", "--user", "u", "--url", &ws, "--ack"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    until("it is connected", PATIENCE, async || {
        (hub.metric("websocket_connections").await > 0.5).then_some(())
    })
    .await;
    for n in 0..8 {
        hub.publish(
            &serde_json::json!({"type":"NOTE_CREATED","user_id":"u","title":format!("n{n}")}),
        )
        .await;
    }
    until("all are printed and read", PATIENCE, async || {
        hub.inbox("u").await.iter().all(|item| item["read"] == true).then_some(())
    })
    .await;
    listener.kill().expect("it runs");
    let said = told(&listener.wait_with_output().expect("it ends")).1;
    for n in 0..8 {
        assert_eq!(said.matches(&format!("\"n{n}\"")).count(), 1, "{said}");
    }
}
