//! Every call to the disk fails once, for each kind of error: nothing that was promised breaks, and in the end every
//! request has its answer.

#![allow(clippy::print_stdout, reason = "how many days there were is worth reading")]

use onhand_sim::{Failing, Tally, run_failing};

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;

/// Lives as many days as there are such calls.
fn every_call_fails(errno: i32, failing: fn(u64) -> Failing) -> (u64, Tally) {
    let days = (0..).map_while(|number| run_failing(1, failing(number), errno));
    let (count, sum) =
        days.fold((0_u64, Tally::default()), |(count, sum), tally| (count + 1, sum.plus(&tally)));
    let what = failing(0);
    println!(
        "{what:?}, errno {errno}: {count} days, {} logs and {} starts failed, sealed {}",
        sum.failed_logs, sum.failed_starts, sum.sealed
    );
    (count, sum)
}

fn every_changing_or_reading_call_fails(errno: i32) {
    let (count, sum) = every_call_fails(errno, Failing::Call);
    assert!(count > 300, "the day has only {count} calls");
    assert!(sum.failed_logs > 50 && sum.failed_starts > 5, "{sum}");
    assert!(sum.sealed > count, "segments hardly change: {sum}");
    let (count, sum) = every_call_fails(errno, Failing::FirstStart);
    assert!(count > 10 && sum.failed_starts > 5, "{count}: {sum}");
}

#[test]
fn every_call_to_the_disk_may_end_in_an_error() {
    every_changing_or_reading_call_fails(EIO);
}

#[test]
fn every_call_to_the_disk_may_find_it_full() {
    every_changing_or_reading_call_fails(ENOSPC);
}

#[test]
fn every_look_at_the_disk_may_end_in_an_error() {
    for errno in [EIO, EMFILE] {
        let (count, sum) = every_call_fails(errno, Failing::Look);
        assert!(count > 100 && sum.failed_starts > 5, "{count}: {sum}");
        let (count, sum) = every_call_fails(errno, Failing::FirstLook);
        assert!(count > 5 && sum.failed_starts > 2, "{count}: {sum}");
    }
}
