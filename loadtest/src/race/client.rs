//! One connection to a contender: orders out, a yes or no for each in.

use std::time::Duration;

use memchr::{memchr, memmem};

use crate::client::Link;
use crate::error::{LoadError, excerpt};
use crate::race::course::Course;
use crate::race::postgres::PostgresClient;
use crate::race::redis::RedisClient;
use crate::workload::Order;

/// How long an answer may take before the race is over.
const PATIENCE: Duration = Duration::from_secs(30);

/// An order was accepted, and refused for want of stock.
const ACCEPTED: u16 = 201;
const REFUSED: u16 = 409;

/// See the module.
pub(crate) enum Client {
    /// HTTP, an order a request.
    Single(Http),
    /// HTTP, many orders a request.
    Bulk(Http),
    /// PostgreSQL's protocol.
    Postgres(PostgresClient),
    /// Redis's protocol.
    Redis(RedisClient),
}

impl Client {
    /// Asks for orders, the first of this number, and appends for each whether it was accepted.
    pub(crate) async fn ask(
        &mut self,
        course: &Course,
        first: u64,
        orders: &[Order],
        yes: &mut Vec<bool>,
    ) -> Result<(), LoadError> {
        match (self, orders) {
            (Self::Single(http), [order]) => http.single(course, first, order, yes).await,
            (Self::Postgres(client), [order]) => client.ask(first, order, yes).await,
            (Self::Redis(client), [order]) => client.ask(first, order, yes).await,
            (Self::Bulk(http), orders) => http.bulk(course, first, orders, yes).await,
            (_, _) => Err(LoadError::Usage("this contender is asked for one order at a time".to_owned())),
        }
    }

    /// Bytes of all bodies it was answered, over HTTP.
    pub(crate) fn body_bytes(&self) -> usize {
        match self {
            Self::Single(http) | Self::Bulk(http) => http.body_bytes,
            Self::Postgres(_) | Self::Redis(_) => 0,
        }
    }
}

/// An HTTP connection, with its reused buffers.
pub(crate) struct Http {
    link: Link,
    body: Vec<u8>,
    request: Vec<u8>,
    answer: Vec<u8>,
    body_bytes: usize,
}

impl Http {
    /// Connects.
    pub(crate) async fn connect(course: &Course) -> Result<Self, LoadError> {
        let mut link = Link::new(course.plan.target.address);
        link.open().await.map_err(failed)?;
        Ok(Self { link, body: Vec::new(), request: Vec::new(), answer: Vec::new(), body_bytes: 0 })
    }

    async fn single(
        &mut self,
        course: &Course,
        number: u64,
        order: &Order,
        yes: &mut Vec<bool>,
    ) -> Result<(), LoadError> {
        self.body.clear();
        self.request.clear();
        self.answer.clear();
        course.requests.push_order(&course.plan.names, number, order, false, &mut self.body);
        course.requests.push_single(None, &self.body, &mut self.request);
        let answer = &mut self.answer;
        let sink = &mut |_, bytes: &[u8]| answer.extend_from_slice(bytes);
        let head = self.link.exchange(&self.request, PATIENCE, sink).await.map_err(failed)?;
        self.body_bytes += self.answer.len();
        yes.push(is_yes(head.status, &self.answer)?);
        Ok(())
    }

    async fn bulk(
        &mut self,
        course: &Course,
        first: u64,
        orders: &[Order],
        yes: &mut Vec<bool>,
    ) -> Result<(), LoadError> {
        self.request.clear();
        self.answer.clear();
        let body = course.requests.begin_bulk(&mut self.request);
        for (number, order) in (first..).zip(orders) {
            course.requests.push_order(&course.plan.names, number, order, false, &mut self.request);
            self.request.push(b'\n');
        }
        let start = course.requests.end_bulk(body, &mut self.request);
        let answer = &mut self.answer;
        let sink = &mut |_, bytes: &[u8]| answer.extend_from_slice(bytes);
        let head = self.link.stream(&self.request[start..], PATIENCE, sink).await.map_err(failed)?;
        self.body_bytes += self.answer.len();
        if head.status != 200 {
            return Err(unexpected(head.status, &self.answer));
        }
        let before = yes.len();
        lines(&self.answer, yes)?;
        if yes.len() - before == orders.len() {
            Ok(())
        } else {
            Err(LoadError::Usage(format!("{} orders, {} answers", orders.len(), yes.len() - before)))
        }
    }
}

/// Reads the lines of a bulk answer, which stand in the order of the request.
fn lines(mut answer: &[u8], yes: &mut Vec<bool>) -> Result<(), LoadError> {
    while !answer.is_empty() {
        let end = memchr(b'\n', answer).unwrap_or(answer.len());
        let (line, rest) = answer.split_at(end);
        answer = rest.get(1..).unwrap_or_default();
        if !line.is_empty() {
            let status = status(line).ok_or_else(|| unexpected(200, line))?;
            yes.push(is_yes(status, line)?);
        }
    }
    Ok(())
}

/// The status that a line of a bulk answer has.
fn status(line: &[u8]) -> Option<u16> {
    const NAME: &[u8] = br#""status":"#;
    let at = memmem::find(line, NAME)? + NAME.len();
    let digits = line.get(at..at + 3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn is_yes(status: u16, body: &[u8]) -> Result<bool, LoadError> {
    match status {
        ACCEPTED => Ok(true),
        REFUSED => Ok(false),
        status => Err(unexpected(status, body)),
    }
}

fn unexpected(status: u16, body: &[u8]) -> LoadError {
    LoadError::Answer { doing: "placing an order".to_owned(), status, body: excerpt(body) }
}

fn failed(source: crate::client::ClientError) -> LoadError {
    LoadError::Connection { doing: "placing an order".to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_bulk_answer_are_read_with_their_status() {
        let mut yes = Vec::new();
        let answer = b"{\"line\":1,\"status\":201,\"body\":{}}\n{\"line\":2,\"status\":409,\"body\":{}}\n\
            {\"line\":3,\"status\":201}";
        lines(answer, &mut yes).unwrap();
        assert_eq!(yes, [true, false, true]);
        for wrong in [&b"{\"line\":1,\"status\":503}"[..], b"{\"line\":1}", b"{\"status\":2"] {
            assert!(lines(wrong, &mut yes).is_err());
        }
    }
}
