//! PostgreSQL: an order is one call of a function that takes the units of each SKU if they are there and writes the
//! order down; one transaction, committed to the disk before the answer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio_postgres::{Client, NoTls, Statement};

use crate::error::LoadError;
use crate::race::cli::Cli;
use crate::race::course::Course;
use crate::race::process::{Process, free_address, run, wait_for};
use crate::workload::Order;

/// The user of the database, who needs no password here.
const USER: &str = "race";

/// The system's user who runs it where the harness is root: PostgreSQL refuses to be.
const SYSTEM_USER: &str = "postgres";

/// Where Debian puts the programs, by version.
const VERSIONS_DIR: &str = "/usr/lib/postgresql";

/// What the function says of an order that stock cannot serve.
const SHORT: &str = "OH001";

/// SKUs in the order of their numbers in every call, so that no two orders wait for each other.
const SCHEMA: &str = "
create table sku (id int primary key, free bigint not null check (free >= 0)) with (fillfactor = 50);
create table orders (external_id bigint primary key, skus int[] not null, quantities int[] not null);
create function place(external_id bigint, skus int[], quantities int[]) returns void language plpgsql as $$
begin
    for line in 1..cardinality(skus) loop
        update sku set free = free - quantities[line] where id = skus[line] and free >= quantities[line];
        if not found then
            raise exception 'short' using errcode = 'OH001';
        end if;
    end loop;
    insert into orders values (external_id, skus, quantities);
end $$;
";

/// A server of its own.
pub(crate) struct Postgres {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Postgres {
    pub(crate) fn start(cli: &Cli, place: &Path) -> Result<Self, LoadError> {
        let programs = programs(cli)?;
        let address = free_address()?;
        let data = place.join("data");
        std::fs::create_dir_all(&data).map_err(LoadError::system("creating PostgreSQL's directory"))?;
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            run(Command::new("chown").arg(SYSTEM_USER).arg(&data))?;
        }
        let command = |program: &str| {
            let program = programs.join(program);
            let mut command = Command::new(if is_root { PathBuf::from("setpriv") } else { program.clone() });
            if is_root {
                let (user, group) = (format!("--reuid={SYSTEM_USER}"), format!("--regid={SYSTEM_USER}"));
                command.args([user, group, "--init-groups".to_owned()]).arg(program);
            }
            command.current_dir("/");
            command
        };
        let words = ["--auth=trust", "--locale=C", "--encoding=UTF8", "--username", USER, "--pgdata"];
        run(command("initdb").args(words).arg(&data))?;
        let mut server = command("postgres");
        server.arg("-D").arg(&data);
        for setting in settings(address) {
            server.args(["-c".to_owned(), setting]);
        }
        let process = Process::start(&mut server, &place.join("log"))?;
        wait_for(address)?;
        Ok(Self { process, address })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    async fn session(&self) -> Result<Client, LoadError> {
        let (host, port) = (self.address.ip(), self.address.port());
        let settings = format!("host={host} port={port} user={USER} dbname=postgres");
        let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.map_err(failed)?;
        // It ends with the client; what goes wrong shows in the answers.
        tokio::task::spawn_local(async move { drop(connection.await) });
        Ok(client)
    }

    pub(crate) async fn set_up(&self, course: &Course) -> Result<(), LoadError> {
        let tasks = tokio::task::LocalSet::new();
        tasks
            .run_until(async {
                let client = self.ready().await?;
                client.batch_execute(SCHEMA).await.map_err(failed)?;
                let (last, stock) =
                    (course.plan.stock.len(), course.plan.stock.first().copied().unwrap_or(0));
                let fill =
                    format!("insert into sku select id, {stock} from generate_series(0, {last} - 1) id");
                client.batch_execute(&fill).await.map_err(failed)?;
                client.batch_execute("vacuum analyze sku").await.map_err(failed)?;
                client.batch_execute("checkpoint").await.map_err(failed)
            })
            .await
    }

    /// A session as soon as it takes some: it listens a moment before.
    async fn ready(&self) -> Result<Client, LoadError> {
        const ATTEMPTS: usize = 100;
        for _ in 1..ATTEMPTS {
            if let Ok(client) = self.session().await {
                return Ok(client);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        self.session().await
    }

    pub(crate) async fn connect(&self) -> Result<PostgresClient, LoadError> {
        let client = self.session().await?;
        let place = client.prepare("select place($1, $2, $3)").await.map_err(failed)?;
        Ok(PostgresClient { client, place, lines: Vec::new() })
    }

    pub(crate) async fn left(&self) -> Result<Vec<i64>, LoadError> {
        let tasks = tokio::task::LocalSet::new();
        tasks
            .run_until(async {
                let rows = self.session().await?.query("select free from sku order by id", &[]).await;
                Ok(rows.map_err(failed)?.iter().map(|row| row.get(0)).collect())
            })
            .await
    }
}

/// Durable, and as large as a machine of this size gives it; else as it comes.
fn settings(address: SocketAddr) -> [String; 10] {
    let IpAddr::V4(Ipv4Addr::LOCALHOST) = address.ip() else { return Default::default() };
    [
        "synchronous_commit=on",
        "fsync=on",
        "wal_sync_method=fdatasync",
        "shared_buffers=1GB",
        "max_wal_size=8GB",
        "max_connections=1100",
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "jit=off",
        &format!("port={}", address.port()),
    ]
    .map(str::to_owned)
}

fn programs(cli: &Cli) -> Result<PathBuf, LoadError> {
    if let Some(programs) = &cli.postgres {
        return Ok(programs.clone());
    }
    let versions = std::fs::read_dir(VERSIONS_DIR).into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let newest = newest.ok_or_else(|| {
        LoadError::Usage(format!("no PostgreSQL in {VERSIONS_DIR}: benches/race/install installs it"))
    })?;
    Ok(PathBuf::from(format!("{VERSIONS_DIR}/{newest}/bin")))
}

/// A connection, and the call prepared on it.
pub(crate) struct PostgresClient {
    client: Client,
    place: Statement,
    lines: Vec<(i32, i32)>,
}

impl PostgresClient {
    pub(crate) async fn ask(
        &mut self,
        number: u64,
        order: &Order,
        yes: &mut Vec<bool>,
    ) -> Result<(), LoadError> {
        summed(order, &mut self.lines);
        let (skus, quantities): (Vec<i32>, Vec<i32>) = self.lines.iter().copied().unzip();
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        match self.client.execute(&self.place, &[&number, &skus, &quantities]).await {
            Ok(_) => yes.push(true),
            Err(error) if error.code().is_some_and(|code| code.code() == SHORT) => yes.push(false),
            Err(error) => return Err(failed(error)),
        }
        Ok(())
    }
}

/// The units of each SKU, in the order of the SKUs.
pub(crate) fn summed(order: &Order, lines: &mut Vec<(i32, i32)>) {
    lines.clear();
    lines.extend(
        order
            .lines
            .iter()
            .filter_map(|line| Some((i32::try_from(line.sku).ok()?, i32::try_from(line.quantity).ok()?))),
    );
    lines.sort_unstable();
    lines.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 += next.1;
        }
        is_same
    });
}

#[expect(clippy::needless_pass_by_value, reason = "to be handed to map_err")]
fn failed(error: tokio_postgres::Error) -> LoadError {
    let detail = error.as_db_error().map(ToString::to_string).unwrap_or_default();
    LoadError::Usage(format!("PostgreSQL: {error} {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Line;

    #[test]
    fn lines_of_one_sku_are_one_and_skus_stand_in_order() {
        let line = |sku, quantity| Line { sku, quantity, price_micros: 1 };
        let order = Order { lines: vec![line(7, 1), line(2, 3), line(7, 2)], ..Order::default() };
        let mut lines = vec![(9, 9)];
        summed(&order, &mut lines);
        assert_eq!(lines, [(2, 3), (7, 3)]);
    }
}
