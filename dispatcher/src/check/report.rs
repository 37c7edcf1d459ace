//! The report of `herald check`: one line a probe.

use serde::Serialize;

use crate::exit::Exit;

/// How one probe went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Probe {
    name: &'static str,
    verdict: Verdict,
    detail: String,
    fix: Option<String>,
}

/// The probes so far.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Probe>);

impl Report {
    /// This works.
    pub(super) fn ok(&mut self, name: &'static str, detail: impl Into<String>) {
        self.put(name, Verdict::Ok, detail.into(), None);
    }

    /// This works worse than it could; `fix` says how to better it.
    pub(super) fn warn(
        &mut self,
        name: &'static str,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.put(name, Verdict::Warn, detail.into(), Some(fix.into()));
    }

    /// This does not work; `fix` says what to do.
    pub(super) fn fail(
        &mut self,
        name: &'static str,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.put(name, Verdict::Fail, detail.into(), Some(fix.into()));
    }

    /// This does not work; the detail itself says what to do.
    pub(super) fn broken(&mut self, name: &'static str, detail: impl Into<String>) {
        self.put(name, Verdict::Fail, detail.into(), None);
    }

    fn put(&mut self, name: &'static str, verdict: Verdict, detail: String, fix: Option<String>) {
        self.0.push(Probe {
            name,
            verdict,
            detail,
            fix,
        });
    }

    /// The report as lines, or as one JSON array.
    pub(super) fn text(&self, json: bool) -> String {
        if json {
            return serde_json::json!(self.0).to_string() + "\n";
        }
        let line = |probe: &Probe| {
            let fix = probe.fix.iter().map(|fix| format!("; {fix}"));
            let verdict = probe.verdict.as_str();
            let detail = &probe.detail;
            format!(
                "{verdict:<4}  {:<13}  {detail}{}\n",
                probe.name,
                fix.collect::<String>()
            )
        };
        self.0.iter().map(line).collect()
    }

    /// 1 if anything failed, else 0.
    pub(super) fn exit(&self) -> Exit {
        match self.0.iter().any(|probe| probe.verdict == Verdict::Fail) {
            true => Exit::Problems,
            false => Exit::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_failure_gives_exit_code_1_and_a_warning_does_not() {
        let mut report = Report::default();
        report.ok("a", "fine");
        report.warn("b", "so so", "improve it");
        assert_eq!(report.exit(), Exit::Done);
        report.fail("c", "broken", "repair it");
        assert_eq!(report.exit(), Exit::Problems);
        assert_eq!(
            report.text(false),
            "ok    a              fine\nwarn  b              so so; improve it\nfail  c              broken; repair it\n"
        );
        let json: serde_json::Value = serde_json::from_str(&report.text(true)).unwrap();
        assert_eq!(json[1]["verdict"], "warn");
        assert_eq!(json[1]["fix"], "improve it");
    }
}
