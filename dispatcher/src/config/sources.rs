//! Gathers the text of every setting: defaults, then the TOML file, then the environment and systemd's credentials.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::keys::{CONFIG_VARIABLE, KEYS, Key, by_file_key, by_variable, nearest};
use super::problem::Problem;

/// Where settings may come from, besides the defaults.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// TOML file, if one was named.
    pub(crate) file: Option<PathBuf>,
    /// The process environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Directory in which systemd puts the secrets of `LoadCredential=`.
    pub(crate) credentials: Option<PathBuf>,
}

/// The text of one setting and where it stands, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The value as written.
    pub(crate) text: String,
    /// `environment TWILIO_FROM`, `/etc/herald/herald.toml: twilio.from`, `default`, …
    pub(crate) origin: String,
}

/// Everything that was found, by `section.name`.
pub(crate) type Values = BTreeMap<&'static str, Found>;

impl Sources {
    /// The file named on the command line or by `HERALD_CONFIG`, the environment and the credentials of this process.
    /// A variable that is not UTF-8 is left out unless it is one of ours, which is a problem.
    pub(crate) fn of_process(file: Option<PathBuf>) -> Result<Self, Problem> {
        let mut environment = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    environment.insert(name, value);
                }
                Err(_) if is_ours(&name) => {
                    return Err(Problem::new(
                        format!("environment {name}"),
                        "is not UTF-8",
                        "write it in UTF-8",
                    ));
                }
                Err(_) => {}
            }
        }
        let named = |name: &str| environment.get(name).filter(|path| !path.is_empty());
        let file = file.or_else(|| named(CONFIG_VARIABLE).map(PathBuf::from));
        let credentials = named("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Ok(Self {
            file,
            environment,
            credentials,
        })
    }

    /// Reads all sources. The later one wins: defaults, file, environment. Each thing that is wrong is one problem.
    pub(crate) fn gather(&self) -> (Values, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut values: Values = KEYS
            .iter()
            .filter_map(|key| {
                let text = key.default?.to_owned();
                let origin = "default".to_owned();
                Some((key.file, Found { text, origin }))
            })
            .collect();
        values.extend(self.state_directory());
        if let Some(path) = &self.file {
            values.extend(read_file(path, &mut problems));
        }
        values.extend(self.read_environment(&mut problems));
        (values, problems)
    }

    /// The first directory of systemd's `StateDirectory=`: a default that knows better than ours.
    fn state_directory(&self) -> Option<(&'static str, Found)> {
        let directories = self.environment.get("STATE_DIRECTORY")?;
        let text = directories.split(':').find(|path| !path.is_empty())?;
        let key = by_variable("HERALD_STATE_DIR")?;
        let found = Found {
            text: text.to_owned(),
            origin: "systemd STATE_DIRECTORY".to_owned(),
        };
        Some((key.file, found))
    }

    fn read_environment(&self, problems: &mut Vec<Problem>) -> Values {
        let mut values = Values::new();
        let mut put = |key: &'static Key, found: Found, problems: &mut Vec<Problem>| {
            if let Some(other) = values.get(key.file) {
                problems.push(both_given(key, other, &found));
                return;
            }
            values.insert(key.file, found);
        };

        for (name, value) in &self.environment {
            if !is_ours(name) || name == CONFIG_VARIABLE {
                continue;
            }
            let origin = format!("environment {name}");
            match (by_variable(name), secret_by_file_variable(name)) {
                _ if value.is_empty() && (by_variable(name).is_some()) => {}
                (Some(key), _) => put(
                    key,
                    Found {
                        text: value.clone(),
                        origin,
                    },
                    problems,
                ),
                (None, Some(_)) if value.is_empty() => {}
                (None, Some(key)) => match read_secret(Path::new(value), origin) {
                    Ok(found) => put(key, found, problems),
                    Err(problem) => problems.push(problem),
                },
                (None, None) => problems.push(unknown_variable(name)),
            }
        }
        let Some(directory) = &self.credentials else {
            return values;
        };
        for key in KEYS.iter().filter(|key| key.secret) {
            let path = directory.join(key.env.to_lowercase());
            if !path.exists() {
                continue;
            }
            match read_secret(&path, "credential".to_owned()) {
                Ok(found) => put(key, found, problems),
                Err(problem) => problems.push(problem),
            }
        }
        values
    }
}

/// Variables that only herald reads, so that a wrong one is a slip and not somebody else's.
fn is_ours(name: &str) -> bool {
    name.starts_with("HERALD_")
        || name.starts_with("TWILIO_")
        || name == "DATABASE_URL"
        || name == "DATABASE_URL_FILE"
}

fn secret_by_file_variable(name: &str) -> Option<&'static Key> {
    by_variable(name.strip_suffix("_FILE")?).filter(|key| key.secret)
}

fn read_secret(path: &Path, origin: String) -> Result<Found, Problem> {
    let origin = format!("{origin} (file {})", path.display());
    match std::fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => Err(Problem::new(
            origin,
            "is empty",
            "write the secret into the file",
        )),
        Ok(text) => Ok(Found {
            text: text.trim_end_matches(['\r', '\n']).to_owned(),
            origin,
        }),
        Err(error) => Err(Problem::new(
            origin,
            format!("cannot be read: {error}"),
            "check the path and that herald's user may read it",
        )),
    }
}

fn read_file(path: &Path, problems: &mut Vec<Problem>) -> Values {
    let mut values = Values::new();
    let shown = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(Problem::new(
                shown,
                format!("cannot be read: {error}"),
                "check the path given by --config or HERALD_CONFIG",
            ));
            return values;
        }
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            problems.push(Problem::new(
                shown,
                one_line(&error, &text),
                "correct the line",
            ));
            return values;
        }
    };
    for (section, content) in table {
        let toml::Value::Table(content) = content else {
            problems.push(unknown_file_key(&shown, &section));
            continue;
        };
        for (name, value) in content {
            let full = format!("{section}.{name}");
            let origin = format!("{shown}: {full}");
            let from_file = full.strip_suffix("_file").and_then(by_file_key);
            let (key, found) = match (by_file_key(&full), from_file.filter(|key| key.secret)) {
                (Some(key), _) => (
                    key,
                    as_text(&value, &origin).map(|text| Found { text, origin }),
                ),
                (None, Some(key)) => (
                    key,
                    as_text(&value, &origin).and_then(|path| read_secret(Path::new(&path), origin)),
                ),
                (None, None) => {
                    problems.push(unknown_file_key(&shown, &full));
                    continue;
                }
            };
            match (found, values.get(key.file)) {
                (Ok(found), Some(other)) => problems.push(both_given(key, other, &found)),
                (Ok(found), None) => {
                    values.insert(key.file, found);
                }
                (Err(problem), _) => problems.push(problem),
            }
        }
    }
    values
}

/// toml's own message shows the source line, which may hold a secret: keep the reason and the line number.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map_or(1, |span| {
        text[..span.start.min(text.len())].lines().count().max(1)
    });
    format!("is not TOML: {} (line {line})", error.message())
}

fn as_text(value: &toml::Value, origin: &str) -> Result<String, Problem> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(truth) => Ok(truth.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        .ok_or_else(|| wrong_type(origin)),
        _ => Err(wrong_type(origin)),
    }
}

fn wrong_type(origin: &str) -> Problem {
    Problem::new(
        origin,
        "is neither text nor a whole number",
        "write it as \"text\", 32 or [\"text\", \"text\"]",
    )
}

fn both_given(key: &Key, one: &Found, other: &Found) -> Problem {
    Problem::new(
        key.file,
        format!("is given twice: by {} and by {}", one.origin, other.origin),
        "keep one of them",
    )
}

fn unknown_variable(name: &str) -> Problem {
    let fix = match nearest(name, KEYS.iter().map(|key| key.env)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "unset it; `herald config` lists all settings".to_owned(),
    };
    Problem::new(
        format!("environment {name}"),
        "is not a setting of herald",
        fix,
    )
}

fn unknown_file_key(path: &str, key: &str) -> Problem {
    let fix = match nearest(key, KEYS.iter().map(|key| key.file)) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "remove it; `herald config` lists all settings".to_owned(),
    };
    Problem::new(format!("{path}: {key}"), "is not a setting of herald", fix)
}
