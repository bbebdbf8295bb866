//! The `onhand` binary: wiring only.

/// Small and steady gains on the order path; chosen by measurement (docs/PERFORMANCE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    onhand_gateway::cli::run()
}
