//! Instructions, counted by Valgrind.
//!
//! Cachegrind without its caches counts every instruction of user space exactly and is a third as slow as Callgrind; who
//! calls whom is asked of that one by hand. What the kernel does is not counted. The processor that Valgrind shows a
//! process has AVX2 and no AVX-512, whatever the machine has beyond: checksums and hashes take the same way everywhere.

use crate::cases::{BEFORE, Case};
use std::process::{Child, Command, Stdio};

const VALGRIND: &str = "valgrind";

const TOOL: [&str; 3] = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"];

/// Variables that a counted process sees: how many there are moves its stack, and with it what is aligned.
const VARIABLES: [&str; 2] = ["PATH", "TMPDIR"];

/// Instructions of one operation of a case, rounded. Both runs go on at once.
pub(crate) fn instructions(case: &Case) -> Result<u64, String> {
    let runs = [BEFORE, case.rounds_max()].map(|rounds| begin(case, rounds));
    let [few, many] = runs.map(|run| run.and_then(total));
    let (few, many) = (few?, many?);
    let operations = case.rounds * case.each;
    let taken = many.checked_sub(few).ok_or_else(|| format!("{}: more rounds took less", case.name))?;
    Ok((taken + operations / 2) / operations)
}

fn begin(case: &Case, rounds: u64) -> Result<Child, String> {
    let this = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let mut command = Command::new(VALGRIND);
    command.args(TOOL).arg(this).arg(case.name).arg(rounds.to_string()).env_clear();
    command.envs(VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    child.map_err(|error| format!("{VALGRIND}: {error}; benches/instructions/install installs it"))
}

fn total(child: Child) -> Result<u64, String> {
    let output = child.wait_with_output().map_err(|error| format!("{VALGRIND}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let total = output.status.success().then(|| references(&said)).flatten();
    total.ok_or_else(|| format!("{VALGRIND} did not count:\n{said}"))
}

/// The number in `==123== I   refs:      468,966,116`.
fn references(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains(" I ") && line.contains(" refs:"))?;
    let digits = line.rsplit(':').next()?.trim().replace(',', "");
    digits.parse().ok()
}

/// The version of Valgrind.
pub(crate) fn version() -> Result<String, String> {
    said(Command::new(VALGRIND).arg("--version"))
        .map(|said| said.trim().trim_start_matches("valgrind-").to_owned())
        .map_err(|error| format!("{error}; benches/instructions/install installs it"))
}

/// What a command says.
pub(crate) fn said(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_instructions_is_read() {
        let said = "==7== Cachegrind, a cache profiler\n==7== \n==7== I   refs:      468,966,116\n";
        assert_eq!(references(said), Some(468_966_116));
        assert_eq!(references("==7== I refs:        12\n"), Some(12));
        assert_eq!(references("==7== Command: counted\n"), None);
        assert_eq!(references("==7== I   refs:      \n"), None);
    }
}
