//! Progress bar of commands that take long.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Number of steps from which a bar is shown.
const SHOWN_FROM: u64 = 1_000;

/// Creates a bar on standard error; a hidden one for few steps, and where no terminal is.
pub(super) fn progress(count: u64) -> ProgressBar {
    if count < SHOWN_FROM || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(count);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {per_sec} {eta} left")
    {
        bar.set_style(style);
    }
    bar
}
