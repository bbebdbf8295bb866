//! Redis: an order is one call of a script that looks whether the units of each SKU are there, takes them and writes the
//! order down; the append-only file is synced before the answer, or every second.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Script};

use crate::error::LoadError;
use crate::race::cli::Cli;
use crate::race::course::Course;
use crate::race::postgres::summed;
use crate::race::process::{Process, free_address, wait_for};
use crate::workload::Order;

/// The last key is the order's, the others those of the SKUs.
const SCRIPT: &str = "
for line = 1, #KEYS - 1 do
    if tonumber(redis.call('GET', KEYS[line])) < tonumber(ARGV[line]) then return 0 end
end
for line = 1, #KEYS - 1 do redis.call('DECRBY', KEYS[line], ARGV[line]) end
redis.call('SET', KEYS[#KEYS], table.concat(KEYS, ' ') .. ' ' .. table.concat(ARGV, ' '))
return 1
";

/// SKUs that are read or written at once.
const AT_ONCE: usize = 1_000;

/// A server of its own.
pub(crate) struct Redis {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Redis {
    /// `sync`: when its file is synced, as its setting `appendfsync` says.
    pub(crate) fn start(cli: &Cli, place: &Path, sync: &str) -> Result<Self, LoadError> {
        let address = free_address()?;
        let mut command = Command::new(&cli.redis);
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", sync]);
        command.arg("--port").arg(address.port().to_string()).arg("--dir").arg(place);
        let process = Process::start(&mut command, &place.join("log"))?;
        wait_for(address)?;
        Ok(Self { process, address })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    async fn session(&self) -> Result<MultiplexedConnection, LoadError> {
        let client = redis::Client::open(format!("redis://{}", self.address)).map_err(failed)?;
        client.get_multiplexed_async_connection().await.map_err(failed)
    }

    pub(crate) async fn set_up(&self, course: &Course) -> Result<(), LoadError> {
        let mut session = self.session().await?;
        let skus: Vec<(String, u64)> =
            course.plan.stock.iter().enumerate().map(|(sku, stock)| (key_of(sku), *stock)).collect();
        for some in skus.chunks(AT_ONCE) {
            let _: () = session.mset(some).await.map_err(failed)?;
        }
        Ok(())
    }

    pub(crate) async fn connect(&self) -> Result<RedisClient, LoadError> {
        Ok(RedisClient { session: self.session().await?, script: Script::new(SCRIPT), lines: Vec::new() })
    }

    pub(crate) async fn left(&self, course: &Course) -> Result<Vec<i64>, LoadError> {
        let mut session = self.session().await?;
        let keys: Vec<String> = (0..course.plan.stock.len()).map(key_of).collect();
        let mut left = Vec::with_capacity(keys.len());
        for some in keys.chunks(AT_ONCE) {
            let some: Vec<i64> = session.mget(some).await.map_err(failed)?;
            left.extend(some);
        }
        Ok(left)
    }
}

fn key_of(sku: usize) -> String {
    format!("s:{sku}")
}

/// A connection.
pub(crate) struct RedisClient {
    session: MultiplexedConnection,
    script: Script,
    lines: Vec<(i32, i32)>,
}

impl RedisClient {
    pub(crate) async fn ask(
        &mut self,
        number: u64,
        order: &Order,
        yes: &mut Vec<bool>,
    ) -> Result<(), LoadError> {
        summed(order, &mut self.lines);
        let mut call = self.script.prepare_invoke();
        for (sku, quantity) in &self.lines {
            call.key(format!("s:{sku}")).arg(*quantity);
        }
        call.key(format!("o:{number}"));
        let taken: i64 = call.invoke_async(&mut self.session).await.map_err(failed)?;
        yes.push(taken == 1);
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "to be handed to map_err")]
fn failed(error: redis::RedisError) -> LoadError {
    LoadError::Usage(format!("Redis: {error}"))
}
