//! Standard output that may be closed early, as by `herald config | head`.

use std::io::Write;

/// Writes `text` to standard output at once. Whoever closed it does not want to know more.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written {
        tracing::debug!(%error, "standard output is closed");
    }
}
