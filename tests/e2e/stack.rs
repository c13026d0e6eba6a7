//! A stack of the test's own: started by the front door, taken down when the test ends, passed or failed.

use e2e::repository;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

pub struct Stack {
    port_base: String,
    /// Where the stack keeps everything.
    var: PathBuf,
    description: Value,
}

impl Stack {
    /// Starts a stack without fleet, whose clock shows `clock`.
    pub fn up(port_base: u16, schools: u32, clock: &str) -> Stack {
        Stack::start(port_base, &["--no-fleet", "--schools", &schools.to_string(), "--clock", clock])
    }

    /// Starts one service alone.
    pub fn only(port_base: u16, service: &str) -> Stack {
        Stack::start(port_base, &["--only", service])
    }

    fn start(port_base: u16, arguments: &[&str]) -> Stack {
        let var = std::env::temp_dir().join(format!("classpulse-e2e-{}-{port_base}", std::process::id()));
        let mut stack = Stack { port_base: port_base.to_string(), var, description: Value::Null };
        let output = stack.run(&[&["up", "--detach"], arguments].concat());
        assert!(output.status.success(), "up failed:\n{}", text(&output));
        let file = std::fs::read(stack.var.join("stack.json")).expect("up wrote stack.json");
        stack.description = serde_json::from_slice(&file).unwrap();
        stack
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(repository().join("classpulse"));
        command.args(arguments).args(["--port-base", &self.port_base]).env("CLASSPULSE_VAR", &self.var);
        command.current_dir(repository()).output().expect("./classpulse runs")
    }

    /// An address of `stack.json`, e.g. `edge`.
    pub fn address(&self, name: &str) -> &str {
        self.description[name].as_str().unwrap()
    }

    /// A user token.
    pub fn user_token(&self, role: &str, scope: &str) -> String {
        let output = self.run(&["token", "user", "--role", role, "--scope", scope]);
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The devices that the seed made, one JSON object each.
    pub fn devices(&self) -> Vec<Value> {
        let lines = std::fs::read_to_string(self.var.join("fleet/devices.ndjson")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let output = self.run(&["down"]);
        if output.status.success() && !std::thread::panicking() {
            drop(std::fs::remove_dir_all(&self.var));
        } else {
            eprint(&format!("the stack's files are left in {}\n{}", self.var.display(), text(&output)));
        }
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[allow(clippy::print_stderr, reason = "the test's own diagnosis")]
fn eprint(text: &str) {
    eprintln!("{text}");
}
