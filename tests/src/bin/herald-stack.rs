//! The part of `./dev` that starts and removes clusters, simulators and daemons.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use herald_tests::cluster::{Cluster, ClusterOptions};
use herald_tests::detached::{self, Up};
use herald_tests::{Failure, Outcome, demo, figures, programs, stack};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Starts throw-away stacks of pg_herald: Postgres, the Twilio simulator and the daemon.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show the whole way of one text, then remove everything.
    Demo,
    /// Start a stack and leave it running.
    Up {
        /// Directory for the files `env` and `state`.
        directory: PathBuf,
    },
    /// End and remove what `up` started.
    Down {
        /// The directory given to `up`.
        directory: PathBuf,
    },
    /// Show the figures of the fault tests as a table.
    Figures {
        /// The file the tests have added their rows to.
        file: PathBuf,
    },
    /// Run a command with PGHOST, PGPORT, PGUSER and PGPASSWORD of a fresh cluster, and HERALD_TEST_DATABASE_URL of a database
    /// made with --install.
    Cluster {
        /// Directory of the Postgres programs; the private Postgres 15 by default.
        #[arg(long)]
        bin: Option<PathBuf>,
        /// Make this database first and install pg_herald in it.
        #[arg(long, value_name = "DATABASE")]
        install: Option<String>,
        /// The command with its arguments.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let verb = async {
        tokio::select! {
            outcome = run(Arguments::parse().verb) => outcome,
            interrupted = interruption() => Err(interrupted?),
        }
    };
    match verb.await {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C or SIGTERM: leaving `run` drops, and so removes, what it started.
async fn interruption() -> Outcome<Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(Failure::new(
        "interrupted; everything that was started has been removed",
    ))
}

async fn run(verb: Verb) -> Outcome<ExitCode> {
    match verb {
        Verb::Demo => demo::run().await?,
        Verb::Figures { file } => print!("{}", figures::markdown(figures::read(&file)?)),
        Verb::Up { directory } => up(&directory).await?,
        Verb::Down { directory } => match detached::down(&directory)? {
            true => println!("stopped and removed"),
            false => println!("nothing is running"),
        },
        Verb::Cluster {
            bin,
            install,
            command,
        } => return in_cluster(bin, install, &command).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn up(directory: &Path) -> Outcome<()> {
    let env = directory.join("env");
    match detached::up(directory).await? {
        Up::AlreadyRunning => println!(
            "running already; {} says where (./dev down ends it)",
            env.display()
        ),
        Up::Started => println!("running; {} says where:", env.display()),
    }
    for line in std::fs::read_to_string(&env)?.lines() {
        println!("  {line}");
    }
    println!(
        "\nA first text, in ./dev psql:\n\
         \x20 insert into herald.user_notification_preferences (user_id, sms_enabled) values (md5('ann')::uuid, true);\n\
         \x20 insert into herald.user_sms_preferences (user_id, phone_number, phone_verified, quiet_hours_start, quiet_hours_end)\n\
         \x20     values (md5('ann')::uuid, '+15005550123', true, '00:00', '00:00');\n\
         \x20 insert into herald.notification_subscriptions (user_id, event_type) values (md5('ann')::uuid, 'task.due_soon');\n\
         \x20 select emit_notification_event(event_type => 'task.due_soon', target_user_id => md5('ann')::uuid,\n\
         \x20     payload => '{{\"task_name\": \"Water the plants\", \"due_time\": \"5 pm\"}}');\n\
         \x20 select status, message_content from herald.sms_messages;"
    );
    Ok(())
}

async fn in_cluster(
    bin: Option<PathBuf>,
    install: Option<String>,
    command: &[OsString],
) -> Outcome<ExitCode> {
    let bin = bin.map_or_else(programs::postgres_bin, Ok)?;
    let cluster = Cluster::start(&ClusterOptions {
        bin,
        ..ClusterOptions::for_tests()?
    })?;
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::new("no command given"));
    };
    let mut command = cluster.client_command(program);
    if let Some(database) = install {
        cluster.create_database(&database).await?;
        stack::install(&cluster.connect(&database).await?).await?;
        command.env("HERALD_TEST_DATABASE_URL", cluster.url(&database));
    }
    let status = tokio::process::Command::from(command)
        .args(arguments)
        .kill_on_drop(true)
        .status()
        .await?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
