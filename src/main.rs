//! Binary: runs the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    lonceng::cli::run()
}
