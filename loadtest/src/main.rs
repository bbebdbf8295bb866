//! The load harness. Not built yet: the workspace keeps its place, and the README does not name it.
fn main() {}
