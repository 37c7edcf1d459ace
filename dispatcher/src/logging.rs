//! Log lines on standard error: text for people, or one JSON object a line.
//!
//! Phone numbers go through `herald_core::phone::mask` before they get here; bodies and tokens never do.

use std::fmt;
use std::io::IsTerminal;

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as fmt_layer};

use crate::config::LogFormat;

/// Installs the logger of this process. Call it once; a second call changes nothing.
pub(crate) fn start(format: LogFormat, level: &Targets) {
    let registry = tracing_subscriber::registry();
    let started = match format {
        LogFormat::Json => {
            let layer = fmt_layer::layer()
                .event_format(JsonLine)
                .with_writer(std::io::stderr);
            registry.with(layer.with_filter(level.clone())).try_init()
        }
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let layer = fmt_layer::layer()
                .with_ansi(colour)
                .with_writer(std::io::stderr);
            registry.with(layer.with_filter(level.clone())).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("the logger was installed before");
    }
}

/// `{"ts":…,"level":…,"msg":…,"target":…,` and the fields of the event`}`.
struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut fields = Fields(Map::new());
        fields.0.insert("ts".to_owned(), now.into());
        fields.0.insert(
            "level".to_owned(),
            metadata.level().as_str().to_lowercase().into(),
        );
        fields
            .0
            .insert("target".to_owned(), metadata.target().into());
        event.record(&mut fields);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = if field.name() == "message" {
            "msg"
        } else {
            field.name()
        };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    /// Milliseconds of a `Duration` come in this type; all of ours fit.
    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, u64::try_from(value).unwrap_or(u64::MAX).into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_has_the_fixed_names_and_the_fields() {
        let buffer = Buffer::default();
        let sink = buffer.clone();
        let layer = fmt_layer::layer()
            .event_format(JsonLine)
            .with_writer(move || sink.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(attempt = 2, retry_in_ms = 7_u128, outcome = %"unknown", "attempt finished");
        });
        let line = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["msg"], "attempt finished");
        assert_eq!(value["level"], "warn");
        assert_eq!(value["attempt"], 2);
        assert_eq!(value["retry_in_ms"], 7);
        assert_eq!(value["outcome"], "unknown");
        assert!(value["ts"].as_str().unwrap().ends_with('Z'));
        assert!(line.ends_with('\n'));
    }
}
