//! The server as a process of its own, so that it can be killed for real.

use anyhow::{Context, bail, ensure};
use onhand_engine::clock::Stopwatch;
use parking_lot::Mutex;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take to open its doors.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is asked meanwhile.
const READY_INTERVAL: Duration = Duration::from_millis(1);

/// Where the server listens now; it changes when the server comes back.
#[derive(Clone)]
pub(super) struct Address(Arc<Mutex<SocketAddr>>);

impl Address {
    pub(super) fn get(&self) -> SocketAddr {
        *self.0.lock()
    }
}

/// A running server.
pub(super) struct Server {
    data: PathBuf,
    child: Child,
    /// The server ends when this closes: in order when it is dropped here, and also when this process is killed.
    stdin: Option<ChildStdin>,
    address: Address,
}

impl Server {
    /// Starts `onhand serve` and waits until it is ready. Returns the time that took.
    pub(super) fn start(data: &Path) -> anyhow::Result<(Self, Duration)> {
        let watch = Stopwatch::start();
        let (mut child, address) = spawn(data)?;
        let stdin = child.stdin.take();
        let server =
            Self { data: data.to_owned(), child, stdin, address: Address(Arc::new(Mutex::new(address))) };
        wait_ready(address)?;
        Ok((server, watch.elapsed()))
    }

    pub(super) fn address(&self) -> Address {
        self.address.clone()
    }

    /// SIGKILL: nothing is said to the process, nothing is flushed. Then starts it again; returns the time
    /// from the new start to open doors.
    pub(super) fn kill_and_restart(&mut self) -> anyhow::Result<Duration> {
        self.child.kill().context("the server could not be killed")?;
        self.child.wait()?;
        let watch = Stopwatch::start();
        let (child, address) = spawn(&self.data)?;
        self.child = child;
        self.stdin = self.child.stdin.take();
        wait_ready(address)?;
        *self.address.0.lock() = address;
        Ok(watch.elapsed())
    }

    /// Finish, write the closing record, end.
    pub(super) fn stop(&mut self) -> anyhow::Result<()> {
        drop(self.stdin.take());
        let ended = self.child.wait()?;
        ensure!(ended.success(), "the server did not stop in order: {ended}");
        Ok(())
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already in every good case.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs an `onhand` command and returns what it printed.
pub(super) fn run(arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(std::env::current_exe()?).args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("onhand {} failed", arguments.join(" "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn spawn(data: &Path) -> anyhow::Result<(Child, SocketAddr)> {
    let log = std::fs::File::options().create(true).append(true).open(data.with_extension("server.log"))?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["serve", "--end-with-stdin", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()?;
    let out = child.stdout.take().context("the server has no output")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let address = line.trim().strip_prefix("onhand listening on http://");
    let address = address.context("the server did not say where it listens")?.parse()?;
    Ok((child, address))
}

fn wait_ready(address: SocketAddr) -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    while watch.elapsed() < READY_TIMEOUT {
        if is_ready(address).unwrap_or(false) {
            return Ok(());
        }
        std::thread::sleep(READY_INTERVAL);
    }
    bail!("the server was not ready within {} s", READY_TIMEOUT.as_secs())
}

fn is_ready(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: onhand\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
