//! Restore safety: before anything is sent, the database and this daemon agree that it is the one that was armed.

use std::path::Path;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use tokio_postgres::error::SqlState;

use crate::cli::ArmArgs;
use crate::config::Config;
use crate::database::{Database, DatabaseError};
use crate::error::chain;
use crate::exit::Exit;
use crate::link::Link;
use crate::output::print;
use crate::protocol::arming::{Remembered, Seen, Verdict, judge};
use crate::state::{self, StateError};
use crate::store;

fn unusable(error: &StateError) -> DatabaseError {
    DatabaseError::Unusable(chain(error))
}

/// Looks, judges, and remembers. An error unless sending is armed for the database that this connection leads to. Returns
/// whether that was armed anew since the last time: by somebody else, while we were not looking.
pub(crate) async fn confirm(link: &mut Link, directory: &Path) -> Result<bool, DatabaseError> {
    let known = state::recall(directory).map_err(|error| unusable(&error))?;
    let seen = look(link, known.as_ref()).await?;
    let arming = match judge(&seen, known.as_ref()) {
        Verdict::Armed(arming) => arming,
        Verdict::First => arm_first(link).await?,
        Verdict::Refused(reasons) => return Err(DatabaseError::NotArmed(reasons.join("; "))),
    };
    if known.as_ref() != Some(&arming) {
        state::remember(directory, &arming).map_err(|error| unusable(&error))?;
    }
    Ok(known.is_some_and(|known| known.arming_id != arming.arming_id))
}

/// What the daemon would decide. Changes nothing.
pub(crate) async fn verdict(link: &mut Link, directory: &Path) -> Result<Verdict, DatabaseError> {
    let known = state::recall(directory).map_err(|error| unusable(&error))?;
    let seen = look(link, known.as_ref()).await?;
    Ok(judge(&seen, known.as_ref()))
}

async fn look(link: &mut Link, known: Option<&Remembered>) -> Result<Seen, DatabaseError> {
    store::identity(link, known.map(|known| known.arming_id)).await
}

/// A new installation. Another daemon may be quicker; we have judged the same.
async fn arm_first(link: &mut Link) -> Result<Remembered, DatabaseError> {
    match store::arm(link, true).await {
        Ok(_) => tracing::info!("new installation: sending is armed for this database"),
        Err(error) if error.sqlstate() == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) => {}
        Err(error) => return Err(error),
    }
    remembered(&look(link, None).await?)
}

/// What is to be remembered of a database that is armed now.
fn remembered(seen: &Seen) -> Result<Remembered, DatabaseError> {
    match &seen.armed {
        Some((arming_id, place)) if *place == seen.place => Ok(Remembered {
            install_id: seen.install_id,
            arming_id: *arming_id,
            place: place.clone(),
            wal_position: seen.wal_position,
        }),
        _ => Err(DatabaseError::NotArmed(
            "sending is armed for another database than this one".to_owned(),
        )),
    }
}

/// `herald arm`: says what has changed, and with `--yes` makes this the database to send from.
pub(crate) async fn arm(config: &Config, args: &ArmArgs) -> Exit {
    let database = match Database::new(&config.database) {
        Ok(database) => Arc::new(database),
        Err(problem) => {
            eprintln!("herald: {problem}");
            return Exit::Config;
        }
    };
    let mut link = Link::new(database, Counter::default());
    match decide(&mut link, &config.state_dir, args).await {
        Ok((exit, text)) => {
            print(&text);
            exit
        }
        Err(error) => {
            eprintln!("herald: {}", chain(&error));
            match error {
                DatabaseError::Unusable(_) => Exit::Config,
                _ => Exit::Unavailable,
            }
        }
    }
}

async fn decide(
    link: &mut Link,
    directory: &Path,
    args: &ArmArgs,
) -> Result<(Exit, String), DatabaseError> {
    let known = match state::recall(directory) {
        // The deliberate act is the way out of this, too.
        Err(StateError::Unreadable { .. }) if args.yes => None,
        known => known.map_err(|error| unusable(&error))?,
    };
    let seen = look(link, known.as_ref()).await?;
    let keep =
        |arming: &Remembered| state::remember(directory, arming).map_err(|error| unusable(&error));
    let place = link.place().to_owned();
    let reasons = match judge(&seen, known.as_ref()) {
        Verdict::Armed(arming) => {
            keep(&arming)?;
            return Ok((Exit::Done, format!("sending is armed for {place}\n")));
        }
        Verdict::First => {
            keep(&arm_first(link).await?)?;
            let text = format!("sending is armed for {place}, for the first time\n");
            return Ok((Exit::Done, text));
        }
        Verdict::Refused(reasons) => reasons,
    };
    let mut text = format!("sending is not armed for {place}:\n");
    for reason in &reasons {
        text += &format!("  {reason}\n");
    }
    if args.join {
        let Ok(arming) = remembered(&seen) else {
            text += "not joined: no other daemon sends from this database\n";
            return Ok((Exit::Problems, text));
        };
        keep(&arming)?;
        text += "joined: this daemon sends from it as well\n";
        return Ok((Exit::Done, text));
    }
    if !args.yes {
        text += &format!(
            "{} texts and broadcasts wait in it. If it is the one to send from, and no other copy of it sends: herald arm --yes\n",
            seen.waiting
        );
        return Ok((Exit::Problems, text));
    }
    let quarantined = store::arm(link, false).await?;
    keep(&remembered(&look(link, None).await?)?)?;
    text += &format!(
        "armed now; {quarantined} texts that were due are looked for at Twilio before they may go\n"
    );
    Ok((Exit::Done, text))
}
