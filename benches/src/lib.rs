//! Benchmarks of each floor. Not built yet: the workspace keeps its place.
