//! Figures of one question: a table for the terminal, and a chart.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::chart;

/// Figures of one question by size and series.
pub struct Table {
    name: &'static str,
    size: &'static str,
    unit: &'static str,
    series: Vec<String>,
    rows: BTreeMap<u64, Vec<Option<f64>>>,
}

/// Returns the folder of the charts.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("scale")
}

impl Table {
    /// Creates a table: its name, what the sizes count, and the unit of the figures.
    pub fn new(name: &'static str, size: &'static str, unit: &'static str) -> Self {
        Self { name, size, unit, series: Vec::new(), rows: BTreeMap::new() }
    }

    /// Adds a figure.
    pub fn add(&mut self, size: f64, series: &str, figure: f64) {
        let at = self.series.iter().position(|known| known == series).unwrap_or_else(|| {
            self.series.push(series.to_owned());
            self.series.len() - 1
        });
        let row = self.rows.entry(size as u64).or_default();
        row.resize(row.len().max(at + 1), None);
        row[at] = Some(figure);
    }

    /// Prints the table, and writes the chart.
    pub fn report(&self) {
        println!("\n{}: {}\n", self.name, self.unit);
        println!("| {} | {} |", self.size, self.series.join(" | "));
        println!("| --- |{}", " --- |".repeat(self.series.len()));
        for (size, row) in &self.rows {
            let figures: Vec<String> = (0..self.series.len())
                .map(|at| row.get(at).copied().flatten().map_or("-".to_owned(), shown))
                .collect();
            println!("| {size} | {} |", figures.join(" | "));
        }
        let lines: Vec<(&str, Vec<(f64, f64)>)> = self
            .series
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let points = self.rows.iter().filter_map(|(size, row)| {
                    Some((*size as f64, row.get(at).copied().flatten()?))
                });
                (name.as_str(), points.collect())
            })
            .collect();
        std::fs::create_dir_all(folder()).expect("the target folder is writable");
        let path = folder().join(format!("{}.svg", self.name));
        let svg = chart::lines(&format!("{}: {}", self.name, self.unit), self.size, &lines);
        std::fs::write(path, svg).expect("the folder is writable");
    }
}

/// Returns a figure with as many digits as are meant.
pub fn shown(figure: f64) -> String {
    match figure {
        figure if figure >= 100.0 => format!("{figure:.0}"),
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure => format!("{figure:.2}"),
    }
}
