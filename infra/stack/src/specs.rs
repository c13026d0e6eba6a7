//! What each service is started from.

use crate::logic::manifest::url;
use crate::logic::plan::{Instance, Kind};
use crate::logic::ports::Ports;
use crate::paths::Paths;
use crate::probe::Health;
use crate::supervisor::{Spec, StopBy};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How long a service may take to stop. Services drain within 10 s; Kafka and ClickHouse close their files.
const GRACE: Duration = Duration::from_secs(20);

/// One instance: program, arguments, log, health.
#[must_use]
pub fn spec(instance: Instance, ports: Ports, paths: &Paths) -> Spec {
    let port = ports.of(instance.kind, instance.number);
    let http = |path| Health::Http { port, path };
    let at = |path: &str| Some(format!("{}{path}", url(port)));
    let name = instance.name();
    let (program, arguments, health, urls) = match instance.kind {
        Kind::Kafka => ("java".into(), kafka_arguments(paths), Health::Tcp { port }, (None, None)),
        Kind::ClickHouse => {
            let urls = (at("/ping"), at("/metrics"));
            (paths.binary("clickhouse-local-server"), clickhouse_arguments(ports, paths), http("/ping"), urls)
        }
        kind => {
            let mut arguments = if kind == Kind::Registry { vec!["serve".into()] } else { Vec::new() };
            arguments.extend(["--config".into(), paths.config(&name).into()]);
            (paths.program(&name, kind.name()), arguments, http("/readyz"), (at("/readyz"), at("/metrics")))
        }
    };
    let stop_by = if instance.kind == Kind::ClickHouse { StopBy::Stdin } else { StopBy::Signal };
    let log = paths.log(&name);
    Spec { instance, program, arguments, log, stop_by, grace: GRACE, health, urls }
}

/// Arguments of `java` that run a class of Kafka.
#[must_use]
pub fn kafka_java(paths: &Paths, heap: &str, class: &str) -> Vec<OsString> {
    let logging = paths.root.join("infra/kafka/log4j2.xml");
    let mut jars = paths.shared.join("lib/kafka").into_os_string();
    jars.push("/*");
    vec![
        heap.into(),
        // A pause of a few milliseconds for a small heap, and no collector threads beside the others' work.
        "-XX:+UseSerialGC".into(),
        format!("-Dlog4j2.configurationFile=file:{}", logging.display()).into(),
        "-cp".into(),
        jars,
        class.into(),
    ]
}

fn kafka_arguments(paths: &Paths) -> Vec<OsString> {
    let mut arguments = kafka_java(paths, "-Xmx512m", "kafka.Kafka");
    arguments.push(paths.var.join("etc/kafka.properties").into());
    arguments
}

fn clickhouse_arguments(ports: Ports, paths: &Paths) -> Vec<OsString> {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let library = format!("lib/clickhouse/node_modules/@chdb/lib-linux-{machine}-gnu/libchdb.so");
    let values: [(&str, PathBuf); 5] = [
        ("--library", paths.shared.join(library)),
        ("--path", paths.var.join("clickhouse")),
        ("--config-file", paths.root.join("infra/clickhouse/config.xml")),
        ("--http-port", ports.of(Kind::ClickHouse, 1).to_string().into()),
        ("--tcp-port", ports.clickhouse_native().to_string().into()),
    ];
    values.into_iter().flat_map(|(name, value)| [name.into(), value.into()]).collect()
}
