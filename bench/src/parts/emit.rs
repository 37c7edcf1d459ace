//! What a targeted emit costs: one subscriber, a text that is due at once, the wake-up as it is by default.

use crate::measure::Measure;
use crate::people;
use crate::pgbench::{Script, in_turns};
use crate::row::{Bar, Report, Row};
use crate::stats::{percent, whole};
use crate::world::World;
use herald_tests::{Failure, Outcome};

const PEOPLE: usize = 10_000;
const CLIENTS: [usize; 3] = [1, 8, 32];

pub(crate) const EMIT: &str = include_str!("../../sql/emit/emit.sql");
pub(crate) const OWN_TABLES: &str = include_str!("../../sql/emit/own_tables.sql");
pub(crate) const LEAN: &str = include_str!("../../sql/emit/lean.sql");
/// Four tables of the same values with nothing but a primary key each.
pub(crate) const LEAN_TABLES: &str = include_str!("../../sql/emit/lean_tables.sql");
/// Empties them.
pub(crate) const CLEAN_LEAN: &str =
    "truncate lean.events, lean.deliveries, lean.messages, lean.jobs";
/// What is the same in all rows that an emit and the plain INSERT write, by table.
const ROWS: &str = include_str!("../../sql/emit/rows.sql");

/// Emit, own tables, lean at 1, 8 and 32 clients.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let world = World::start().await?;
    people::add(&world, PEOPLE).await?;
    world.run(LEAN_TABLES).await?;
    let template: String = world
        .value(
            "select id::text from herald.sms_templates where template_key = 'notif_task_due_soon'",
        )
        .await?;
    let emit = Script::new(&world, "emit", EMIT)?.variable("people", PEOPLE.to_string());
    let own = Script::new(&world, "own tables", OWN_TABLES)?
        .variable("people", PEOPLE.to_string())
        .variable("template", template);
    let lean = Script::new(&world, "lean", LEAN)?.variable("people", PEOPLE.to_string());
    check_same_rows(&world, &emit, &own).await?;

    let mut report = Report::default();
    for clients in CLIENTS {
        let rounds = measure.rounds(5);
        let rates = in_turns(
            &world,
            measure,
            &[&emit, &own, &lean],
            clients,
            rounds,
            CLEAN_LEAN,
        )
        .await?;
        let [ours, own_tables, lean_tables] = &rates[..] else {
            return Err(Failure::new("three scripts gave no three rates"));
        };
        report.detail(format!(
            "clients {clients}: emit {}/s, own tables {}/s, lean {}/s",
            ours.show(whole),
            own_tables.show(whole),
            lean_tables.show(whole)
        ));
        for (name, other, bar) in [
            ("own tables", own_tables, Bar::AtLeast(0.75, Some(0.95))),
            ("lean", lean_tables, Bar::AtLeast(0.50, Some(0.75))),
        ] {
            let ratio = ours.over(other);
            report.row(
                Row::new(
                    format!(
                        "targeted emit, {clients} client{}",
                        if clients == 1 { "" } else { "s" }
                    ),
                    format!("{}/s", ours.show(whole)),
                )
                .against(
                    format!("{name}: {}/s", other.show(whole)),
                    ratio.show(percent),
                )
                .wanted(bar, percent, ratio.median()),
            );
        }
    }
    Ok(report)
}

/// The comparison is fair only if both write the same rows: one transaction each, compared column by column.
async fn check_same_rows(world: &World, emit: &Script, own: &Script) -> Outcome<()> {
    let mut seen = Vec::new();
    for script in [emit, own] {
        world.forget_events().await?;
        script.once(world)?;
        seen.push(world.value::<String>(ROWS).await?);
    }
    if seen[0] == seen[1] {
        return Ok(());
    }
    Err(Failure::new(format!(
        "emit and own_tables.sql do not write the same rows:\n{}\n{}",
        seen[0], seen[1]
    )))
}
