//! One keep-alive connection: a request out, an answer in.
//!
//! A hand-written client over tokio's `TcpStream` and `httparse`. The harness shares its cores with the server
//! it measures, so what a request costs here is taken from the server. `examples/ceiling.rs` decided against a
//! general client: on a machine with two cores a request cost 6.1 to 7.7 us of processor time here and 9.6 to
//! 12.3 us through hyper's client (64 and 256 connections, three rounds each). Knows nothing about orders.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{self, Body, Head, WireError};

/// Room for the bytes of one read: a few hundred answers of a bulk request, or one large page of stock.
const READ_BYTES: usize = 64 * 1024;

/// Connecting within one machine or one network takes milliseconds; a longer wait is a failure.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a request has no answer. After every one of these the outcome is unknown, and the connection is over.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// The connection failed, or could not be made.
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    /// The server closed the connection before its answer was complete.
    #[error("the server closed the connection before its answer was complete")]
    Closed,
    /// The answer is not HTTP.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The answer did not come in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// An open connection, used for one request at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    /// Bytes read since the connection was made.
    pub(crate) bytes_in: u64,
}

impl Connection {
    /// Connects, with `TCP_NODELAY`: a request is one write and must not wait for a second.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, ClientError> {
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
            .await
            .map_err(|_| ClientError::Timeout(CONNECT_TIMEOUT))??;
        stream.set_nodelay(true)?;
        Ok(Self { stream, input: Vec::with_capacity(READ_BYTES), bytes_in: 0 })
    }

    /// Sends a request that fits the socket's buffers and reads its answer; status and body's bytes go to `sink`.
    ///
    /// On an error the connection must be dropped. So it must be when the head says `close`.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        timeout: Duration,
        sink: &mut impl FnMut(u16, &[u8]),
    ) -> Result<Head, ClientError> {
        let Self { stream, input, bytes_in } = self;
        let exchange = async {
            stream.write_all(request).await?;
            let mut reading = Reading { input, bytes_in, state: State::Head };
            loop {
                let read = stream.read_buf(reading.input).await?;
                if let Some(head) = reading.take(read, sink)? {
                    return Ok(head);
                }
            }
        };
        tokio::time::timeout(timeout, exchange).await.map_err(|_| ClientError::Timeout(timeout))?
    }

    /// Sends a request of any size and reads its answer while it is still being sent.
    ///
    /// `idle` bounds the time in which neither a byte goes out nor one comes in. On an error the connection must
    /// be dropped. So it must be when the head says `close`, which an answer before the request's end also does.
    pub(crate) async fn stream(
        &mut self,
        request: &[u8],
        idle: Duration,
        sink: &mut impl FnMut(u16, &[u8]),
    ) -> Result<Head, ClientError> {
        let Self { stream, input, bytes_in } = self;
        let (mut from, mut to) = stream.split();
        let mut reading = Reading { input, bytes_in, state: State::Head };
        let mut unsent = request;
        loop {
            let step = async {
                tokio::select! {
                    sent = to.write(unsent), if !unsent.is_empty() => Ok((sent?, None)),
                    read = from.read_buf(reading.input) => Ok((0, Some(read?))),
                }
            };
            let (sent, read) = tokio::time::timeout(idle, step)
                .await
                .map_err(|_| ClientError::Timeout(idle))?
                .map_err(ClientError::Io)?;
            unsent = &unsent[sent..];
            if let Some(read) = read
                && let Some(mut head) = reading.take(read, sink)?
            {
                head.close |= !unsent.is_empty();
                return Ok(head);
            }
        }
    }
}

/// A connection that is made when it is needed and dropped when it has failed.
#[derive(Debug)]
pub(crate) struct Link {
    address: SocketAddr,
    connection: Option<Connection>,
    closed_bytes_in: u64,
}

impl Link {
    /// A link that is not connected yet.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None, closed_bytes_in: 0 }
    }

    /// Connects if it is not connected.
    pub(crate) async fn open(&mut self) -> Result<&mut Connection, ClientError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// [`Connection::exchange`]; an error leaves the link unconnected.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        timeout: Duration,
        sink: &mut impl FnMut(u16, &[u8]),
    ) -> Result<Head, ClientError> {
        let answer = self.open().await?.exchange(request, timeout, sink).await;
        self.settle(&answer);
        answer
    }

    /// [`Connection::stream`]; an error leaves the link unconnected.
    pub(crate) async fn stream(
        &mut self,
        request: &[u8],
        idle: Duration,
        sink: &mut impl FnMut(u16, &[u8]),
    ) -> Result<Head, ClientError> {
        let answer = self.open().await?.stream(request, idle, sink).await;
        self.settle(&answer);
        answer
    }

    /// Bytes read over all its connections.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.closed_bytes_in + self.connection.as_ref().map_or(0, |connection| connection.bytes_in)
    }

    fn settle(&mut self, answer: &Result<Head, ClientError>) {
        if answer.as_ref().map_or(true, |head| head.close) {
            self.closed_bytes_in = self.bytes_in();
            self.connection = None;
        }
    }
}

/// How far the answer has been read.
enum State {
    Head,
    Body(Head, Body),
}

/// One answer on its way in.
struct Reading<'a> {
    input: &'a mut Vec<u8>,
    bytes_in: &'a mut u64,
    state: State,
}

impl Reading<'_> {
    /// Works through what has been read so far; `read` bytes are new, none meaning that the server closed.
    fn take(&mut self, read: usize, sink: &mut impl FnMut(u16, &[u8])) -> Result<Option<Head>, ClientError> {
        if read == 0 {
            return match &self.state {
                State::Body(head, body) if body.ends_with_connection() => Ok(Some(*head)),
                State::Head | State::Body(..) => Err(ClientError::Closed),
            };
        }
        *self.bytes_in += read as u64;
        let mut taken = 0;
        loop {
            match &mut self.state {
                State::Head => {
                    let Some((head, body, length)) = wire::parse_head(&self.input[taken..])? else { break };
                    taken += length;
                    // An informational answer only announces the one that counts.
                    if head.status >= 200 {
                        self.state = State::Body(head, body);
                    }
                }
                State::Body(head, body) => {
                    let status = head.status;
                    taken += body.feed(&self.input[taken..], &mut |bytes| sink(status, bytes))?;
                    if body.is_done() {
                        let head = *head;
                        self.input.drain(..taken);
                        return Ok(Some(head));
                    }
                    break;
                }
            }
        }
        self.input.drain(..taken);
        Ok(None)
    }
}
