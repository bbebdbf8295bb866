//! The real binary as a process of its own: started bare or under something that makes it fail.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Clock;
use crate::error::LoadError;

/// How long a start may take; with a system call traced it takes several times as long as bare.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is asked meanwhile.
const READY_INTERVAL: Duration = Duration::from_millis(2);

/// The smallest segments, and a snapshot for each: what the keeper does happens within seconds.
/// And marks for a small disk: only where the log finds no room for a segment something is refused.
const SETTINGS: [(&str, &str); 4] = [
    ("ONHAND_SEGMENT_BYTES", "1056860"),
    ("ONHAND_SNAPSHOT_SEGMENTS", "1"),
    ("ONHAND_DISK_SOFT_BYTES", "0"),
    ("ONHAND_DISK_HARD_BYTES", "0"),
];

/// How often an administrator's command is tried, and how long in between.
const COMMAND_ATTEMPTS: u32 = 20;
const COMMAND_PAUSE: Duration = Duration::from_millis(20);

/// What a server is started under.
#[derive(Debug, Default, Clone)]
pub(crate) struct Under {
    /// A program and its arguments before the server's own.
    pub(crate) program: Vec<String>,
    /// Variables, over the settings that all have.
    pub(crate) variables: Vec<(String, String)>,
}

/// How a start went.
pub(crate) enum Start {
    /// It serves.
    Ready(Server),
    /// It ended before it did.
    Ended(ExitStatus),
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// The server ends when this closes, so also when the harness is killed.
    _stdin: Option<ChildStdin>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the server and waits until it serves, or has ended. What it says of itself goes behind `log`.
    pub(crate) fn start(binary: &Path, data: &Path, under: &Under, log: &Path) -> Result<Start, LoadError> {
        let log = File::options().create(true).append(true).open(log);
        let log = log.map_err(LoadError::system("opening the server's log"))?;
        let mut words = under.program.iter().map(PathBuf::from).chain([binary.to_path_buf()]);
        let mut child = Command::new(words.next().unwrap_or_default())
            .args(words)
            .args(["serve", "--end-with-stdin", "--listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(data)
            .envs(SETTINGS)
            .envs(under.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(LoadError::system("starting the server"))?;
        let stdin = child.stdin.take();
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            // An error here is a server that says nothing, which is seen below.
            BufReader::new(out).read_line(&mut line).ok();
        }
        let address = line.trim().rsplit_once("http://").and_then(|(_, address)| address.parse().ok());
        let Some(address) = address else {
            return Ok(Start::Ended(child.wait().map_err(LoadError::system("waiting for the server"))?));
        };
        let mut server = Self { child, _stdin: stdin, address };
        let clock = Clock::start();
        while Duration::from_nanos(clock.now_ns()) < READY_TIMEOUT {
            if let Some(status) = server.ended()? {
                return Ok(Start::Ended(status));
            }
            if is_ready(address).unwrap_or(false) {
                return Ok(Start::Ready(server));
            }
            std::thread::sleep(READY_INTERVAL);
        }
        Err(LoadError::NotReady(READY_TIMEOUT.as_secs()))
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, and how.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, LoadError> {
        self.child.try_wait().map_err(LoadError::system("waiting for the server"))
    }

    /// Whether it has ended, or does within a while.
    pub(crate) fn ended_soon(&mut self, wait: Duration) -> Result<Option<ExitStatus>, LoadError> {
        let clock = Clock::start();
        loop {
            match self.ended()? {
                None if Duration::from_nanos(clock.now_ns()) < wait => std::thread::sleep(READY_INTERVAL),
                ended => return Ok(ended),
            }
        }
    }

    /// SIGKILL; how it had ended if it had.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus, LoadError> {
        self.child.kill().map_err(LoadError::system("killing the server"))?;
        self.child.wait().map_err(LoadError::system("waiting for the server"))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), LoadError> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| LoadError::Usage("the server has no process id".to_owned()))?;
        kill_process(pid, signal).map_err(|error| LoadError::system("signalling the server")(error.into()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    Ok(get(address, "/readyz")?.starts_with("HTTP/1.1 200"))
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(READY_TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: onhand\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Runs a command of the binary; what it printed, and whether it says yes.
pub(crate) fn command(binary: &Path, arguments: &[&str]) -> Result<(bool, String), LoadError> {
    let output =
        Command::new(binary).args(arguments).output().map_err(LoadError::system("running onhand"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        text.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    Ok((output.status.success(), text))
}

/// A command that must succeed; what it prints.
pub(crate) fn expect(binary: &Path, arguments: &[&str]) -> Result<String, LoadError> {
    match command(binary, arguments)? {
        (true, text) => Ok(text),
        (false, text) => Err(LoadError::Usage(format!("onhand {}: {text}", arguments.join(" ")))),
    }
}

/// A command through the administrator's socket, which opens a moment after the doors.
pub(crate) fn command_soon(binary: &Path, arguments: &[&str]) -> Result<String, LoadError> {
    let mut attempts = 0;
    loop {
        match expect(binary, arguments) {
            Err(_) if attempts < COMMAND_ATTEMPTS => attempts += 1,
            outcome => return outcome,
        }
        std::thread::sleep(COMMAND_PAUSE);
    }
}

/// Creates a merchant on a running server, by the administrator's commands; a key of it with these scopes.
pub(crate) fn open_merchant(
    binary: &Path,
    data: &Path,
    name: &str,
    scopes: &str,
) -> Result<String, LoadError> {
    let data = data.to_string_lossy();
    command_soon(binary, &["merchant", "create", name, "--data", &data])?;
    let create = ["key", "create", "--merchant", name, "--scopes", scopes, "--data", &data];
    Ok(command_soon(binary, &create)?.trim().to_owned())
}

/// A metric without labels, as the server prints it.
pub(crate) fn metric(address: SocketAddr, name: &str) -> std::io::Result<Option<String>> {
    let text = get(address, "/metrics")?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(value.map(|value| value.trim().to_owned()))
}
