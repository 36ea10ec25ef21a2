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

/// Size of a chart with lines, its margins and the radius of a point, in pixels.
const LINES_HEIGHT: f64 = 300.0;
const MARGIN: f64 = 56.0;
const POINT: f64 = 3.5;

/// Colors of the lines.
const LINE_COLORS: [&str; 4] = ["#2563eb", "#d97706", "#059669", "#7c3aed"];

/// Maps values to pixels on a logarithmic scale that begins and ends at powers of ten.
struct Scale {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let logs: Vec<f64> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let from = logs.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let to = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
        let (from, to) = if logs.is_empty() { (0.0, 1.0) } else { (from, to.max(from + 1.0)) };
        Self { from, to, start, end }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10() - self.from) / (self.to - self.from);
        self.start + share.clamp(0.0, 1.0) * (self.end - self.start)
    }

    /// Returns the powers of ten on the scale.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.from as i32..=self.to as i32).map(|power| 10_f64.powi(power))
    }
}

/// Returns a power of ten as text: 0.1, 100, 10k.
fn power(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{}M", value / 1e6),
        value if value >= 1e4 => format!("{}k", value / 1e3),
        value => format!("{}", (value * 1e6).round() / 1e6),
    }
}

/// Draws a line per series, on logarithmic scales.
pub fn lines(title: &str, x_title: &str, series: &[(&str, Vec<(f64, f64)>)]) -> String {
    let points = || series.iter().flat_map(|(_, points)| points.iter());
    let x = Scale::new(points().map(|point| point.0), MARGIN, WIDTH - 26.0);
    let y = Scale::new(points().map(|point| point.1), LINES_HEIGHT - MARGIN, TOP + 24.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {LINES_HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\">\n\
         <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"8\" y=\"22\" font-size=\"14\" font-weight=\"600\" fill=\"#0f172a\">{title}\
         </text>\n<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#475569\">{x_title}\
         </text>\n",
        WIDTH / 2.0,
        LINES_HEIGHT - 14.0
    );
    // Writing to a String never fails.
    for tick in y.ticks() {
        let at = y.at(tick);
        let _ = writeln!(
            svg,
            "<path d=\"M{MARGIN} {at:.1}H{:.1}\" stroke=\"#e2e8f0\"/>\n<text x=\"{:.1}\" \
             y=\"{:.1}\" text-anchor=\"end\" fill=\"#475569\">{}</text>",
            WIDTH - 26.0,
            MARGIN - 6.0,
            at + 4.0,
            power(tick)
        );
    }
    for tick in x.ticks() {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#475569\">{}</text>",
            x.at(tick),
            LINES_HEIGHT - MARGIN + 18.0,
            power(tick)
        );
    }
    for (index, (name, points)) in series.iter().enumerate() {
        let color = LINE_COLORS[index % LINE_COLORS.len()];
        let place = |point: &(f64, f64)| (x.at(point.0), y.at(point.1));
        let path: Vec<String> =
            points.iter().map(place).map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            path.join("L")
        );
        for (x, y) in points.iter().map(place) {
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{POINT}\" fill=\"{color}\"/>"
            );
        }
        let at = MARGIN + index as f64 * 120.0;
        let _ = writeln!(
            svg,
            "<circle cx=\"{at:.0}\" cy=\"40\" r=\"{POINT}\" fill=\"{color}\"/><text x=\"{:.0}\" \
             y=\"44\" fill=\"#0f172a\">{name}</text>",
            at + 8.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}
