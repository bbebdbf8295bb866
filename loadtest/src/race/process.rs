//! A contender's process and its children: started, measured, ended.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::LoadError;

/// How long a contender may take until it listens, and how often it is looked for meanwhile.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const START_INTERVAL: Duration = Duration::from_millis(20);

/// A running process; killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it; what it says goes into a file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self, LoadError> {
        let file = fs::File::create(log).map_err(LoadError::system("creating a contender's log"))?;
        let both = file.try_clone().map_err(LoadError::system("creating a contender's log"))?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(both).spawn();
        let what = command.get_program().to_string_lossy().into_owned();
        child.map(Self).map_err(|error| LoadError::Usage(format!("{what} does not start: {error}")))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs a program to its end, which must be good.
pub(crate) fn run(command: &mut Command) -> Result<(), LoadError> {
    let what = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| LoadError::Usage(format!("{what}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(LoadError::Usage(format!("{what}: {}: {}", output.status, String::from_utf8_lossy(&said))))
}

/// An address on this machine where nobody listens.
pub(crate) fn free_address() -> Result<SocketAddr, LoadError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    listener.and_then(|listener| listener.local_addr()).map_err(LoadError::system("looking for a port"))
}

/// Waits until somebody listens there.
pub(crate) fn wait_for(address: SocketAddr) -> Result<(), LoadError> {
    let clock = Clock::start();
    while TcpStream::connect(address).is_err() {
        if Duration::from_nanos(clock.now_ns()) > START_TIMEOUT {
            return Err(LoadError::NotReady(START_TIMEOUT.as_secs()));
        }
        std::thread::sleep(START_INTERVAL);
    }
    Ok(())
}

/// What a process and all below it have used.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Processor time.
    pub(crate) processor: Duration,
    /// Bytes that it had written to the disk, as the kernel counts them.
    pub(crate) written: u64,
    /// Memory at that moment, in bytes; what several of them share is counted once.
    pub(crate) resident: u64,
}

impl Usage {
    /// Of a process and its children, as the kernel says now.
    pub(crate) fn of(pid: u32) -> Result<Self, LoadError> {
        let processes = fs::read_dir("/proc").map_err(LoadError::system("reading /proc"))?;
        let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        let stats: HashMap<u32, Stat> =
            ids.filter_map(|id| Some((id, Stat::parse(&read(id, "stat"))?))).collect();
        let mut usage = Self::default();
        for (id, stat) in stats.iter().filter(|(id, _)| is_below(**id, pid, &stats)) {
            usage.processor += stat.processor;
            usage.written += number(&read(*id, "io"), "write_bytes:").unwrap_or_default();
            usage.resident += 1_024 * number(&read(*id, "smaps_rollup"), "Pss:").unwrap_or_default();
        }
        Ok(usage)
    }

    /// What was used between; memory is what it is now.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            processor: self.processor.saturating_sub(before.processor),
            written: self.written.saturating_sub(before.written),
            resident: self.resident,
        }
    }
}

/// A line of `/proc/PID/stat`, as far as it is read.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    processor: Duration,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name may have blanks and brackets; what is behind the last one has not.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            processor: Duration::from_micros(ticks * 1_000_000 / per_second),
        })
    }
}

fn is_below(mut id: u32, root: u32, stats: &HashMap<u32, Stat>) -> bool {
    while id != root {
        match stats.get(&id) {
            Some(stat) if stat.parent != 0 => id = stat.parent,
            Some(_) | None => return false,
        }
    }
    true
}

/// A file of the kernel about a process; nothing if the process is gone.
fn read(id: u32, file: &str) -> String {
    fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default()
}

/// The number behind a name at the start of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let text = "42 (a (b) c) S 7 42 42 0 -1 4194304 1 2 3 4 50 70 6 7 20 0 1 0 99";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat.parent, 7);
        let per_second = rustix::param::clock_ticks_per_second();
        assert_eq!(stat.processor, Duration::from_micros(120 * 1_000_000 / per_second));
        assert_eq!(Stat::parse("42 (x"), None);
        assert_eq!(number("rchar: 1\nwrite_bytes: 4096\n", "write_bytes:"), Some(4_096));
    }

    #[test]
    fn children_belong_to_their_parents() {
        let stat = |parent| Stat { parent, processor: Duration::ZERO };
        let stats = HashMap::from([(1, stat(0)), (5, stat(1)), (6, stat(5)), (7, stat(1))]);
        let below: Vec<bool> = [5, 6, 7, 1, 9].map(|id| is_below(id, 5, &stats)).to_vec();
        assert_eq!(below, [true, true, false, false, false]);
    }

    #[test]
    fn this_process_uses_something() {
        assert!(Usage::of(std::process::id()).unwrap().resident > 0);
    }
}
