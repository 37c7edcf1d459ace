//! What happens between emit and claim, in the database and in the model.

use herald_tests::Outcome;
use rand::rngs::SmallRng;
use tokio_postgres::Client;

use super::model::Decision;
use super::world::{self, Change, World};
use super::{Key, Text};

/// Something happens in many of the worlds.
pub(crate) async fn apply(
    client: &mut Client,
    worlds: &mut [World],
    texts: &mut [(Key, Text)],
    random: &mut SmallRng,
) -> Outcome<()> {
    let tx = client.transaction().await?;
    for (place, world) in worlds.iter_mut().enumerate() {
        let Some(change) = world.change else { continue };
        let person = &mut world.people[0];
        let user = person.user_id;
        let mut own = texts
            .iter_mut()
            .filter(|(_, text)| text.world == place && text.waits_until.is_some());
        match change {
            Change::Stop if person.has_texts && !person.opted_out => {
                tx.execute(
                    "update herald.user_sms_preferences set opted_out = true where user_id = $1",
                    &[&user],
                )
                .await?;
                person.opted_out = true;
                for (_, text) in own.filter(|(_, text)| text.person == 0) {
                    text.expected = Decision::Suppress("opted_out");
                    text.waits_until = None;
                }
            }
            Change::NoLongerVerified => {
                tx.execute("update herald.user_sms_preferences set phone_verified = false where user_id = $1", &[&user]).await?;
                person.phone_verified = false;
            }
            Change::SwitchedOff => {
                tx.execute("update herald.user_notification_preferences set sms_enabled = false where user_id = $1", &[&user]).await?;
                person.sms_enabled = person.sms_enabled.and(Some(false));
            }
            Change::Unsubscribed => {
                tx.execute("update herald.notification_subscriptions set is_active = false where event_type = $1", &[&world.kind.event_type]).await?;
                world
                    .subscriptions
                    .iter_mut()
                    .for_each(|s| s.is_active = false);
            }
            Change::SubscriptionGone => {
                tx.execute(
                    "delete from herald.notification_subscriptions where event_type = $1",
                    &[&world.kind.event_type],
                )
                .await?;
                world.subscriptions.clear();
            }
            Change::TypeOff => {
                tx.execute("update herald.notification_event_types set is_active = false where event_type = $1", &[&world.kind.event_type]).await?;
                world.kind.is_active = false;
            }
            Change::NewNumber if person.phone_number.is_some() && !person.opted_out => {
                let number = world::number(random, "+44");
                tx.execute(
                    "update herald.user_sms_preferences set phone_number = $2 where user_id = $1",
                    &[&user, &number],
                )
                .await?;
                person.phone_number = Some(number);
            }
            Change::NewHours(start, end) => {
                tx.execute("update herald.user_sms_preferences set quiet_hours_start = time '00:00' + $2 * interval '15 minutes', \
                            quiet_hours_end = time '00:00' + $3 * interval '15 minutes' where user_id = $1",
                    &[&user, &f64::from(start), &f64::from(end)]).await?;
                (person.quiet_start, person.quiet_end) = (start, end);
            }
            Change::EventsCancelled => {
                for ((event, ..), text) in own.by_ref() {
                    tx.execute("select cancel_notification_event($1)", &[event])
                        .await?;
                    text.expected = Decision::Suppress("cancelled");
                    text.waits_until = None;
                }
            }
            Change::Stop | Change::NewNumber => {}
        }
    }
    tx.commit().await?;
    Ok(())
}
