//! What a connection takes of the real server's memory: many are opened, each is asked one thing and stays idle.
//!
//! The server closes a connection that was idle for some seconds, so they are opened many at a time, and each is looked
//! at once more when all is counted.

use onhand_benches::children::say;
use onhand_benches::numbers::each;
use onhand_benches::resident_bytes_of;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Open when it is counted.
const FEW: usize = 1_000;
const MANY: usize = 5_000;

/// Opened, asked and closed before, so that what the server needs once is there.
const BEFORE: usize = 200;

/// Opened and asked before the first of them is listened to: each wait for the server is one for all of these.
const TOGETHER: usize = 100;

/// How often a count is tried whose connections did not last.
const TRIES: usize = 3;

/// Files that this process and the server may have open: the connections, and some.
const FILES: u64 = 8_192;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is asked whether the server is ready.
const READY_INTERVAL: Duration = Duration::from_millis(10);

/// Resident bytes of the server: before, with the few, with the many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections([u64; 3]);

impl Connections {
    /// Bytes of each of the first.
    pub(crate) fn first(&self) -> f64 {
        each((0, self.0[0] as f64), (FEW as u64, self.0[1] as f64))
    }

    /// Bytes of each of those that came behind.
    pub(crate) fn further(&self) -> f64 {
        each((FEW as u64, self.0[1] as f64), (MANY as u64, self.0[2] as f64))
    }

    /// Counts them at a server of its own; `None` where the machine is too busy for it.
    pub(crate) fn count(server: &Path, home: &Path) -> Option<Self> {
        allow_files();
        (0..TRIES).find_map(|number| Self::try_count(server, &home.join(format!("data-{number}"))))
    }

    fn try_count(server: &Path, data: &Path) -> Option<Self> {
        let server = Server::start(server, data);
        server.put("/v1/locations/main", r#"{"kind":"warehouse","country":"DE"}"#);
        server.put("/v1/channels/web", r#"{"kind":"api","locations":["main"],"policy":"reject"}"#);
        server.put("/v1/skus/MUG", r#"{"title":"Mug"}"#);
        drop(server.asked(BEFORE));
        let before = server.resident();
        let mut open = server.asked(FEW);
        let few = server.resident();
        open.extend(server.asked(MANY - FEW));
        let many = server.resident();
        let closed = open.iter().filter(|connection| !is_open(connection)).count();
        if closed > 0 {
            say(&format!("{closed} of {MANY} connections were closed before they were counted"));
            return None;
        }
        Some(Self([before, few, many]))
    }
}

/// Lets this process, and those that it starts, open as many files as are needed.
fn allow_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < FILES) {
        let raised = Rlimit { current: Some(FILES), ..limit };
        setrlimit(Resource::Nofile, raised).expect("a limit of open files that this user may raise");
    }
}

/// Whether the server has not closed it: nothing is there to be read, not even the end.
fn is_open(connection: &TcpStream) -> bool {
    connection.set_nonblocking(true).expect("a connection");
    let mut connection = connection;
    connection.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// A running server; it ends when its input does.
struct Server {
    child: Child,
    address: SocketAddr,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // In order; what it held was counted, so an end that is none is nobody's loss.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

impl Server {
    fn start(binary: &Path, data: &Path) -> Self {
        let admin = |words: &[&str]| {
            let output =
                Command::new(binary).args(words).arg("--data").arg(data).stderr(Stdio::inherit()).output();
            let output = output.expect("the server's binary");
            assert!(output.status.success(), "{words:?}: {}", output.status);
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        admin(&["merchant", "create", "bench"]);
        let key = admin(&[
            "key",
            "create",
            "--merchant",
            "bench",
            "--scopes",
            "orders:write,stock:write,read,admin",
        ]);
        let mut command = Command::new(binary);
        command.args(["serve", "--end-with-stdin", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("the server");
        let mut line = String::new();
        let said = BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line);
        let address = line.trim().strip_prefix("onhand listening on http://");
        let address = said.ok().and(address).and_then(|address| address.parse().ok());
        let server = Self { child, address: address.expect("where it listens"), key };
        while server.ask(&mut server.connect(), "GET", "/readyz", "") != 200 {
            std::thread::sleep(READY_INTERVAL);
        }
        server
    }

    fn resident(&self) -> u64 {
        resident_bytes_of(&self.child.id().to_string())
    }

    fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(self.address).expect("a connection");
        connection.set_read_timeout(Some(PATIENCE)).expect("a connection");
        connection.set_nodelay(true).expect("a connection");
        connection
    }

    fn put(&self, path: &str, body: &str) {
        let status = self.ask(&mut self.connect(), "PUT", path, body);
        assert!(status < 300, "PUT {path}: {status}");
    }

    /// So many connections over each of which an order was placed. There is no stock, so it leaves nothing behind.
    fn asked(&self, count: usize) -> Vec<TcpStream> {
        let mut asked = Vec::with_capacity(count);
        while asked.len() < count {
            let from = asked.len();
            for number in from..count.min(from + TOGETHER) {
                let mut connection = self.connect();
                let order = format!(
                    r#"{{"external_id":"order-{number:08}","channel":"web","lines":[{{"id":"1","sku":"MUG","quantity":1}}]}}"#
                );
                self.send(&mut connection, "POST", "/v1/orders", &order);
                asked.push(connection);
            }
            for connection in &mut asked[from..] {
                let status = receive(connection);
                assert!(status == 409, "an order without stock: {status}");
            }
        }
        asked
    }

    /// One request; returns the status of its answer.
    fn ask(&self, connection: &mut TcpStream, method: &str, path: &str, body: &str) -> u16 {
        self.send(connection, method, path, body);
        receive(connection)
    }

    fn send(&self, connection: &mut TcpStream, method: &str, path: &str, body: &str) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: onhand\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        connection.write_all(request.as_bytes()).expect("a request");
    }
}

fn receive(connection: &mut TcpStream) -> u16 {
    let mut answer = Vec::new();
    loop {
        if let Some(status) = whole(&answer) {
            return status;
        }
        let mut piece = [0; 4_096];
        let read = connection.read(&mut piece).expect("an answer");
        assert!(read > 0, "the server closed in the middle of an answer");
        answer.extend_from_slice(&piece[..read]);
    }
}

/// The status of an answer, once all of it is there. Every answer to these requests says how long it is.
fn whole(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    let (head, _) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    let body = answer.len() - answer.windows(4).position(|window| window == b"\r\n\r\n")? - 4;
    (body >= length.unwrap_or(0)).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        let answer = b"HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\nx: y\r\n\r\nabc";
        assert!((0..answer.len()).all(|length| whole(&answer[..length]).is_none()));
        assert_eq!(whole(answer), Some(409));
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(204));
    }

    #[test]
    fn connections_are_counted_by_what_came_with_them() {
        let connections = Connections([20_000_000, 30_000_000, 50_000_000]);
        assert_eq!((connections.first(), connections.further()), (10_000.0, 5_000.0));
    }
}
