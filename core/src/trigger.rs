//! How a changed row becomes an event: the arguments of the trigger, and what is wrong with them.
//!
//! The first argument is the event type, each further one `name=value`:
//!
//! | name | value |
//! | --- | --- |
//! | `target` | column with the user the event is for; without it the event is for every subscriber |
//! | `actor` | column with the user who did it |
//! | `payload` | columns that go into the payload, as `column` or `key:column`, joined by commas; `*` is the whole row |
//! | `dedup` | columns that make the dedup key |
//! | `update` | after UPDATE: only if one of these columns has another value now |
//! | `scheduled_for`, `expires_at` | column with a time |
//! | `priority` | urgent, high, normal or low |
//!
//! A column is that of the new row (after DELETE of the old one); `old.column` is that of the old row.

use crate::priority::Priority;

/// The names that arguments may have.
const NAMES: &str = "target, actor, payload, dedup, update, scheduled_for, expires_at, priority";

/// A column of the changed row, now or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Whether the row before the change is meant.
    pub is_old: bool,
    /// Name of the column.
    pub name: String,
}

/// What of the row goes into the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// These keys from these columns.
    Columns(Vec<(String, Column)>),
    /// Every column, under its own name.
    WholeRow,
}

/// The arguments of a trigger, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The event type.
    pub event_type: String,
    /// Who it is for; `None` = every subscriber.
    pub target: Option<Column>,
    /// Who did it.
    pub actor: Option<Column>,
    /// What the event says.
    pub payload: Payload,
    /// What makes it the same event as an earlier one.
    pub dedup: Vec<Column>,
    /// What must have changed.
    pub update: Vec<String>,
    /// Not before the time in this column.
    pub scheduled_for: Option<Column>,
    /// Not after the time in this column.
    pub expires_at: Option<Column>,
    /// Priority instead of the type's.
    pub priority: Option<Priority>,
}

/// What a column can hold, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A uuid.
    Uuid,
    /// Text, which may hold a uuid.
    Text,
    /// A point in time.
    Time,
    /// Anything else.
    Other,
}

/// What fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firing {
    /// AFTER, neither BEFORE nor INSTEAD OF.
    pub is_after: bool,
    /// FOR EACH ROW.
    pub is_row: bool,
    /// AFTER INSERT.
    pub insert: bool,
    /// AFTER UPDATE.
    pub update: bool,
    /// AFTER DELETE.
    pub delete: bool,
    /// AFTER TRUNCATE.
    pub truncate: bool,
    /// REFERENCING NEW TABLE.
    pub has_new_table: bool,
    /// REFERENCING OLD TABLE.
    pub has_old_table: bool,
}

/// Something wrong with a trigger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No arguments at all.
    #[error("the first argument must be the event type")]
    NoEventType,
    /// Not `name=value`, or an unknown name.
    #[error("argument {0:?} is none of {NAMES}, written name=value")]
    Argument(String),
    /// A name that stands twice.
    #[error("argument {0} is given twice")]
    Twice(String),
    /// A value that is empty or has an empty part.
    #[error("argument {0} has an empty name in its value")]
    Empty(String),
    /// Not a priority.
    #[error("{0:?} is no priority: urgent, high, normal or low")]
    Priority(String),
    /// The table has no such column.
    #[error("there is no column {0:?}")]
    NoColumn(String),
    /// The column cannot hold what it should.
    #[error("column {0:?} of argument {1} holds no {2}")]
    Kind(String, &'static str, &'static str),
    /// A trigger that runs before the change is certain.
    #[error("the trigger must be AFTER: before that the change is not certain")]
    NotAfter,
    /// TRUNCATE has no rows.
    #[error("TRUNCATE says nothing about the rows")]
    Truncate,
    /// A statement's trigger without the rows.
    #[error("FOR EACH STATEMENT needs REFERENCING {0} TABLE AS a_name")]
    NoTransition(&'static str),
    /// `old.` without an old row.
    #[error("after INSERT there is no old row for {0:?}")]
    NoOldRow(String),
}

impl Rule {
    /// Reads the arguments. The rule holds what could be read, the faults say what could not.
    pub fn parse<S: AsRef<str>>(arguments: &[S]) -> (Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut rule = Self {
            event_type: String::new(),
            target: None,
            actor: None,
            payload: Payload::Columns(Vec::new()),
            dedup: Vec::new(),
            update: Vec::new(),
            scheduled_for: None,
            expires_at: None,
            priority: None,
        };
        let mut arguments = arguments.iter().map(|argument| argument.as_ref().trim());
        match arguments.next() {
            Some(event_type) if !event_type.is_empty() => rule.event_type = event_type.to_owned(),
            _ => faults.push(Fault::NoEventType),
        }
        let mut seen: Vec<String> = Vec::new();
        for argument in arguments {
            let Some((name, value)) = argument.split_once('=') else {
                faults.push(Fault::Argument(argument.to_owned()));
                continue;
            };
            let (name, value) = (name.trim(), value.trim());
            if seen.iter().any(|known| known == name) {
                faults.push(Fault::Twice(name.to_owned()));
                continue;
            }
            seen.push(name.to_owned());
            if !rule.set(name, value, &mut faults) {
                faults.push(Fault::Argument(argument.to_owned()));
            }
        }
        (rule, faults)
    }

    /// Takes one argument; false if there is none of this name.
    fn set(&mut self, name: &str, value: &str, faults: &mut Vec<Fault>) -> bool {
        let parts: Vec<&str> = value.split(',').map(str::trim).collect();
        let is_empty = |part: &str| part.is_empty() || part == "old." || part == "new.";
        let keys_and_columns = parts.iter().flat_map(|part| match part.split_once(':') {
            Some((key, column)) => vec![key.trim(), column.trim()],
            None => vec![*part],
        });
        if keys_and_columns.clone().any(is_empty) {
            faults.push(Fault::Empty(name.to_owned()));
            return true;
        }
        match name {
            "target" => self.target = Some(Column::new(value)),
            "actor" => self.actor = Some(Column::new(value)),
            "payload" if value == "*" => self.payload = Payload::WholeRow,
            "payload" => self.payload = Payload::Columns(parts.into_iter().map(entry).collect()),
            "dedup" => self.dedup = parts.into_iter().map(Column::new).collect(),
            "update" => self.update = parts.into_iter().map(str::to_owned).collect(),
            "scheduled_for" => self.scheduled_for = Some(Column::new(value)),
            "expires_at" => self.expires_at = Some(Column::new(value)),
            "priority" => match value.parse() {
                Ok(priority) => self.priority = Some(priority),
                Err(_) => faults.push(Fault::Priority(value.to_owned())),
            },
            _ => return false,
        }
        true
    }

    /// The columns that are named one by one, with repetitions.
    fn named(&self) -> impl Iterator<Item = &Column> {
        let payload: &[(String, Column)] = match &self.payload {
            Payload::Columns(columns) => columns,
            Payload::WholeRow => &[],
        };
        let single = [
            &self.target,
            &self.actor,
            &self.scheduled_for,
            &self.expires_at,
        ];
        let columns = payload.iter().map(|(_, column)| column);
        columns
            .chain(&self.dedup)
            .chain(single.into_iter().flatten())
    }

    /// Names of the columns that are named one by one, with repetitions.
    pub fn names(&self) -> Vec<&str> {
        let names = self.named().map(|column| column.name.as_str());
        names
            .chain(self.update.iter().map(String::as_str))
            .collect()
    }

    /// What is wrong with the rule for a trigger that fires so on a table whose columns `kind_of` knows.
    pub fn faults(&self, firing: Firing, kind_of: impl Fn(&str) -> Option<Kind>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !firing.is_after {
            faults.push(Fault::NotAfter);
        }
        if firing.truncate {
            faults.push(Fault::Truncate);
        }
        let old = self.named().find(|column| column.is_old);
        if let (true, Some(column)) = (firing.insert, old) {
            faults.push(Fault::NoOldRow(format!("old.{}", column.name)));
        }
        if !firing.is_row {
            let needs_old =
                firing.delete || firing.update && (old.is_some() || !self.update.is_empty());
            if (firing.insert || firing.update) && !firing.has_new_table {
                faults.push(Fault::NoTransition("NEW"));
            }
            if needs_old && !firing.has_old_table {
                faults.push(Fault::NoTransition("OLD"));
            }
        }
        for name in self.names() {
            let fault = Fault::NoColumn(name.to_owned());
            if kind_of(name).is_none() && !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        let uses = [
            ("target", &self.target, "user id"),
            ("actor", &self.actor, "user id"),
            ("scheduled_for", &self.scheduled_for, "time"),
            ("expires_at", &self.expires_at, "time"),
        ];
        for (argument, column, what) in uses {
            let Some(column) = column else { continue };
            let fits = match kind_of(&column.name) {
                Some(kind) if what == "time" => kind == Kind::Time,
                Some(kind) => matches!(kind, Kind::Uuid | Kind::Text),
                None => true,
            };
            if !fits {
                faults.push(Fault::Kind(column.name.clone(), argument, what));
            }
        }
        faults
    }
}

impl Column {
    fn new(written: &str) -> Self {
        let (is_old, name) = match (written.strip_prefix("old."), written.strip_prefix("new.")) {
            (Some(name), _) => (true, name),
            (None, Some(name)) => (false, name),
            (None, None) => (false, written),
        };
        Self {
            is_old,
            name: name.to_owned(),
        }
    }
}

/// `key:column`, or a column under its own name.
fn entry(written: &str) -> (String, Column) {
    match written.split_once(':') {
        Some((key, column)) => (key.trim().to_owned(), Column::new(column.trim())),
        None => {
            let column = Column::new(written);
            (column.name.clone(), column)
        }
    }
}

#[cfg(test)]
mod tests;
