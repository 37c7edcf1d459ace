//! For which database sending is armed. Half of that stands in the database, half in this daemon's state directory: a
//! restore, a copy and a promotion each change one of them, and then a person decides.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A database, as far as it can be told from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Of the cluster; made by initdb, kept by copies and standbys.
    pub(crate) system_identifier: String,
    /// A promotion or a point-in-time recovery begins a new one.
    pub(crate) timeline: i32,
    /// Of the database; a restored dump has another.
    pub(crate) database_oid: i64,
}

/// What the database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Random, made with the tables; a dump carries it.
    pub(crate) install_id: Uuid,
    /// Where it is.
    pub(crate) place: Place,
    /// Bytes of WAL flushed: never less than before.
    pub(crate) wal_position: i64,
    /// The tables were made in this database.
    pub(crate) installed_here: bool,
    /// The latest arming and the database it was for; `None`: never armed.
    pub(crate) armed: Option<(Uuid, Place)>,
    /// The database had the arming that we remember.
    pub(crate) knows_arming: bool,
    /// Texts and broadcasts that wait, are in flight or in doubt.
    pub(crate) waiting: i64,
}

/// What this daemon remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// The installation it worked for.
    pub(crate) install_id: Uuid,
    /// The arming it worked under.
    pub(crate) arming_id: Uuid,
    /// Where that was.
    pub(crate) place: Place,
    /// How far its WAL had come.
    pub(crate) wal_position: i64,
}

/// Whether this daemon may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Yes; this is to be remembered.
    Armed(Remembered),
    /// A new installation: arm it for the first time.
    First,
    /// Not before a person has decided; these are the reasons.
    Refused(Vec<String>),
}

/// Compares what the database says with what this daemon remembers.
pub(crate) fn judge(seen: &Seen, remembered: Option<&Remembered>) -> Verdict {
    if let Some(known) = remembered
        && known.install_id != seen.install_id
    {
        return refused(format!(
            "this daemon's state directory belongs to installation {}, the database holds installation {}",
            known.install_id, seen.install_id
        ));
    }
    let Some((arming_id, armed_for)) = &seen.armed else {
        return never_armed(seen, remembered);
    };
    let changes = changes(armed_for, &seen.place);
    if !changes.is_empty() {
        return Verdict::Refused(changes);
    }
    match remembered {
        None if seen.waiting > 0 => refused(format!(
            "this daemon's state directory is new, and {} texts wait in a database that was armed by another daemon: either \
             this daemon joins that one (herald arm --join), or the database is a copy",
            seen.waiting
        )),
        Some(known) if !seen.knows_arming => refused(format!(
            "the database does not know arming {} that this daemon has worked under: it is older than that",
            known.arming_id
        )),
        Some(known) if known.place == seen.place && known.wal_position > seen.wal_position => {
            refused(format!(
                "the database has gone back in time, from WAL position {} to {}: an earlier state of its files was restored",
                known.wal_position, seen.wal_position
            ))
        }
        _ => Verdict::Armed(Remembered {
            install_id: seen.install_id,
            arming_id: *arming_id,
            place: seen.place.clone(),
            wal_position: seen.wal_position,
        }),
    }
}

fn never_armed(seen: &Seen, remembered: Option<&Remembered>) -> Verdict {
    if remembered.is_some() {
        return refused(
            "the database was never armed, but this daemon has sent from it: it was restored from an older state"
                .to_owned(),
        );
    }
    if !seen.installed_here && seen.waiting > 0 {
        return refused(format!(
            "pg_herald was installed in another database, of which this one is a copy, and {} texts wait",
            seen.waiting
        ));
    }
    Verdict::First
}

fn refused(reason: String) -> Verdict {
    Verdict::Refused(vec![reason])
}

/// What differs between the database that was armed and this one.
fn changes(armed: &Place, here: &Place) -> Vec<String> {
    let mut changes = Vec::new();
    if armed.system_identifier != here.system_identifier {
        changes.push(format!(
            "another cluster: its system identifier is {}, sending is armed for {}",
            here.system_identifier, armed.system_identifier
        ));
    } else if armed.timeline != here.timeline {
        changes.push(format!(
            "timeline {} instead of {}: a standby was promoted, or the cluster was recovered to a point in time",
            here.timeline, armed.timeline
        ));
    }
    if armed.database_oid != here.database_oid {
        changes.push(format!(
            "another database: its oid is {}, sending is armed for {}: a dump was restored",
            here.database_oid, armed.database_oid
        ));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(system_identifier: &str, timeline: i32, database_oid: i64) -> Place {
        Place {
            system_identifier: system_identifier.to_owned(),
            timeline,
            database_oid,
        }
    }

    /// Armed here under arming 2, known to this daemon.
    fn seen() -> Seen {
        Seen {
            install_id: Uuid::from_u128(1),
            place: place("7", 1, 16384),
            wal_position: 1000,
            installed_here: true,
            armed: Some((Uuid::from_u128(2), place("7", 1, 16384))),
            knows_arming: true,
            waiting: 3,
        }
    }

    fn remembered() -> Remembered {
        Remembered {
            install_id: Uuid::from_u128(1),
            arming_id: Uuid::from_u128(2),
            place: place("7", 1, 16384),
            wal_position: 900,
        }
    }

    fn reason(seen: &Seen, remembered: Option<&Remembered>) -> String {
        match judge(seen, remembered) {
            Verdict::Refused(reasons) => reasons.join("; "),
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn a_new_installation_arms_itself_where_it_was_made() {
        let new = Seen {
            armed: None,
            knows_arming: false,
            ..seen()
        };
        assert_eq!(judge(&new, None), Verdict::First);
        let moved = Seen {
            installed_here: false,
            ..new.clone()
        };
        assert!(reason(&moved, None).contains("copy"));
        let nothing_waits = Seen {
            waiting: 0,
            ..moved
        };
        assert_eq!(judge(&nothing_waits, None), Verdict::First);
        assert!(reason(&new, Some(&remembered())).contains("never armed"));
    }

    #[test]
    fn the_same_database_goes_on_and_is_remembered() {
        let Verdict::Armed(known) = judge(&seen(), Some(&remembered())) else {
            panic!()
        };
        assert_eq!(
            known,
            Remembered {
                wal_position: 1000,
                ..remembered()
            }
        );
        // Somebody armed it anew after a promotion, knowing our arming: that decision counts for every daemon.
        let promoted = Seen {
            place: place("7", 2, 16384),
            armed: Some((Uuid::from_u128(3), place("7", 2, 16384))),
            wal_position: 10,
            ..seen()
        };
        assert!(matches!(
            judge(&promoted, Some(&remembered())),
            Verdict::Armed(known) if known.arming_id == Uuid::from_u128(3)
        ));
    }

    #[test]
    fn a_dump_a_copy_a_recovery_and_a_promotion_are_noticed() {
        let at = |place: Place| Seen { place, ..seen() };
        for (seen, word) in [
            (at(place("7", 1, 99)), "a dump was restored"),
            (at(place("8", 1, 16384)), "another cluster"),
            (at(place("7", 2, 16384)), "promoted"),
        ] {
            assert!(reason(&seen, Some(&remembered())).contains(word));
            assert!(reason(&seen, None).contains(word));
        }
        assert!(reason(&seen(), None).contains("--join"));
        let back = Seen {
            wal_position: 899,
            ..seen()
        };
        assert!(reason(&back, Some(&remembered())).contains("back in time"));
        let older = Seen {
            knows_arming: false,
            ..seen()
        };
        assert!(reason(&older, Some(&remembered())).contains("older"));
        let other = Seen {
            install_id: Uuid::from_u128(9),
            ..seen()
        };
        assert!(reason(&other, Some(&remembered())).contains("belongs to installation"));
    }

    #[test]
    fn a_second_daemon_joins_by_itself_only_while_nothing_waits() {
        let idle = Seen {
            waiting: 0,
            ..seen()
        };
        assert!(matches!(judge(&idle, None), Verdict::Armed(_)));
    }
}
