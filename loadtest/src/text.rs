//! The report as text: the verdict stands above every figure.

use std::io::{self, Write};

use crate::report::{Percentiles, Report};
use crate::verify::Check;

/// Writes a report.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    write_audit(report, out)?;
    write_load(report, out)?;
    write_latency(report, out)?;
    write_context(report, out)
}

fn write_audit(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let checks = &report.audit.checks;
    let held = checks.iter().filter(|check| check.held).count();
    if report.audit.held {
        writeln!(out, "AUDIT HELD: all {held} checks")?;
    } else {
        writeln!(
            out,
            "AUDIT FAILED: {} of {} checks; the figures below mean nothing",
            checks.len() - held,
            checks.len()
        )?;
    }
    for check in checks {
        write_check(check, out)?;
    }
    writeln!(out)
}

fn write_check(check: &Check, out: &mut impl Write) -> io::Result<()> {
    let Check { name, looked_at, unit, broken, .. } = check;
    if check.held {
        return writeln!(out, "  held    {name} ({looked_at} {unit})");
    }
    writeln!(out, "  FAILED  {name} ({broken} times, {looked_at} {unit})")?;
    for example in &check.examples {
        writeln!(out, "            {example}")?;
    }
    let more = broken.saturating_sub(check.examples.len() as u64);
    if more > 0 {
        writeln!(out, "            and {more} more")?;
    }
    Ok(())
}

fn write_load(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let load = &report.load;
    writeln!(out, "LOAD  {}", report.scenario)?;
    let asked = match load.asked_per_second {
        Some(asked) => format!("{asked:.0} orders/s, planned (open loop)"),
        None => "as fast as connections become free (closed loop)".to_owned(),
    };
    writeln!(out, "  asked      {asked}; {} connections, {} threads", load.connections, load.threads)?;
    let (achieved, seconds) = (load.achieved_per_second, load.seconds);
    writeln!(out, "  achieved   {achieved:.0} orders/s over {seconds:.2} s, {} orders sent", load.sent)?;
    let answers = (load.accepted, load.refused, load.shed);
    writeln!(
        out,
        "  answers    accepted {}, refused for want of stock {}, turned away {}",
        answers.0, answers.1, answers.2
    )?;
    let statuses: Vec<_> =
        report.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
    writeln!(out, "  statuses   {}", statuses.join(", "))?;
    let (megabytes_out, megabytes_in) = (load.bytes_out as f64 / 1e6, load.bytes_in as f64 / 1e6);
    writeln!(
        out,
        "  bytes      {megabytes_out:.1} MB out, {megabytes_in:.1} MB in, {} HTTP requests",
        load.requests
    )?;
    if load.replayed > 0 {
        writeln!(out, "  repeated   {} answers marked as a repetition by the server", load.replayed)?;
    }
    if load.lost_requests > 0 || load.retried > 0 {
        let why = load.first_loss.as_deref().unwrap_or("a status that tells nothing");
        writeln!(
            out,
            "  unknown    {} requests without an answer, {} orders sent again; first: {why}",
            load.lost_requests, load.retried
        )?;
    }
    if load.queued_requests > 0 {
        writeln!(
            out,
            "  queued     {} requests found every connection busy at their time",
            load.queued_requests
        )?;
    }
    if load.unsent > 0 {
        let unsent = load.unsent;
        writeln!(
            out,
            "  NOT SENT   {unsent} orders: the server did not keep up; they count with the time they waited"
        )?;
    }
    writeln!(out)
}

fn write_latency(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let latency = &report.latency;
    let columns = ["p50", "p90", "p99", "p99.9", "p99.99", "max"];
    write!(out, "LATENCY in ms  {:7}", "")?;
    for column in columns {
        write!(out, "{column:>10}")?;
    }
    writeln!(out)?;
    if let Some(corrected) = &latency.corrected {
        write_row("from the planned time", corrected, out)?;
    }
    write_row("from the sending", &latency.raw, out)?;
    if let Some(bulk) = &latency.bulk_request {
        write_row("whole bulk request", bulk, out)?;
    }
    if let Some(lateness) = &report.harness.lateness {
        write_row("harness itself late", lateness, out)?;
    }
    if latency.corrected.is_none() {
        writeln!(
            out,
            "  a closed loop waits for the server: a stall delays one request a connection and hides the rest"
        )?;
    }
    writeln!(out)
}

fn write_row(name: &str, row: &Percentiles, out: &mut impl Write) -> io::Result<()> {
    write!(out, "  {name:<20}")?;
    for value in [row.p50_ms, row.p90_ms, row.p99_ms, row.p99_9_ms, row.p99_99_ms, row.max_ms] {
        write!(out, "{value:>10.3}")?;
    }
    writeln!(out)
}

fn write_context(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let machine = &report.machine;
    writeln!(out, "WHERE")?;
    writeln!(
        out,
        "  machine    {}, {} cores, {} MiB, {}",
        machine.cpu, machine.cores, machine.memory_mib, machine.kernel
    )?;
    let harness = &report.harness;
    writeln!(
        out,
        "  harness    onhand-loadtest {}: {:.2} cores, {:.1} us of processor time an order",
        report.version, harness.cores, harness.cpu_us_per_order
    )?;
    writeln!(out, "  run        {}, seed {}", report.run, report.seed)?;
    writeln!(out, "  command    {}", report.command)?;
    writeln!(out, "  durability {}", report.durability)?;
    if let Some(note) = &report.note {
        writeln!(out, "  note       {note}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::machine::Machine;
    use crate::meters::{Meters, Times};
    use crate::plan::Plan;
    use crate::report::Findings;
    use crate::verify::Verdict;

    fn report(arguments: &str, held: bool) -> Report {
        let words = format!("onhand-loadtest --key k {arguments}");
        let plan = Plan::new(Cli::try_parse_from(words.split_whitespace()).unwrap(), "r1".into()).unwrap();
        let examples = if held { vec![] } else { vec!["r1-s0: acknowledged 2, committed 1".to_owned()] };
        let broken = if held { 0 } else { 3 };
        let check = Check { name: "stock is right", held, looked_at: 10, unit: "SKUs", broken, examples };
        let mut meters = Meters::new();
        meters.asked = 2;
        meters.accepted = 2;
        meters.decided(1, Times { planned: Some(0), sent: 1_000_000, known: 4_000_000 });
        meters.decided(1, Times { planned: Some(0), sent: 3_000_000, known: SECOND });
        meters.statuses.insert(201, 2);
        meters.never_sent(5, 7_000_000);
        let findings = Findings {
            verdict: Verdict { held, checks: vec![check] },
            meters,
            seconds: Vec::new(),
            cpu: Duration::from_millis(500),
        };
        let machine = Machine { cpu: "Abacus".into(), cores: 2, memory_mib: 64, kernel: "none".into() };
        Report::new(&plan, findings, machine, "onhand-loadtest --key ***".into())
    }

    const SECOND: u64 = 1_000_000_000;

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        write(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_verdict_stands_above_every_figure() {
        for held in [true, false] {
            let text = text(&report("zipf --note disk:fast", held));
            let verdict = text.find(if held { "AUDIT HELD" } else { "AUDIT FAILED" }).unwrap();
            assert_eq!(verdict, 0);
            assert!(text.find("achieved   2 orders/s over 1.00 s, 2 orders sent").unwrap() > verdict);
            assert!(text.contains("NOT SENT   5 orders"));
            assert!(text.contains("asked      1000 orders/s, planned (open loop)"));
            assert!(text.contains("Abacus, 2 cores") && text.contains("note       disk:fast"));
            assert_eq!(text.contains("and 2 more"), !held);
        }
    }

    #[test]
    fn a_closed_loop_shows_no_corrected_latency_and_says_why() {
        let text = text(&report("zipf --rate max", true));
        assert!(!text.contains("planned time") && text.contains("a closed loop waits for the server"));
    }

    #[test]
    fn json_has_the_same_figures() {
        let json = serde_json::to_value(report("bulk", false)).unwrap();
        assert_eq!(json["audit"]["held"], false);
        assert_eq!(json["audit"]["checks"][0]["examples"][0], "r1-s0: acknowledged 2, committed 1");
        assert_eq!(json["statuses"]["201"], 2);
        assert_eq!(json["latency"]["raw"]["count"], 2);
        assert_eq!(json["latency"]["corrected"]["count"], 7);
        assert_eq!(json["harness"]["cores"], 0.5);
        assert!(json["latency"]["bulk_request"].is_object());
    }
}
