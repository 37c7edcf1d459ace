//! The state directory: what this daemon remembers of its database, and the journal of results that could not be written.
//! Losing it costs a `herald arm`; it holds no number and no text.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::protocol::arming::Remembered;

/// Why the state directory is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// The operating system refuses.
    #[error("state directory: cannot {what} {}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process holds it.
    #[error("state directory {} is in use by another herald: give each daemon its own (HERALD_STATE_DIR)", .0.display())]
    InUse(PathBuf),
    /// A file in it is not what was written there.
    #[error("{} cannot be read; remove it and run herald arm --yes if the database is the right one", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The directory of a running daemon. Nobody else has it until this is dropped.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    _lock: File,
}

fn io_error<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StateError + 'a {
    move |source| StateError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

impl StateDir {
    /// Makes the directory if it is not there, and takes it.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io_error("make", path))?;
        let file = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&file)
            .map_err(io_error("open", &file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(io_error("lock", &file)(source)),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn identity_file(directory: &Path) -> PathBuf {
    directory.join("identity.json")
}

/// What was remembered last; `None` if nothing was yet.
pub(crate) fn recall(directory: &Path) -> Result<Option<Remembered>, StateError> {
    let path = identity_file(directory);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read", &path)(error)),
    };
    match serde_json::from_str(&text) {
        Ok(remembered) => Ok(Some(remembered)),
        Err(source) => Err(StateError::Unreadable { path, source }),
    }
}

/// Remembers this instead, durably. The file gets the directory's owner: an operator may write it for the daemon, also at the
/// moment in which the daemon itself does; each writes a file of its own and the last one stays.
pub(crate) fn remember(directory: &Path, remembered: &Remembered) -> Result<(), StateError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(io_error("make", directory))?;
    let path = identity_file(directory);
    let write = || -> io::Result<()> {
        let mut new = tempfile::Builder::new()
            .prefix("identity.")
            .tempfile_in(directory)?;
        let owner = fs::metadata(directory)?;
        let own = new.as_file().metadata()?;
        if (own.uid(), own.gid()) != (owner.uid(), owner.gid()) {
            fchown(new.as_file(), Some(owner.uid()), Some(owner.gid()))?;
        }
        serde_json::to_writer_pretty(&mut new, remembered)?;
        new.write_all(b"\n")?;
        new.as_file().sync_all()?;
        new.persist(&path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(io_error("write", &path))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::protocol::arming::Place;

    fn known(wal_position: i64) -> Remembered {
        Remembered {
            install_id: Uuid::from_u128(1),
            arming_id: Uuid::from_u128(2),
            place: Place {
                system_identifier: "7".to_owned(),
                timeline: 1,
                database_oid: 5,
            },
            wal_position,
        }
    }

    #[test]
    fn it_is_taken_by_one_and_remembers() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("herald");
        let state = StateDir::open(&path).unwrap();
        assert!(matches!(StateDir::open(&path), Err(StateError::InUse(_))));
        assert_eq!(recall(state.path()).unwrap(), None);
        let known = known(9);
        remember(&path, &known).unwrap();
        assert_eq!(recall(&path).unwrap(), Some(known));
        drop(state);
        assert!(StateDir::open(&path).is_ok());
    }

    #[test]
    fn daemon_and_operator_may_remember_at_the_same_moment() {
        let directory = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = directory.path();
                scope.spawn(move || {
                    for n in 0..50 {
                        remember(path, &known(writer * 50 + n)).unwrap();
                        assert!(recall(path).unwrap().is_some());
                    }
                });
            }
        });
        let left: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["identity.json"]);
    }

    #[test]
    fn half_a_file_is_an_error_and_not_nothing() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("identity.json"), "{").unwrap();
        assert!(matches!(
            recall(directory.path()),
            Err(StateError::Unreadable { .. })
        ));
    }
}
