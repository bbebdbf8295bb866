//! The reading half of HTTP/1.1: heads through `httparse`, bodies through a small state machine.
//!
//! Knows bytes only: no sockets, no clock, no orders. A body is handed on in the pieces in which it arrives,
//! so that an answer of a million lines needs no memory of its own.

use std::mem::MaybeUninit;

use thiserror::Error;

/// Headers of one answer; the server sends about eight.
const HEADERS_MAX: usize = 64;

/// A head longer than this is not from the server this harness was made for.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Sixteen hexadecimal digits, an extension nobody sends and the line's end.
const CHUNK_HEAD_BYTES_MAX: usize = 256;

/// Bytes that are not the HTTP they claim to be.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum WireError {
    /// The head does not parse.
    #[error("the answer's head is not HTTP/1.1: {0}")]
    Head(httparse::Error),
    /// The head does not end.
    #[error("the answer's head is longer than {HEAD_BYTES_MAX} bytes")]
    HeadTooLong,
    /// `Content-Length` is no number.
    #[error("the answer's content-length is not a number")]
    Length,
    /// A chunk has no valid length, or no end.
    #[error("the answer's chunked body is malformed")]
    Chunk,
}

/// What the harness reads from an answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
    /// The server says that it repeats an earlier answer.
    pub(crate) replayed: bool,
    /// The server says when to come again.
    pub(crate) retry_after: bool,
    /// The connection ends with this answer.
    pub(crate) close: bool,
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// So many bytes are still to come.
    Length(u64),
    /// At the start of a chunk's head.
    ChunkHead,
    /// Inside a chunk: so many bytes are still to come.
    Chunk(u64),
    /// At the line end behind a chunk's bytes.
    ChunkEnd,
    /// Behind the last chunk: trailers until an empty line.
    Trailers,
    /// Everything until the connection ends.
    UntilClose,
    /// The body is complete.
    Done,
}

/// The progress through one body.
#[derive(Debug)]
pub(crate) struct Body(Framing);

/// Reads a head. `None`: more bytes are needed. Otherwise the head, its body and the head's length in bytes.
///
/// An informational answer (1xx) is returned like any other, with an empty body; the caller reads on.
pub(crate) fn parse_head(input: &[u8]) -> Result<Option<(Head, Body, usize)>, WireError> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut headers,
    );
    let length = match parsed.map_err(WireError::Head)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if input.len() > HEAD_BYTES_MAX => return Err(WireError::HeadTooLong),
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or_default();
    let mut head = Head { status, replayed: false, retry_after: false, close: response.version == Some(0) };
    let mut framing = Framing::UntilClose;
    for header in response.headers.iter() {
        let (name, value) = (header.name, header.value.trim_ascii());
        if name.eq_ignore_ascii_case("content-length") {
            // A chunked body overrules a length (RFC 9112, 6.3).
            if framing != Framing::ChunkHead {
                framing = Framing::Length(decimal(value).ok_or(WireError::Length)?);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Framing::ChunkHead;
        } else if name.eq_ignore_ascii_case("connection") {
            head.close = value.eq_ignore_ascii_case(b"close");
        } else if name.eq_ignore_ascii_case("retry-after") {
            head.retry_after = decimal(value).is_some();
        } else if name.eq_ignore_ascii_case("idempotent-replayed") {
            head.replayed = value.eq_ignore_ascii_case(b"true");
        }
    }
    if status < 200 || status == 204 || status == 304 {
        framing = Framing::Done;
    }
    head.close |= framing == Framing::UntilClose;
    Ok(Some((head, Body(settled(framing)), length)))
}

/// A body of no bytes is complete before the first of them.
fn settled(framing: Framing) -> Framing {
    if framing == Framing::Length(0) { Framing::Done } else { framing }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Body {
    /// Whether the body has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.0 == Framing::Done
    }

    /// Whether the end of the connection is this body's legitimate end.
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.0 == Framing::UntilClose
    }

    /// Takes bytes, hands the body's own on to `sink` and returns how many it has taken.
    ///
    /// What it leaves is the start of something that is not complete yet: the caller keeps it and adds to it.
    pub(crate) fn feed(&mut self, input: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<usize, WireError> {
        let mut taken = 0;
        loop {
            let rest = &input[taken..];
            match self.0 {
                Framing::Done => return Ok(taken),
                Framing::UntilClose => {
                    hand_on(rest, sink);
                    return Ok(input.len());
                }
                Framing::Length(left) | Framing::Chunk(left) => {
                    let here = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    hand_on(&rest[..here], sink);
                    taken += here;
                    let left = left - here as u64;
                    self.0 = match self.0 {
                        Framing::Chunk(_) if left == 0 => Framing::ChunkEnd,
                        Framing::Chunk(_) => Framing::Chunk(left),
                        Framing::Length(_)
                        | Framing::ChunkHead
                        | Framing::ChunkEnd
                        | Framing::Trailers
                        | Framing::UntilClose
                        | Framing::Done => settled(Framing::Length(left)),
                    };
                    if left > 0 {
                        return Ok(taken);
                    }
                }
                Framing::ChunkHead => match httparse::parse_chunk_size(rest) {
                    Ok(httparse::Status::Complete((head, size))) => {
                        taken += head;
                        self.0 = if size == 0 { Framing::Trailers } else { Framing::Chunk(size) };
                    }
                    Ok(httparse::Status::Partial) if rest.len() <= CHUNK_HEAD_BYTES_MAX => return Ok(taken),
                    Ok(httparse::Status::Partial) | Err(_) => return Err(WireError::Chunk),
                },
                Framing::ChunkEnd => match rest {
                    [b'\r', b'\n', ..] => {
                        taken += 2;
                        self.0 = Framing::ChunkHead;
                    }
                    [] | [b'\r'] => return Ok(taken),
                    _ => return Err(WireError::Chunk),
                },
                Framing::Trailers => match rest.windows(2).position(|pair| pair == b"\r\n") {
                    Some(0) => {
                        taken += 2;
                        self.0 = Framing::Done;
                    }
                    Some(end) => taken += end + 2,
                    None if rest.len() > HEAD_BYTES_MAX => return Err(WireError::HeadTooLong),
                    None => return Ok(taken),
                },
            }
        }
    }
}

fn hand_on(bytes: &[u8], sink: &mut impl FnMut(&[u8])) {
    if !bytes.is_empty() {
        sink(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `answer` in two pieces, cut at `cut`, the way a connection does.
    fn read(answer: &[u8], cut: usize) -> (Head, Vec<u8>, bool) {
        let mut buffer = Vec::new();
        let mut state = None;
        let mut body = Vec::new();
        for piece in [&answer[..cut], &answer[cut..]] {
            buffer.extend_from_slice(piece);
            if state.is_none()
                && let Some((head, framing, length)) = parse_head(&buffer).unwrap()
            {
                buffer.drain(..length);
                state = Some((head, framing));
            }
            if let Some((_, framing)) = &mut state {
                let taken = framing.feed(&buffer, &mut |bytes| body.extend_from_slice(bytes)).unwrap();
                buffer.drain(..taken);
            }
        }
        let (head, framing) = state.unwrap();
        (head, body, framing.is_done())
    }

    #[test]
    fn every_framing_reads_the_same_wherever_the_bytes_are_cut() {
        let answers: [(&[u8], u16, &[u8], bool); 5] = [
            (b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello", 201, b"hello", true),
            (
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n",
                200,
                b"abc0123456789",
                true,
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\nx-sum: 9\r\n\r\n",
                200,
                b"z",
                true,
            ),
            (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", true),
            (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end", false),
        ];
        for (answer, status, body, done) in answers {
            for cut in 0..=answer.len() {
                let (head, read_body, read_done) = read(answer, cut);
                assert_eq!(
                    (head.status, read_body.as_slice(), read_done),
                    (status, body, done),
                    "cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn what_the_harness_needs_from_a_head_is_read() {
        let text = b"HTTP/1.1 201 Created\r\nIdempotent-Replayed: true\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        let (head, body, length) = parse_head(text).unwrap().unwrap();
        assert_eq!(head, Head { status: 201, replayed: true, retry_after: false, close: true });
        assert!(body.is_done());
        assert_eq!(length, text.len());
    }

    #[test]
    fn bytes_that_are_not_http_are_an_error_and_not_an_answer() {
        assert!(matches!(parse_head(b"SSH-2.0-OpenSSH_9\r\n\r\n"), Err(WireError::Head(_))));
        assert_eq!(
            parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n").unwrap_err(),
            WireError::Length
        );
        let (_, mut body, length) =
            parse_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap().unwrap();
        assert_eq!(length, 47);
        assert_eq!(body.feed(b"zz\r\n", &mut |_| {}), Err(WireError::Chunk));
        let mut body = Body(Framing::ChunkEnd);
        assert_eq!(body.feed(b"xx", &mut |_| {}), Err(WireError::Chunk));
    }
}
