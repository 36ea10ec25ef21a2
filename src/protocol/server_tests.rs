use std::sync::Arc;

use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

use super::*;
use crate::domain::{
    inbox::Mark,
    notification::{Priority, Status},
    presentation::Presentation,
    user::UserId,
};

fn notification(status: Status, seq: i64, revision: i64) -> Notification {
    Notification {
        notification_id: Uuid::from_u128(1),
        stream_id: format!("1767225600000-{seq}"),
        revision,
        type_code: "REFUND_REQUESTED".into(),
        title: "Refund Request".into(),
        message: "User budi requested refund for Rp100.000".into(),
        priority: Priority::High,
        source: None,
        actor_id: None,
        entity_type: Some("refund".into()),
        entity_id: Some("ref456".into()),
        action_url: Some("/refunds/ref456".into()),
        metadata: RawValue::from_string(r#"{"amount":100000}"#.into())
            .map(Arc::from)
            .expect("it is JSON"),
        count: 1,
        created_at: Timestamp(1_767_225_600_000),
        expires_at: None,
        status,
        read: status == Status::Read,
        read_at: None,
        seen_at: None,
        clicked_at: None,
        clicked_action: None,
        presentation: Presentation::default(),
        variant: None,
        keep_until: None,
        metadata_id: None,
        event_id: None,
        publisher: None,
        group_key: None,
        actors: Vec::new(),
        snoozed_until: None,
        changed_at: Timestamp(1_767_225_600_000),
        user_id: UserId::parse("budi").expect("a constant id is an id"),
        seq,
    }
}

fn change(kind: ChangeKind, notification: Option<Notification>, origin: Option<u64>) -> Change {
    Change {
        user_id: UserId::parse("budi").expect("a constant id is an id"),
        kind,
        notification: notification.map(Arc::new),
        step: RevisionStep { previous_revision: 16, revision: 17, unread: 3, unseen: 2 },
        origin,
        trace: None,
    }
}

mod devices {
    use std::collections::{BTreeMap, VecDeque};

    use proptest::prelude::*;

    use super::*;
    use crate::domain::inbox::{InboxState, transition};

    const NOW: Timestamp = Timestamp(5);

    /// Model of the store of an inbox.
    struct Server {
        counters: InboxState,
        items: BTreeMap<u128, Notification>,
    }

    impl Server {
        fn new(count: u128) -> Self {
            let items = (1..=count).map(|n| {
                let seq = i64::try_from(n).expect("a small number");
                (
                    n,
                    Notification {
                        notification_id: Uuid::from_u128(n),
                        ..notification(Status::Unread, seq, seq)
                    },
                )
            });
            let count = i64::try_from(count).expect("a small number");
            Self {
                counters: InboxState { revision: count, unread: count, unseen: count },
                items: items.collect(),
            }
        }

        fn mark(&mut self, id: u128, mark: Mark, origin: u64) -> Option<Change> {
            let item = self.items.get_mut(&id)?;
            let (kind, step) = match transition(item.state(), mark, NOW) {
                None => (ChangeKind::Unchanged(mark), self.counters.unchanged_step()),
                Some(state) => {
                    let step = self.counters.next(item.state(), state);
                    item.enter(state, step.revision, NOW);
                    (ChangeKind::Marked(mark), step)
                }
            };
            self.counters = step.counters();
            Some(Change { step, ..change(kind, Some(item.clone()), Some(origin)) })
        }

        fn mark_all(&mut self, mark: BulkMark, origin: u64) -> Change {
            let before = self.counters;
            let one = if mark == BulkMark::Read { Mark::Read } else { Mark::Seen };
            let mut last = None;
            for item in self.items.values_mut().filter(|item| item.status == Status::Unread) {
                let Some(state) = transition(item.state(), one, NOW) else { continue };
                let step = self.counters.next(item.state(), state);
                item.enter(state, step.revision, NOW);
                self.counters = step.counters();
                last = Some(item.clone());
            }
            let step = RevisionStep {
                previous_revision: before.revision,
                ..self.counters.unchanged_step()
            };
            let kind = match last {
                Some(_) => ChangeKind::All {
                    mark,
                    up_to_revision: before.revision,
                    from_revision: before.revision,
                },
                None => ChangeKind::UnchangedAll { mark, up_to_revision: before.revision },
            };
            Change { step, ..change(kind, last, Some(origin)) }
        }

        fn state(&self) -> BTreeMap<String, Value> {
            let shown = |item: &Notification| {
                json!([item.status, item.read, item.seen_at.is_some(), item.revision])
            };
            self.items
                .values()
                .map(|item| (item.notification_id.to_string(), shown(item)))
                .collect()
        }
    }

    /// Model of a client.
    struct Device {
        revision: i64,
        unread: i64,
        items: BTreeMap<String, Value>,
        way: VecDeque<Bytes>,
    }

    impl Device {
        fn put(&mut self, item: &Value) {
            let shown =
                json!([item["status"], item["read"], !item["seen_at"].is_null(), item["revision"]]);
            self.items.insert(item["notification_id"].as_str().expect("an id").to_owned(), shown);
        }

        fn sync(&mut self, server: &Server) {
            let since = self.revision;
            for item in server.items.values().filter(|item| item.revision > since) {
                self.put(&serde_json::to_value(item).expect("it is JSON"));
            }
            (self.revision, self.unread) = (server.counters.revision, server.counters.unread);
        }

        fn take(&mut self, frame: &Bytes, server: &Server) {
            let message = json_of(frame);
            let data = &message["data"];
            let (previous, revision) =
                (data["previous_revision"].as_i64(), data["revision"].as_i64().expect("one"));
            if revision <= self.revision {
                return;
            }
            // An ack has only the status; after a bulk mark this client requests the changes.
            let whole = previous == Some(self.revision) && message["type"] == "notification.update";
            if !whole || data.get("read_all").is_some() || data.get("seen_all").is_some() {
                self.sync(server);
                return;
            }
            self.put(data);
            (self.revision, self.unread) = (revision, data["unread"].as_i64().expect("a count"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Three devices act in any order, with any delay: in the end all have the same inbox.
        #[test]
        fn three_devices_converge(acts in proptest::collection::vec((0_usize..3, 0_usize..9,
            1_u128..6, 0_usize..4), 0..120)) {
            let mut server = Server::new(5);
            let mut devices: Vec<Device> =
                (0..3).map(|_| Device { revision: 0, unread: 0, items: BTreeMap::new(),
                    way: VecDeque::new() }).collect();
            for device in &mut devices {
                device.sync(&server);
            }
            for (who, what, id, arrivals) in acts {
                let origin = u64::try_from(who).expect("a small number");
                let change = match (Mark::ALL.get(what), what) {
                    (Some(mark), _) => server.mark(id, *mark, origin),
                    (None, 6) => Some(server.mark_all(BulkMark::Read, origin)),
                    (None, _) => Some(server.mark_all(BulkMark::Seen, origin)),
                };
                let frames = change.map(|change| encode_change(&change)).unwrap_or_default();
                for (number, device) in devices.iter_mut().enumerate() {
                    let frame = if number == who { &frames.origin } else { &frames.others };
                    device.way.extend(frame.clone());
                }
                // Some messages in flight arrive at one device.
                let device = &mut devices[(who + arrivals) % 3];
                for _ in 0..arrivals {
                    let Some(frame) = device.way.pop_front() else { break };
                    device.take(&frame, &server);
                }
            }
            for device in &mut devices {
                while let Some(frame) = device.way.pop_front() {
                    device.take(&frame, &server);
                }
                prop_assert_eq!(&device.items, &server.state());
                prop_assert_eq!((device.revision, device.unread), (server.counters.revision,
                    server.counters.unread));
            }
        }
    }
}

#[test]
fn push_in_quiet_hours_is_marked_quiet() {
    let quiet = encode_change(&change(
        ChangeKind::New { quiet: true },
        Some(notification(Status::Unread, 17, 17)),
        None,
    ));
    assert_eq!(json_of(&quiet.others.expect("everybody hears of it"))["data"]["quiet"], true);
}

#[test]
fn behind_has_the_state_of_the_inbox() {
    let frame = behind(InboxState { revision: 9, unread: 3, unseen: 2 });
    let expected = json!({"revision":9,"unread":3,"unseen":2});
    assert_eq!(json_of(&frame), json!({"type":"notifications.behind","data":expected}));
}

#[test]
fn summary_has_the_position_of_its_notifications() {
    let types = BTreeMap::from([("A".to_owned(), 2), ("B".to_owned(), 1)]);
    let frame = summary(
        3,
        &types,
        RevisionStep { previous_revision: 16, revision: 19, unread: 6, unseen: 5 },
    );
    let expected = json!({"count":3,"types":{"A":2,"B":1},"previous_revision":16,"revision":19,
        "unread":6,"unseen":5});
    assert_eq!(json_of(&frame), json!({"type":"notifications.summary","data":expected}));
}

fn json_of(frame: &Bytes) -> Value {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    serde_json::from_slice(&frame[header..]).expect("a frame holds JSON")
}

#[test]
fn push_contains_notification_and_position() {
    let frames = encode_change(&change(
        ChangeKind::New { quiet: false },
        Some(notification(Status::Unread, 17, 17)),
        None,
    ));
    let push = json_of(&frames.others.expect("everybody hears of it"));
    assert!(frames.origin.is_none());
    assert_eq!(
        push,
        json!({"type":"notification.push","data":{
            "notification_id":"00000000-0000-0000-0000-000000000001",
                "stream_id":"1767225600000-17","revision":17,
            "type_code":"REFUND_REQUESTED","title":"Refund Request","message":"User budi \
             requested refund for Rp100.000",
            "priority":"HIGH","source":null,"actor_id":null,"entity_type":"refund",
                "entity_id":"ref456",
            "action_url":"/refunds/ref456","category":null,"icon":null,"actions":[],
            "metadata":{"amount":100_000},"count":1,
                "created_at":"2026-01-01T00:00:00Z",
            "expires_at":null,"status":"unread","read":false,"read_at":null,"seen_at":null,
                "previous_revision":16,"unread":3,"unseen":2}})
    );
}

#[test]
fn requesting_connection_gets_ack_and_others_get_update() {
    let frames = encode_change(&change(
        ChangeKind::Marked(Mark::Read),
        Some(notification(Status::Read, 4, 17)),
        Some(9),
    ));
    let ack = json_of(&frames.origin.expect("the asker hears of it"));
    assert_eq!(ack["type"], "notification.read.ack");
    assert_eq!(ack["data"]["stream_id"], "1767225600000-4");
    assert_eq!(ack["data"]["previous_revision"], 16);
    assert_eq!(json_of(&frames.others.expect("so do the others"))["type"], "notification.update");
}

#[test]
fn a_mark_that_changed_nothing_is_only_acknowledged() {
    let frames = encode_change(&change(
        ChangeKind::Unchanged(Mark::Read),
        Some(notification(Status::Read, 4, 9)),
        Some(9),
    ));
    assert!(frames.others.is_none() && frames.origin.is_some());
}

#[test]
fn ack_of_a_bulk_mark_that_found_nothing_has_its_upper_revision() {
    let kind = ChangeKind::UnchangedAll { mark: BulkMark::Read, up_to_revision: 5 };
    let frames = encode_change(&change(kind, None, Some(9)));
    assert!(frames.others.is_none());
    let ack = json_of(&frames.origin.expect("the asker hears of it"));
    assert_eq!(ack["type"], "notification.read_all.ack");
    assert_eq!(ack["data"]["up_to_revision"], 5);
}

#[test]
fn read_all_is_one_update_that_older_clients_see_as_a_gap() {
    let kind = ChangeKind::All { mark: BulkMark::Read, up_to_revision: 16, from_revision: 16 };
    let mut all = change(kind, Some(notification(Status::Read, 4, 26)), Some(1));
    all.step = RevisionStep { previous_revision: 16, revision: 26, unread: 0, unseen: 0 };
    let frames = encode_change(&all);
    let update = json_of(&frames.others.expect("the others hear of it"));
    assert_eq!(update["data"]["previous_revision"], 25);
    assert_eq!(update["data"]["read_all"], json!({"up_to_revision":16,"from_revision":16}));
    let ack = json_of(&frames.origin.expect("the asker hears of it"));
    assert_eq!(ack["data"]["previous_revision"], 16);
    assert_eq!(ack["data"]["notification_id"], Value::Null);
}
