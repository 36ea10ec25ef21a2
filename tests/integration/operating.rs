//! Every row of the table of failures in docs/OPERATING.md has a test that makes it happen.

/// Failures of the table, in its order, and the test of each.
const FAILURES: &[(&str, &str)] = &[
    ("an actor panics", "an_actor_that_panics_under_load_loses_nothing_acknowledged"),
    ("a session panics", "a_session_that_panics_closes_only_its_connection"),
    ("the store is unavailable", "store_outage_loses_no_event"),
    (
        "PostgreSQL is killed, or its network is cut, in the middle of a transaction",
        "nothing_is_lost_or_doubled_by_any_fault_of_three_hubs",
    ),
    (
        "PostgreSQL is read-only, as after a failover to a standby",
        "read_only_postgres_is_unavailable_until_writable",
    ),
    ("the disk is full", "sqlite_works_again_when_a_full_disk_has_room"),
    ("the write-ahead log of SQLite has grown", "sqlite_wal_shrinks_after_a_long_reader"),
    ("an event cannot be decoded or rendered", "valid_events_are_not_blocked_by_invalid_ones"),
    ("NATS is unavailable", "nats_that_starts_later_is_connected_and_logged_once"),
    (
        "NATS refuses the credentials or has another certificate",
        "the_certificate_of_the_server_is_checked_with_the_given_authority",
    ),
    ("the JetStream consumer is deleted", "deleted_consumer_is_recreated"),
    (
        "a message in JetStream has a subject or headers that the client library cannot decode, \
         such as a space in the name of a header",
        "message_that_breaks_the_connection_is_a_dead_letter_and_blocks_nothing",
    ),
    ("Kafka or RabbitMQ is unavailable", "restart_of_the_broker_loses_and_repeats_nothing"),
    ("a partition of Kafka moves to another hub", "two_hubs_share_the_work_and_one_leaves"),
    ("a message of RabbitMQ has no identity", "existing_queue_and_exchange_are_used_as_they_are"),
    (
        "the certificate of the hub is replaced by a bad one",
        "changed_certificate_is_used_and_a_bad_one_is_not",
    ),
    (
        "the collector of traces is unavailable",
        "sampler_decides_and_an_absent_collector_harms_nothing",
    ),
    (
        "Redis is unavailable, and there are several hubs",
        "pushes_are_late_and_not_lost_while_redis_is_away",
    ),
    (
        "Redis is unavailable, with cookie sign-in",
        "cookie_sign_in_without_redis_is_503_and_reported",
    ),
    ("the token issuer is unavailable", "unavailable_key_set_is_503"),
    (
        "the hub is killed",
        "nothing_is_lost_or_doubled_when_one_hub_on_sqlite_is_killed_twenty_times",
    ),
    ("one of several hubs is killed", "work_of_one_hub_moves_to_another_when_the_holder_dies"),
    ("a hub that runs a job is killed", "a_job_is_continued_by_another_hub_when_its_hub_dies"),
    ("a hub is stopped", "a_hub_that_stops_leaves_at_once"),
    ("many clients connect at once", "connections_beyond_the_pace_wait_for_their_turn"),
    (
        "a hub does not answer another one within a second",
        "a_hub_that_died_is_incomplete_and_then_gone",
    ),
    (
        "several hubs run without `redis.url`",
        "without_redis_another_hub_is_reported_once_and_changes_arrive_late",
    ),
    (
        "a mail server, push service or webhook does not answer",
        "replies_of_a_webhook_are_honoured_and_a_dead_one_opens_the_breaker",
    ),
    (
        "the hub is killed while it sends to a channel",
        "nothing_is_forgotten_by_a_killed_hub_on_sqlite",
    ),
    ("a client stops reading", "client_that_stops_reading_is_closed_without_affecting_others"),
    (
        "a second hub opens the same SQLite file",
        "a_second_hub_on_the_same_file_is_refused_with_the_file_and_the_process",
    ),
    ("the system clock was ahead for a moment", "schedule_recovers_from_a_clock_that_was_ahead"),
    (
        "an edit of `config.toml` or a template is invalid, or half saved",
        "slowly_saved_file_loses_no_event",
    ),
    ("an edit removes most types", "truncated_file_removes_no_types_without_confirmation"),
    (
        "the store contradicts itself, after a defect or a hand-made change",
        "verify_finds_what_was_damaged_on_sqlite",
    ),
];

#[test]
fn every_failure_of_the_operating_guide_has_its_test() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/OPERATING.md")).expect("it can be read");
    let (_, table) = guide.split_once("| failure | what users see |").expect("the table is there");
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(1).map(str::trim))
        .collect();
    let listed: Vec<&str> = FAILURES.iter().map(|(failure, _)| *failure).collect();
    assert_eq!(rows, listed);

    let folder = root.join("tests/integration");
    let tests: String = [folder.clone(), folder.join("sources")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("it can be read"))
        .filter_map(Result::ok)
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .collect();
    for (failure, test) in FAILURES {
        // A test of the conformance suite has the broker as a parameter.
        let found =
            ["(", "<B: Broker>("].iter().any(|end| tests.contains(&format!("fn {test}{end}")));
        assert!(found, "{failure}: no test is named {test}");
    }
}
