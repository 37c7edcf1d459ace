//! An emit from which nothing follows that is due: it should cost little more than the two rows it writes.

use super::emit::EMIT;
use crate::measure::Measure;
use crate::people;
use crate::pgbench::{Script, in_turns};
use crate::row::{Bar, Report, Row};
use crate::stats::{percent, whole};
use crate::world::World;
use herald_tests::{Failure, Outcome};

const PEOPLE: usize = 10_000;
const CLIENTS: [usize; 2] = [1, 32];

/// The same two rows, event and suppressed delivery, by one plain INSERT.
pub(crate) const TWO_ROWS: &str = include_str!("../../sql/two_rows.sql");

/// Everybody has opted out.
pub(crate) async fn run(measure: &Measure) -> Outcome<Report> {
    let mut report = Report::default();
    let world = World::start().await?;
    people::add(&world, PEOPLE).await?;
    let template: String = world
        .value(
            "select id::text from herald.sms_templates where template_key = 'notif_task_due_soon'",
        )
        .await?;
    let emit = Script::new(&world, "emit", EMIT)?.variable("people", PEOPLE.to_string());
    let plain = Script::new(&world, "two rows", TWO_ROWS)?
        .variable("people", PEOPLE.to_string())
        .variable("template", template);
    people::opt_out(&world, 1).await?;
    for clients in CLIENTS {
        let rates = in_turns(
            &world,
            measure,
            &[&emit, &plain],
            clients,
            // With one client a run is as long as the disk's waits are; more of them make up for that.
            measure.rounds(9),
            "",
        )
        .await?;
        let suppressed: bool = world
            .value("select coalesce(bool_and(status = 'suppressed'), false) and not exists (select from herald.queue_jobs) \
                        from herald.notification_deliveries")
            .await?;
        let [ours, two_rows] = &rates[..] else {
            return Err(Failure::new("two scripts gave no two rates"));
        };
        if !suppressed {
            return Err(Failure::new(
                "an opted-out person's delivery was not suppressed",
            ));
        }
        let ratio = ours.over(two_rows);
        report.row(
            Row::new(
                format!(
                    "emit whose subscriber has opted out, {clients} client{}",
                    if clients == 1 { "" } else { "s" }
                ),
                format!("{}/s", ours.show(whole)),
            )
            .against(
                format!(
                    "plain INSERT of event and delivery: {}/s",
                    two_rows.show(whole)
                ),
                ratio.show(percent),
            )
            .wanted(Bar::AtLeast(0.90, None), percent, ratio.median()),
        );
    }
    Ok(report)
}
