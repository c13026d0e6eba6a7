//! `rebuild`, `dead`, `audit` and `corrections`: the processors' own commands, on the stack's Kafka and ClickHouse.

use crate::cli::Target;
use crate::paths::Paths;
use anyhow::{Context, Result, bail};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Hands over to the processors' command. It gives way to the services, which have the same processor cores.
///
/// # Errors
/// A port base that is none, or a stack that was never up.
pub fn run(command: &str, words: Vec<String>) -> Result<()> {
    let wants_help = words.iter().any(|word| word == "--help" || word == "-h");
    let (port_base, words) = port_base(words)?;
    let paths = Paths::of(&Target { port_base })?;
    let (config, processors) = (paths.config("processors"), paths.binary("processors"));
    let mut nice = Command::new("nice");
    nice.args(["-n", "10"]).arg(&processors);
    if !wants_help {
        if !config.exists() {
            bail!("this stack was never up: ./classpulse up");
        }
        nice.arg("--config").arg(config);
    }
    let error = nice.arg(command).args(words).exec();
    Err(error).with_context(|| format!("start {}", processors.display()))
}

/// Takes `--port-base P` or `--port-base=P` out of the words.
pub(super) fn port_base(words: Vec<String>) -> Result<(Option<u16>, Vec<String>)> {
    let (mut base, mut rest, mut words) = (None, Vec::new(), words.into_iter());
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--port-base") {
            Some("") => words.next(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => {
                rest.push(word);
                continue;
            }
        };
        let value = value.context("--port-base wants a number")?;
        base = Some(
            value
                .parse()
                .ok()
                .filter(|base| (1024..=65_000).contains(base))
                .with_context(|| format!("{value} is no port base"))?,
        );
    }
    Ok((base, rest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_launchers_word_is_taken_out_wherever_it_stands() {
        for text in ["--days A..B --port-base 9000 --swap", "--port-base=9000 --days A..B --swap"] {
            assert_eq!(port_base(words(text)).unwrap(), (Some(9000), words("--days A..B --swap")));
        }
        assert_eq!(port_base(words("list")).unwrap(), (None, words("list")));
        assert!(port_base(words("--port-base")).is_err() && port_base(words("--port-base x")).is_err());
    }
}
