//! What happened, counted.

/// What happened in a run, or in several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps that were taken.
    pub steps: u64,
    /// Requests that clients made.
    pub requests: u64,
    /// Orders among them.
    pub orders: u64,
    /// Orders that were accepted and imposed.
    pub imposed: u64,
    /// Units that were short in the end.
    pub short: u64,
    /// Changes of what is kept of stock, for whom, that were asked for.
    pub rules: u64,
    /// Orders of which a routing profile said where they come from.
    pub routed: u64,
    /// Orders that were decided anew under the rules that they had, and fared the same.
    pub decided_anew: u64,
    /// Orders that fared differently under other rules.
    pub differing: u64,
    /// Holds that were asked for, and what was to become of them.
    pub holds: u64,
    /// Changes of kits, orders of some, and parts of these that were to leave.
    pub kits: u64,
    /// What channels were to be told that sell from their own copy, and what they said of it.
    pub grants: u64,
    /// Orders that were to ship complete, or to wait until a date.
    pub whole: u64,
    /// Bulk bodies that were sent, for the first time or again.
    pub bodies: u64,
    /// Lines of those.
    pub lines: u64,
    /// Orders with personal data that were accepted.
    pub people: u64,
    /// Of these, the data that was erased.
    pub erased: u64,
    /// Requests that were answered for good.
    pub answered: u64,
    /// Records of the log.
    pub records: u64,
    /// Segments of the log that were sealed.
    pub sealed: u64,
    /// Times the machine went off.
    pub power_losses: u64,
    /// Times the process was killed.
    pub kills: u64,
    /// Times the process ended because its log had failed.
    pub failed_logs: u64,
    /// Times that others took room of the disk, or gave it back.
    pub room_changes: u64,
    /// Requests that were refused since the disk was full.
    pub refused_as_full: u64,
    /// Logs that failed since others had taken what a segment needed.
    pub full_logs: u64,
    /// Calls to the disk that failed.
    pub disk_errors: u64,
    /// Of these: reads, writes, syncs, changes of names, looks.
    pub failed_calls: [u64; 5],
    /// Writes that a power loss kept in part.
    pub torn: u64,
    /// Starts that ended in an error because of one.
    pub failed_starts: u64,
    /// Times the process was stopped in order.
    pub clean_stops: u64,
    /// Jumps of the clock.
    pub clock_jumps: u64,
    /// Times that the clock stood still for a while.
    pub stills: u64,
    /// Milliseconds of the simulated clock, without its jumps.
    pub clock_ms: u64,
    /// Bits of the log that were flipped.
    pub flips: u64,
    /// Starts that were refused because of one.
    pub refusals: u64,
    /// Writes that went to a wrong place.
    pub misdirected: u64,
    /// Starts, or audits, that said so; the others lost nothing.
    pub recognised: u64,
    /// Steps of one part while another was inside a call to the disk.
    pub between: u64,
    /// A digest of all that the log says in the end: the same for the same seed.
    pub digest: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            requests: self.requests + other.requests,
            orders: self.orders + other.orders,
            imposed: self.imposed + other.imposed,
            short: self.short + other.short,
            rules: self.rules + other.rules,
            routed: self.routed + other.routed,
            decided_anew: self.decided_anew + other.decided_anew,
            differing: self.differing + other.differing,
            holds: self.holds + other.holds,
            kits: self.kits + other.kits,
            grants: self.grants + other.grants,
            whole: self.whole + other.whole,
            bodies: self.bodies + other.bodies,
            lines: self.lines + other.lines,
            people: self.people + other.people,
            erased: self.erased + other.erased,
            answered: self.answered + other.answered,
            records: self.records + other.records,
            sealed: self.sealed + other.sealed,
            power_losses: self.power_losses + other.power_losses,
            kills: self.kills + other.kills,
            failed_logs: self.failed_logs + other.failed_logs,
            room_changes: self.room_changes + other.room_changes,
            refused_as_full: self.refused_as_full + other.refused_as_full,
            full_logs: self.full_logs + other.full_logs,
            disk_errors: self.disk_errors + other.disk_errors,
            failed_calls: std::array::from_fn(|kind| self.failed_calls[kind] + other.failed_calls[kind]),
            torn: self.torn + other.torn,
            failed_starts: self.failed_starts + other.failed_starts,
            clean_stops: self.clean_stops + other.clean_stops,
            clock_jumps: self.clock_jumps + other.clock_jumps,
            stills: self.stills + other.stills,
            clock_ms: self.clock_ms + other.clock_ms,
            flips: self.flips + other.flips,
            refusals: self.refusals + other.refusals,
            misdirected: self.misdirected + other.misdirected,
            recognised: self.recognised + other.recognised,
            between: self.between + other.between,
            digest: self.digest.wrapping_add(other.digest),
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} steps, {} s of simulated time", self.steps, self.clock_ms / 1_000)?;
        writeln!(
            f,
            "{} requests, {} of them answered by a record; {} records",
            self.requests, self.answered, self.records
        )?;
        let [reads, writes, syncs, names, looks] = self.failed_calls;
        writeln!(
            f,
            "{} writes torn; failed were {reads} reads, {writes} writes, {syncs} syncs, {names} changes of names, {looks} \
             looks",
            self.torn
        )?;
        writeln!(
            f,
            "{} orders, {} changes of rules, {} orders routed by them, {} changes of holds, {} of kits, {} of grants; \
             {} bulk bodies sent, {} lines",
            self.orders, self.rules, self.routed, self.holds, self.kits, self.grants, self.bodies, self.lines
        )?;
        writeln!(
            f,
            "{} orders decided anew under the same rules; {} fared differently under others",
            self.decided_anew, self.differing
        )?;
        writeln!(f, "{} orders imposed, {} units short in the end", self.imposed, self.short)?;
        writeln!(f, "{} orders that were to ship complete, or to wait until a date", self.whole)?;
        writeln!(f, "{} orders with personal data, {} of them erased", self.people, self.erased)?;
        writeln!(
            f,
            "{} power losses, {} kills, {} clean stops",
            self.power_losses, self.kills, self.clean_stops
        )?;
        writeln!(
            f,
            "{} disk errors: {} logs failed, {} starts failed; {} segments sealed",
            self.disk_errors, self.failed_logs, self.failed_starts, self.sealed
        )?;
        writeln!(f, "{} jumps of the clock; {} times it stood still", self.clock_jumps, self.stills)?;
        writeln!(
            f,
            "{} changes of the room on the disk: {} requests refused as full, {} logs failed",
            self.room_changes, self.refused_as_full, self.full_logs
        )?;
        writeln!(
            f,
            "{} bits flipped: {} of them named by a start or the audit, the others made no difference",
            self.flips, self.refusals
        )?;
        writeln!(
            f,
            "{} writes to a wrong place: {} of them named by a start or the audit, the others made no difference",
            self.misdirected, self.recognised
        )?;
        writeln!(f, "{} steps of one part while another was inside a call to the disk", self.between)?;
        write!(f, "digest {:016x}", self.digest)
    }
}
