//! Measures the hub side by side with nchan, on one machine in one run: `cargo bench --bench
//! peers`, or a part of it with `-- paced`, `-- lockstep`, `-- flooded`, `-- unicast`,
//! `-- connect` or `-- idle`. Without nginx and its module nchan, only the hub is measured.
//!
//! The figures are the processor time of the server alone. nchan stores nothing; the hub commits
//! each notification to SQLite with `synchronous = FULL` before it is pushed.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::expect_used,
    missing_docs,
    reason = "a program that measures, not a library"
)]

#[path = "peers/chart.rs"]
#[allow(dead_code, reason = "the lines are for another bench")]
mod chart;
#[path = "peers/socket.rs"]
mod socket;
#[path = "../tests/integration/support/mod.rs"]
mod support;
#[path = "peers/target.rs"]
mod target;
#[path = "peers/work.rs"]
mod work;

use target::Kind;

fn main() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut rows: Vec<Row> = Vec::new();
    for (name, unit, question) in work::QUESTIONS {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == name) {
            continue;
        }
        let figures = Kind::present().into_iter().map(|kind| {
            let figure = runtime.block_on(question(kind));
            eprintln!("{name:<10} {:<8} {figure:>10.1} {unit}", kind.name());
            figure
        });
        rows.push((name, unit, figures.collect()));
    }
    report(&rows);
}

/// Figures of one question, one for each server.
type Row = (&'static str, &'static str, Vec<f64>);

/// Prints a table, and writes a chart for each question.
fn report(rows: &[Row]) {
    let names: Vec<&str> = Kind::present().into_iter().map(Kind::name).collect();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    println!("| work | {} | ratio |", names.join(" | "));
    println!("| --- |{}", " --- |".repeat(names.len() + 1));
    for (name, unit, figures) in rows {
        let shown: Vec<String> = figures.iter().map(|figure| format!("{figure:.1}")).collect();
        let ratio =
            figures.get(1).map_or(String::new(), |peer| format!("{:.2}", figures[0] / peer));
        println!("| {name}, {unit} | {} | {ratio} |", shown.join(" | "));
        let bars: Vec<(&str, f64)> = names.iter().copied().zip(figures.iter().copied()).collect();
        let path = folder.join(format!("{name}.svg"));
        std::fs::write(path, chart::bars(name, unit, &bars)).expect("the folder is writable");
    }
    println!("\nCharts: {}", folder.display());
}
