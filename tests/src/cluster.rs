//! A throw-away Postgres cluster on 127.0.0.1.

use crate::failure::{Explain, Failure, Outcome};
use crate::guard::Guard;
use crate::ports::free_port;
use crate::process::tail;
use crate::programs::{self, Account};
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio_postgres::{Client, NoTls};

/// The superuser of every cluster here.
pub const OWNER: &str = "postgres";

/// Where the directories of clusters are made, and how their names begin. Short, because a Unix socket's path is limited to 107 bytes.
const PREFIX: &str = "/tmp/herald-";

/// Stops the cluster of programs $1 and directory $2, and removes the directory.
const REMOVE: &str = "\"$1/pg_ctl\" stop -s -m immediate -D \"$2/data\"; rm -rf -- \"$2\"";

/// What a cluster is started with.
pub struct ClusterOptions {
    /// Directory of the programs `initdb`, `pg_ctl` and `postgres`.
    pub bin: PathBuf,
    /// Whether commits wait for the disk. A killed server loses nothing either way, a crashed machine may.
    pub fsync: bool,
    /// More lines for postgresql.conf; they count more than ours.
    pub settings: Vec<String>,
    /// Room for its data in MiB, on a file system of its own in memory, which takes root.
    pub room: Option<u32>,
    /// A library that is loaded into the server's processes before all others; a copy of it is, which the server may read.
    pub preload: Option<PathBuf>,
}

impl ClusterOptions {
    /// The private Postgres 15 without fsync: what tests want.
    pub fn for_tests() -> Outcome<ClusterOptions> {
        Ok(ClusterOptions {
            bin: programs::postgres_bin()?,
            fsync: false,
            settings: Vec::new(),
            room: None,
            preload: None,
        })
    }
}

/// How Postgres is told to stop.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Ends the sessions, then ends.
    Fast,
    /// Ends like a crash: the next start recovers.
    Immediate,
}

/// A running cluster; its processes and files are gone when this value is dropped, or when this program ends in any way.
pub struct Cluster {
    directory: PathBuf,
    bin: PathBuf,
    port: u16,
    password: String,
    guard: Guard,
    /// Ends after `guard`: takes the file system of its data away.
    _room: Option<Guard>,
}

impl Cluster {
    /// Makes a cluster in a directory of its own and starts it.
    pub fn start(options: &ClusterOptions) -> Outcome<Cluster> {
        let account = Account::of_postgres()?;
        let directory = PathBuf::from(format!("{PREFIX}{:08x}", rand::random::<u32>()));
        DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .explain(|| format!("cannot make {}", directory.display()))?;
        account.own(&directory)?;
        let guard = Guard::arm(
            &account,
            REMOVE,
            &[options.bin.as_os_str(), directory.as_os_str()],
        )?;
        let password = format!("{:032x}", rand::random::<u128>());
        let room = match options.room {
            Some(megabytes) => Some(mount(&directory.join("data"), megabytes, &account)?),
            None => None,
        };
        let mut cluster = Cluster {
            directory,
            bin: options.bin.clone(),
            port: 0,
            password,
            guard,
            _room: room,
        };
        cluster.initialise(&account, options)?;
        for _ in 0..5 {
            cluster.port = free_port()?;
            match cluster.start_again() {
                // Somebody else took the port between our look and Postgres' bind.
                Err(_) if cluster.log_tail().contains("could not bind") => continue,
                started => return started.map(|()| cluster),
            }
        }
        Err(Failure::new(format!(
            "no free port stayed free; last log:\n{}",
            cluster.log_tail()
        )))
    }

    fn initialise(&self, account: &Account, options: &ClusterOptions) -> Outcome<()> {
        if let Some(library) = &options.preload {
            std::fs::copy(library, self.preload())
                .explain(|| format!("cannot copy {}", library.display()))?;
            account.own(&self.preload())?;
        }
        let password_file = self.directory.join("password");
        crate::process::private_file(&password_file)?.write_all(self.password.as_bytes())?;
        account.own(&password_file)?;
        let arguments = [
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
            "--username",
            OWNER,
        ];
        run(account
            .command(self.bin.join("initdb"))
            .args(arguments)
            .arg("--pgdata")
            .arg(self.data())
            .arg("--pwfile")
            .arg(password_file)
            .current_dir(&self.directory))?;
        let mut configuration = OpenOptions::new()
            .append(true)
            .open(self.data().join("postgresql.conf"))?;
        let durability = if options.fsync {
            ""
        } else {
            "fsync = off\nfull_page_writes = off\n"
        };
        write!(
            configuration,
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\nmax_prepared_transactions = 10\n\
             shared_buffers = 32MB\nlog_line_prefix = '%m [%p] %a '\n{durability}{}\n",
            self.directory.display(),
            options.settings.join("\n")
        )?;
        Ok(())
    }

    fn preload(&self) -> PathBuf {
        self.directory.join("preload.so")
    }

    /// Copies this running cluster, as `pg_basebackup` does, into a directory and to a port of its own, and starts the
    /// copy: a standby that follows this one, or a cluster that does not know that it is a copy.
    pub fn copy(&self, standby: bool) -> Outcome<Cluster> {
        let account = Account::of_postgres()?;
        let directory = PathBuf::from(format!("{PREFIX}{:08x}", rand::random::<u32>()));
        DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .explain(|| format!("cannot make {}", directory.display()))?;
        account.own(&directory)?;
        let guard = Guard::arm(
            &account,
            REMOVE,
            &[self.bin.as_os_str(), directory.as_os_str()],
        )?;
        let copy = Cluster {
            directory,
            bin: self.bin.clone(),
            port: free_port()?,
            password: self.password.clone(),
            guard,
            _room: None,
        };
        let mut backup = account.command(self.bin.join("pg_basebackup"));
        backup
            .args(["--checkpoint=fast", "--wal-method=stream", "--no-sync"])
            .args(standby.then_some("--write-recovery-conf"))
            .args(["--host=127.0.0.1", "--username", OWNER])
            .arg(format!("--port={}", self.port))
            .arg("--pgdata")
            .arg(copy.data())
            .env("PGPASSWORD", &self.password)
            .current_dir(&copy.directory);
        run(&mut backup)?;
        // The copied file names the first cluster's directory of sockets.
        let mut configuration = OpenOptions::new()
            .append(true)
            .open(copy.data().join("postgresql.conf"))?;
        writeln!(
            configuration,
            "unix_socket_directories = '{}'",
            copy.directory.display()
        )?;
        copy.start_again()?;
        Ok(copy)
    }

    /// Makes a standby a primary, on a timeline of its own.
    pub fn promote(&self) -> Outcome<()> {
        self.pg_ctl(&["promote"])
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Outcome<()> {
        let account = Account::of_postgres()?;
        let mut command = account.command(self.bin.join("pg_ctl"));
        if self.preload().exists() {
            command.env("LD_PRELOAD", self.preload());
        }
        run(command
            .args(["-s", "-w", "-D"])
            .arg(self.data())
            .args(arguments)
            .current_dir(&self.directory)
            // With it, pgrx puts a stack trace into the DETAIL of every error.
            .env_remove("RUST_BACKTRACE")
            // A server that inherits our pipes would keep them open for ever.
            .stdout(Stdio::null()))
        .map(|_| ())
    }

    /// Starts the stopped cluster, on the port it had.
    pub fn start_again(&self) -> Outcome<()> {
        let log = self.log();
        let port = format!("-p {}", self.port);
        self.pg_ctl(&["-o", &port, "-l", &log.to_string_lossy(), "start"])
            .map_err(|failure| {
                Failure::new(format!(
                    "Postgres does not start: {failure}\n{}",
                    self.log_tail()
                ))
            })
    }

    /// Stops the cluster and keeps its data.
    pub fn stop(&self, how: Stop) -> Outcome<()> {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        self.pg_ctl(&["-m", mode, "stop"])
    }

    /// Stops the cluster and starts it again.
    pub fn restart(&self, how: Stop) -> Outcome<()> {
        self.stop(how)?;
        self.start_again()
    }

    /// Has statements, one a line, run by a server of one process (`postgres --single`) while the cluster is stopped; that process
    /// is started by `program`. Returns what both wrote to standard error.
    pub fn single_user(
        &self,
        program: &[&str],
        database: &str,
        statements: &str,
    ) -> Outcome<String> {
        let input = self.directory.join("single_user.sql");
        std::fs::write(&input, statements)
            .explain(|| format!("cannot write {}", input.display()))?;
        let postgres = self.bin.join("postgres");
        let mut words = program.iter().map(OsStr::new).chain([postgres.as_os_str()]);
        let first = words.next().unwrap_or_default();
        let mut command = Account::of_postgres()?.command(first);
        let output = command
            .args(words)
            .args(["--single", "-D"])
            .arg(self.data())
            .arg(database)
            .current_dir(&self.directory)
            .env_remove("RUST_BACKTRACE")
            .stdin(File::open(&input)?)
            .output()
            .explain(|| "cannot run postgres --single".to_owned())?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.success() && !told.contains("ERROR:") {
            true => Ok(told),
            false => Err(Failure::new(format!(
                "postgres --single: {}\n{told}",
                output.status
            ))),
        }
    }

    /// Whether the server's first process is there.
    pub fn is_running(&self) -> bool {
        self.pg_ctl(&["status"]).is_ok()
    }

    /// Process id of the server's first process, the postmaster.
    pub fn postmaster_id(&self) -> Outcome<u32> {
        let path = self.data().join("postmaster.pid");
        let text =
            std::fs::read_to_string(&path).explain(|| format!("cannot read {}", path.display()))?;
        Ok(text.lines().next().unwrap_or_default().trim().parse()?)
    }

    /// Its own directory; other files of the same stack, such as logs, may be put there.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Directory of its programs.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.directory.join("postgres.log")
    }

    fn log_tail(&self) -> String {
        tail(&self.log(), 20)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connection URL of a database as the superuser.
    pub fn url(&self, database: &str) -> String {
        self.url_as(OWNER, &self.password, database)
    }

    /// Connection URL of a database as somebody.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        format!(
            "postgres://{user}:{password}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Connects to a database as the superuser.
    pub async fn connect(&self, database: &str) -> Outcome<Client> {
        connect(&self.url(database)).await
    }

    /// Dumps a database in pg_dump's custom format and restores it into a new one beside it.
    pub async fn restore_dump(&self, database: &str, restored: &str) -> Outcome<()> {
        let archive = self.directory().join("dump.custom");
        run(self
            .client_command("pg_dump")
            .args(["--format", "custom", "--file"])
            .arg(&archive)
            .arg(database))?;
        self.create_database(restored).await?;
        run(self
            .client_command("pg_restore")
            .args(["--exit-on-error", "--dbname", restored])
            .arg(&archive))?;
        Ok(())
    }

    /// Makes an empty database.
    pub async fn create_database(&self, name: &str) -> Outcome<()> {
        let client = self.connect(OWNER).await?;
        client
            .batch_execute(&format!("create database \"{name}\""))
            .await?;
        Ok(())
    }

    /// A command whose libpq programs connect here as the superuser: one of the cluster's own programs (`pg_dump`), or any path.
    pub fn client_command(&self, program: impl AsRef<OsStr>) -> Command {
        let own = self.bin.join(program.as_ref());
        let mut command = if own.is_file() {
            Command::new(own)
        } else {
            Command::new(program)
        };
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", OWNER)
            .env("PGPASSWORD", &self.password)
            .env_remove("PGDATABASE");
        command
    }

    /// Lets it run on after us; its directory says where it is, see [`remove`].
    pub fn leave_running(self) {
        self.guard.disarm();
    }
}

/// Takes the file system at $1 away once Postgres is gone from it, and what is left of the cluster's directory with it.
const UNMOUNT: &str = "for i in $(seq 300); do [ -e \"$1/postmaster.pid\" ] || break; sleep 0.1; done; \
                       umount -l \"$1\"; rm -rf -- \"${1%/data}\"";

/// Puts a file system in memory of this size at `path`; it is gone with the guard.
fn mount(path: &Path, megabytes: u32, account: &Account) -> Outcome<Guard> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .explain(|| format!("cannot make {}", path.display()))?;
    let guard = Guard::arm(&Account::current(), UNMOUNT, &[path.as_os_str()])?;
    run(Command::new("mount")
        .args(["-t", "tmpfs", "-o"])
        .arg(format!("size={megabytes}m,mode=0700"))
        .arg("tmpfs")
        .arg(path))?;
    account.own(path)?;
    Ok(guard)
}

/// Whether [`ClusterOptions::room`] can be had here.
pub fn can_mount() -> bool {
    let directory =
        std::env::temp_dir().join(format!("herald-mount-{:08x}", rand::random::<u32>()));
    let account = Account::current();
    if DirBuilder::new().create(&directory).is_err() {
        return false;
    }
    mount(&directory.join("data"), 1, &account).is_ok()
}

/// Stops a cluster that was left running and removes its files; a directory that is gone already is fine.
pub fn remove(directory: &Path, bin: &Path) -> Outcome<()> {
    if !directory.to_string_lossy().starts_with(PREFIX) {
        return Err(Failure::new(format!(
            "{} is no directory of a throw-away cluster",
            directory.display()
        )));
    }
    if !directory.exists() {
        return Ok(());
    }
    let data = directory.join("data");
    if data.join("postmaster.pid").exists() {
        // Fails when the server died and left its pid file behind; removing the files is then all there is to do.
        let _stopped = run(Account::of_postgres()?
            .command(bin.join("pg_ctl"))
            .args(["-s", "-m", "immediate", "-D"])
            .arg(data)
            .arg("stop"));
    }
    std::fs::remove_dir_all(directory).explain(|| format!("cannot remove {}", directory.display()))
}

/// Connects by URL, without TLS: everything is on this machine.
pub async fn connect(url: &str) -> Outcome<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Its errors reach the client's next call as well.
    tokio::spawn(connection);
    Ok(client)
}

/// Runs a command to its end; its standard output, or a failure with what it wrote to standard error.
pub fn run(command: &mut Command) -> Outcome<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .explain(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "{program}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
