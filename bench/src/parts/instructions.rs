//! Instructions of the pure functions that every text goes through, and of whole transactions: figures that do not move with the
//! machine's noise.

use super::emit::{EMIT, LEAN, LEAN_TABLES, OWN_TABLES};
use super::nothing::TWO_ROWS;
use crate::measure::Measure;
use crate::people;
use crate::row::{Report, Row};
use crate::stats::{percent, whole};
use crate::world::World;
use herald_tests::cluster::Stop;
use herald_tests::stack::DATABASE;
use herald_tests::{Explain, Failure, Outcome};
use std::ops::Range;
use std::process::Command;

const FUNCTIONS: [(&str, &str); 5] = [
    ("render", "render a template with two variables"),
    ("segments_gsm", "count segments, 90 characters, GSM-7"),
    ("segments_ucs2", "count segments, 38 characters, UCS-2"),
    ("signature", "verify the signature of a status callback"),
    (
        "classify",
        "classify an answer of Twilio's and find its rule",
    ),
];
/// The work `classify` does at a time.
const CLASSIFIED: f64 = 4.0;

/// What runs a program and counts its instructions.
const CALLGRIND: [&str; 3] = [
    "valgrind",
    "--tool=callgrind",
    "--callgrind-out-file=/dev/null",
];
/// What a daemon does when it is woken.
const CLAIM: &str =
    "select count(*) from claim_sms_messages('00000000-0000-7000-8000-000000000001', 32);";
const CLAIM_ALL: &str =
    "select count(*) from claim_sms_messages('00000000-0000-7000-8000-000000000001', 10000);";
/// People who can be texted have the numbers below, those who have opted out this one and more.
const OPTED_OUT: usize = 5_001;
const PEOPLE: usize = 10_000;

/// Counted twice, so that starting the program is not among them.
pub(crate) async fn run(_: &Measure) -> Outcome<Report> {
    let mut report = Report::default();
    transactions(&mut report).await?;
    for (name, what) in FUNCTIONS {
        let few = count(name, 200)?;
        let many = count(name, 1_200)?;
        let each = (many - few) / 1_000.0;
        let each = if name == "classify" {
            each / CLASSIFIED
        } else {
            each
        };
        report.row(Row::new(what, format!("{} instructions", whole(each))));
    }
    Ok(report)
}

/// Emit and what it is compared with elsewhere, in a server of one process: no client, no other session.
async fn transactions(report: &mut Report) -> Outcome<()> {
    let world = World::start().await?;
    people::add(&world, PEOPLE).await?;
    world.run(LEAN_TABLES).await?;
    people::opt_out(&world, OPTED_OUT).await?;
    let template: String = world
        .value(
            "select id::text from herald.sms_templates where template_key = 'notif_task_due_soon'",
        )
        .await?;
    world.cluster.stop(Stop::Fast)?;
    let with = |script: &str, then: &str, from: usize| -> Outcome<f64> {
        let count = |people| transaction(&world, script, then, &template, people);
        let few = count(from..from + 40)?;
        let many = count(from + 40..from + 180)?;
        Ok((many - few) / 100.0)
    };
    let each = |script: &str, from: usize| with(script, "", from);
    let emit = each(EMIT, 1)?;
    let own_tables = each(OWN_TABLES, 1)?;
    let lean = each(LEAN, 1)?;
    let nothing = each(EMIT, OPTED_OUT)?;
    let two_rows = each(TWO_ROWS, OPTED_OUT)?;
    // Nothing may be due but what is claimed at once.
    world
        .cluster
        .single_user(&[], DATABASE, &format!("{CLAIM_ALL}\n"))?;
    let claimed = with(EMIT, CLAIM, 401)? - each(EMIT, 601)?;
    for (what, ours, than, theirs) in [
        (
            "emit, a text that is due at once",
            emit,
            "own tables",
            own_tables,
        ),
        ("emit, a text that is due at once", emit, "lean", lean),
        (
            "emit whose subscriber has opted out",
            nothing,
            "plain INSERT of event and delivery",
            two_rows,
        ),
    ] {
        report.row(
            Row::new(what, format!("{} instructions", whole(ours)))
                .against(format!("{than}: {}", whole(theirs)), percent(theirs / ours)),
        );
    }
    report.row(Row::new(
        "claim of a text that is due alone",
        format!("{} instructions", whole(claimed)),
    ));
    Ok(())
}

/// Instructions of one of pgbench's scripts, prepared once and run for these people, each time followed by another statement, with
/// the start of the server.
fn transaction(
    world: &World,
    script: &str,
    then: &str,
    template: &str,
    people: Range<usize>,
) -> Outcome<f64> {
    let lines = script.lines().filter(|line| !line.starts_with('\\'));
    let statement = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let statement = statement
        .replace(":template", &format!("'{template}'"))
        .replace(":n::", "$1::");
    let settings = "set plan_cache_mode = force_generic_plan;".to_owned();
    let prepare = format!("prepare e (integer) as {statement}");
    let executions = people.flat_map(|person| [format!("execute e({person});"), then.to_owned()]);
    let input = [settings, prepare].into_iter().chain(executions);
    let input: Vec<String> = input.filter(|line| !line.is_empty()).collect();
    let told = world
        .cluster
        .single_user(&CALLGRIND, DATABASE, &(input.join("\n") + "\n"))?;
    collected(&told)
}

fn count(name: &str, times: usize) -> Outcome<f64> {
    let program = std::env::current_exe()?.with_file_name("hot_functions");
    let [valgrind, options @ ..] = CALLGRIND;
    let output = Command::new(valgrind)
        .args(options)
        .arg(program)
        .arg(name)
        .arg(times.to_string())
        .output()
        .explain(|| "cannot run valgrind".to_string())?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => collected(&text),
        false => Err(Failure::new(format!("callgrind counted nothing:\n{text}"))),
    }
}

/// The number that callgrind ends with.
fn collected(told: &str) -> Outcome<f64> {
    told.lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, number)| number.trim().parse().ok())
        .ok_or_else(|| Failure::new(format!("callgrind counted nothing:\n{told}")))
}
