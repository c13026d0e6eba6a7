//! A registry and a Kafka of the bench's own.

use crate::edge::kafka::Kafka;
use crate::edge::process::Service;
use crate::launcher;
use anyhow::{Context, ensure};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// A running registry with a seeded store; stopped and removed when dropped.
pub struct Registry {
    service: Service,
    directory: PathBuf,
    settings: Vec<(String, String)>,
    _kafka: Kafka,
}

impl Registry {
    /// Seeds a store and serves it.
    pub fn start(port_base: u16, schools: u32) -> anyhow::Result<Registry> {
        let kafka = Kafka::start(port_base)?;
        let directory = launcher::directory(port_base).join("bench-registry");
        std::fs::create_dir_all(&directory)?;
        let port = port_base + 90;
        let file = |name: &str| directory.join(name).display().to_string();
        let settings = [
            ("SERVER__LISTEN", SocketAddr::from(([127, 0, 0, 1], port)).to_string()),
            ("STORE__PATH", file("store.sqlite")),
            ("KEYS__DIR", file("keys")),
            ("FLEET__DEVICES_FILE", file("devices.ndjson")),
            ("KAFKA__BOOTSTRAP", kafka.bootstrap().to_owned()),
            // All of them come from one address here.
            ("ENROLMENT__PER_MINUTE", "0".to_owned()),
            ("LOG__FILTER", "warn,rdkafka::client=off".to_owned()),
        ];
        let settings: Vec<_> =
            settings.into_iter().map(|(key, value)| (format!("CLASSPULSE_REGISTRY__{key}"), value)).collect();
        output(&settings, &["seed", "--schools", &schools.to_string()])?;
        let mut command = command(&settings)?;
        // Ready once the whole province is published: what is measured afterwards does not compete with that.
        let service = Service::start(command.arg("serve"), port, "/readyz")?;
        Ok(Registry { service, directory, settings, _kafka: kafka })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// The token of the province's administrator.
    pub fn token(&self) -> anyhow::Result<String> {
        output(&self.settings, &["token", "user", "--role", "province_admin", "--scope", "440000"])
    }

    /// Highest resident memory so far, bytes.
    pub fn peak(&self) -> anyhow::Result<f64> {
        self.service.process().peak()
    }

    /// For the report.
    pub fn describe(&self) -> anyhow::Result<String> {
        let devices =
            std::fs::read(self.directory.join("devices.ndjson"))?.iter().filter(|byte| **byte == b'\n').count();
        Ok(format!("{} schools, {devices} devices", super::SCHOOLS))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // The files go with the rest of the stack's directory, too; either way nothing more can be done here.
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

fn command(settings: &[(String, String)]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?.with_file_name("registry"));
    command.envs(settings.iter().cloned());
    Ok(command)
}

fn output(settings: &[(String, String)], words: &[&str]) -> anyhow::Result<String> {
    let output = command(settings)?.args(words).output().context("start the registry")?;
    ensure!(output.status.success(), "registry {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
