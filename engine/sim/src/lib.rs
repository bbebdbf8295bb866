//! The production code on a simulated disk, clock and schedule. Not built yet: the workspace keeps its place; the simulated disk itself is `onhand_snapshots::storage::SimStorage`.
