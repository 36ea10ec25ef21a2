//! Bar charts as SVG: one per question.

use std::fmt::Write as _;

/// Size of a chart and its bars, in pixels.
const WIDTH: f64 = 520.0;
const LABEL: f64 = 90.0;
const BAR: f64 = 26.0;
const GAP: f64 = 10.0;
const TOP: f64 = 38.0;

/// Colors of the bars: the hub, then the others.
const COLORS: [&str; 2] = ["#2563eb", "#94a3b8"];

/// Draws one bar per server; the shortest is the best.
pub fn bars(title: &str, unit: &str, figures: &[(&str, f64)]) -> String {
    let height = TOP + figures.len() as f64 * (BAR + GAP);
    let most = figures.iter().map(|(_, figure)| *figure).fold(f64::MIN_POSITIVE, f64::max);
    let room = WIDTH - LABEL - 90.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"14\" role=\"img\">\n\
         <title>{title}, {unit}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"8\" y=\"22\" font-weight=\"600\" fill=\"#0f172a\">{title}, {unit}</text>\n"
    );
    for (index, (name, figure)) in figures.iter().enumerate() {
        let y = TOP + index as f64 * (BAR + GAP);
        let width = figure / most * room;
        let (color, text) = (COLORS[index % COLORS.len()], y + BAR * 0.7);
        // Writing to a String never fails.
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{text}\" fill=\"#0f172a\">{name}</text>\n\
             <rect x=\"{LABEL}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" \
             fill=\"{color}\"/>\n\
             <text x=\"{:.1}\" y=\"{text}\" fill=\"#0f172a\">{figure:.1}</text>",
            LABEL + width + 6.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}
