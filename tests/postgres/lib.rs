//! A PostgreSQL server of a test's own: the distribution's package, data in a temporary directory, gone with the test.

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Names the server that the tests of [`run_again`] use.
const SERVER: &str = "CLASSPULSE_TEST_DATABASE";
/// Where Debian's packages put the server, by version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who the server runs as where the tests run as root, which PostgreSQL refuses.
const ACCOUNT: &str = "postgres";
/// How long it may take to answer.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// The role and the database that the tests use.
const NAME: &str = "registry";

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Child,
    port: u16,
    programs: PathBuf,
    directory: TempDir,
}

impl Server {
    /// The role's password over TCP.
    pub const PASSWORD: &str = "of-a-test";

    /// Makes a cluster with one database, and serves it on loopback.
    ///
    /// # Errors
    /// The package is not installed, or the server does not start.
    pub fn start() -> Result<Server> {
        Server::start_with(|_| Ok(Vec::new()))
    }

    /// The same with a certificate for 127.0.0.1, by a root of its own: [`Server::root`].
    ///
    /// # Errors
    /// A package is not installed, or the server does not start.
    pub fn start_with_tls() -> Result<Server> {
        Server::start_with(|directory| {
            certify(directory)?;
            let file = |name: &str| directory.join(name).display().to_string();
            let (certificate, key) = (file("server.crt"), file("server.key"));
            Ok(vec!["ssl=on".into(), format!("ssl_cert_file={certificate}"), format!("ssl_key_file={key}")])
        })
    }

    /// `settings`: further ones, given what it may put into the server's directory.
    fn start_with(settings: impl FnOnce(&Path) -> Result<Vec<String>>) -> Result<Server> {
        let programs = programs()?;
        let directory = tempfile::Builder::new().prefix("classpulse-postgres-").tempdir()?;
        hand_over(directory.path())?;
        let password = directory.path().join("password");
        fs::write(&password, Server::PASSWORD)?;
        hand_over(&password)?;
        let data = directory.path().join("data");
        let mut initdb = as_account(&programs.join("initdb"));
        initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password).args(["--username", NAME]);
        initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(&mut initdb)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = settings(directory.path())?;
        let process = serve(&programs, directory.path(), &data, port, &settings)?;
        let mut server = Server { process, port, programs, directory };
        server.wait_until_ready()?;
        server.client("createdb", &[NAME])?;
        Ok(server)
    }

    /// The database's URL, with the password.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(NAME, Server::PASSWORD)
    }

    /// The database's URL, without the password.
    #[must_use]
    pub fn address(&self) -> String {
        format!("postgres://{NAME}@127.0.0.1:{}/{NAME}", self.port)
    }

    /// The URL of another database, or with another password.
    #[must_use]
    pub fn url_of(&self, database: &str, password: &str) -> String {
        format!("postgres://{NAME}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The root that the server's certificate is signed by.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root.crt")
    }

    /// Runs SQL in a database, as the owner of the server.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn sql(&self, database: &str, sql: &str) -> Result<()> {
        self.client("psql", &["--quiet", "--set=ON_ERROR_STOP=1", "--dbname", database, "--command", sql])
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while self.client("pg_isready", &["--quiet"]).is_err() {
            let log = || fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            ensure!(self.process.try_wait()?.is_none(), "PostgreSQL ended:\n{}", log());
            ensure!(begun.elapsed() < READY_WITHIN, "PostgreSQL is not ready:\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn client(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let mut client = Command::new(self.programs.join(program));
        client.arg("--host").arg(self.directory.path()).args(["--port", &self.port.to_string(), "--username", NAME]);
        run(client.args(arguments))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Ok(pid) = i32::try_from(self.process.id()) else { return };
        // Without waiting for clients. If it is gone already, there is nothing to end.
        let _gone = kill(Pid::from_raw(pid), Signal::SIGQUIT).is_err();
        let _ended = self.process.wait().is_ok();
    }
}

/// The newest server that is installed.
fn programs() -> Result<PathBuf> {
    let entries = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok());
    let installed = entries.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").exists());
    let newest = installed.max_by_key(version);
    let found = newest.map(|path| path.join("bin"));
    found.context("PostgreSQL's server is not installed: `./classpulse test` does it, or `apt-get install postgresql`")
}

fn is_root() -> Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

/// Gives a file to the account that the server runs as.
fn hand_over(path: &Path) -> Result<()> {
    if is_root()? {
        let passwd = fs::read_to_string("/etc/passwd")?;
        let line = passwd.lines().find(|line| line.split(':').next() == Some(ACCOUNT));
        let line = line.context("there is no account postgres; the package postgresql makes it")?;
        let numbers: Vec<u32> = line.split(':').filter_map(|field| field.parse().ok()).collect();
        let [uid, gid, ..] = numbers[..] else { bail!("/etc/passwd: {line}") };
        chown(path, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// A program of the server, that is told to end when the thread ends that starts it.
fn as_account(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root().unwrap_or(false) {
        command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]);
    }
    // The account may not be allowed into the directory of the tests.
    command.arg(program).current_dir("/").env_remove("PGDATA");
    command
}

/// Makes a root, and a certificate of it for 127.0.0.1 with a key that the server may read.
fn certify(directory: &Path) -> Result<()> {
    fs::write(directory.join("names"), "subjectAltName=IP:127.0.0.1")?;
    for arguments in [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=root -keyout root.key -out root.crt",
        "req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA root.crt -CAkey root.key -CAcreateserial -days 2 -extfile names -out server.crt",
    ] {
        run(Command::new("openssl").args(arguments.split(' ')).current_dir(directory))?;
    }
    let key = directory.join("server.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    hand_over(&key)
}

fn serve(programs: &Path, directory: &Path, data: &Path, port: u16, settings: &[String]) -> Result<Child> {
    let mut command = as_account(&programs.join("postgres"));
    command.arg("-D").arg(data).args(["-p", &port.to_string(), "-k"]).arg(directory);
    // What a test writes need not survive the machine.
    for setting in ["fsync=off", "full_page_writes=off", "max_connections=400", "listen_addresses=127.0.0.1"] {
        command.args(["-c", setting]);
    }
    for setting in settings {
        command.args(["-c", setting]);
    }
    let log = File::create(directory.join("log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().context("start PostgreSQL")
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {command:?}"))?;
    let text = || String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{command:?}: {}\n{}", output.status, text());
    Ok(())
}

/// A schema of its own for the test whose files are in `directory`, as a URL, if the tests are to use a server; the same
/// schema for the same directory.
///
/// # Errors
/// The server refuses it.
pub fn schema_for(directory: &Path) -> Result<Option<String>> {
    let Ok(url) = std::env::var(SERVER) else { return Ok(None) };
    let name = directory.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let plain = |character: char| character.is_ascii_alphanumeric();
    let schema = format!("test_{}", name.chars().filter(|c| plain(*c)).collect::<String>().to_lowercase());
    let mut psql = Command::new(programs()?.join("psql"));
    psql.args(["--quiet", "--set=ON_ERROR_STOP=1", "--dbname", &url, "--command"]);
    run(psql.arg(format!("SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS {schema}")))?;
    Ok(Some(format!("{url}?options=-csearch_path%3D{schema}")))
}

/// Runs tests of this binary again, each in a schema of a server of their own: those whose names contain one of `names`,
/// or all; those whose names contain `on_postgresql` are left out, because they call this.
///
/// # Errors
/// One of them fails, fewer than `at_least` are run, or there is no server.
pub fn run_again(names: &[&str], at_least: usize) -> Result<()> {
    let server = Server::start()?;
    let mut tests = Command::new(std::env::current_exe()?);
    tests.args(names).args(["--skip", "on_postgresql"]).env(SERVER, server.url());
    let output = tests.stdin(Stdio::null()).output()?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "on PostgreSQL:\n{text}");
    let passed = text.lines().filter(|line| line.starts_with("test ") && line.ends_with("... ok")).count();
    ensure!(passed >= at_least, "only {passed} tests were run on PostgreSQL:\n{text}");
    Ok(())
}
