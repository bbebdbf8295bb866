//! Built with the feature `libfuzzer` (`.ci/fuzz`): libFuzzer, on the target that `ONHAND_FUZZ_TARGET` names. Else:
//! `onhand-fuzz TARGET FILE…` gives a target some inputs, and `onhand-fuzz seeds` makes the corpora again.

#![cfg_attr(feature = "libfuzzer", no_main)]
#![cfg_attr(not(feature = "libfuzzer"), allow(clippy::print_stdout, reason = "a tool: it prints"))]

#[cfg(feature = "libfuzzer")]
mod harness {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::LazyLock;

    static TARGET: LazyLock<onhand_fuzz::Target> = LazyLock::new(|| {
        let name = std::env::var("ONHAND_FUZZ_TARGET").unwrap_or_default();
        onhand_fuzz::target(&name).unwrap_or_else(|| panic!("ONHAND_FUZZ_TARGET={name} is no target"))
    });

    // What panics and is caught in production, a merchant whose records contradict each other say, is no finding; what
    // comes out of a target is. libFuzzer's own hook would end the process in both cases.
    libfuzzer_sys::fuzz_target!(
        init: std::panic::set_hook(Box::new(|_| {})),
        |input: &[u8]| {
            let target = *TARGET;
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                eprintln!("finding: {text}");
                std::process::abort();
            }
        }
    );
}

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((seeds, [])) if seeds == "seeds" => match onhand_fuzz::seeds::write() {
            Ok(count) => println!("{count} seeds"),
            Err(error) => {
                println!("{error}");
                return ExitCode::FAILURE;
            }
        },
        Some((name, files)) if !files.is_empty() => {
            let Some(target) = onhand_fuzz::target(name) else {
                println!("{name} is no target");
                return ExitCode::from(2);
            };
            for file in files {
                match std::fs::read(file) {
                    Ok(input) => target(&input),
                    Err(error) => {
                        println!("{file}: {error}");
                        return ExitCode::from(2);
                    }
                }
                println!("{file}: no finding");
            }
        }
        _ => {
            println!("usage: onhand-fuzz TARGET FILE… | onhand-fuzz seeds");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
