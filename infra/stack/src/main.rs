//! `stack`: the launcher of the local stack. `./classpulse` builds what is needed and hands over to it.

use clap::Parser;
use stack::cli::{Cli, Command};
use stack::commands;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Up(options) => commands::up::run(&options),
        Command::Launch(options) => commands::up::launch(&options),
        Command::Down(target) => commands::service::down(&target),
        Command::Stop(one) => commands::service::stop(&one),
        Command::Start(one) => commands::service::start(&one),
        Command::Grow(options) => commands::grow::run(&options),
        Command::Status(target) => commands::status::run(&target),
        Command::Logs(options) => commands::logs::run(&options),
        Command::Token(options) => commands::token::run(&options),
        Command::Rebuild(given) => commands::processors::run("rebuild", given.words),
        Command::Dead(given) => commands::processors::run("dead", given.words),
        Command::Audit(given) => commands::processors::run("audit", given.words),
        Command::Corrections(given) => commands::processors::run("corrections", given.words),
        Command::Agent(given) => commands::agent::run(given.words),
        Command::Registry(given) => commands::registry::run(given.words),
        Command::Reset(target) => commands::reset::run(&target),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            stack::console::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
