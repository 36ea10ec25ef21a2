//! Binary: runs the command line.

use std::process::ExitCode;

/// Allocator: several threads allocate and free small objects for each event.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lonceng::cli::run()
}
