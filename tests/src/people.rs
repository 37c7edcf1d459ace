//! Made-up users, written the way an application writes its real ones.

use crate::failure::Outcome;
use tokio_postgres::Client;
use uuid::Uuid;

/// The event type most tests use; its text has the payload's `task_name` and `due_time` in it.
pub const EVENT_TYPE: &str = "task.due_soon";

/// A user the application knows.
#[derive(Clone, Debug)]
pub struct User {
    /// The application's id.
    pub id: Uuid,
    /// The number, E.164.
    pub phone_number: String,
}

/// The number of the n-th user: +1 AAA 555 01NN, a range that is given to nobody.
pub fn phone_number(n: u32) -> String {
    format!("+1{}55501{:02}", 201 + n / 100, n % 100)
}

/// Adds a user with a verified number and a subscription to [`EVENT_TYPE`].
pub async fn add_user(client: &Client, phone_number: &str) -> Outcome<User> {
    let user = add_unverified_user(client, phone_number).await?;
    client
        .execute(
            "update herald.user_sms_preferences set phone_verified = true, phone_verified_at = now() where user_id = $1",
            &[&user.id],
        )
        .await?;
    Ok(user)
}

/// Adds a user whose number was never verified, with a subscription to [`EVENT_TYPE`].
pub async fn add_unverified_user(client: &Client, phone_number: &str) -> Outcome<User> {
    let id = Uuid::new_v4();
    client
        .execute("insert into herald.user_notification_preferences (user_id, sms_enabled) values ($1, true)", &[&id])
        .await?;
    // Equal start and end: no quiet hours, so that the tests do not depend on the time of day. Limits are tested elsewhere.
    client
        .execute(
            "insert into herald.user_sms_preferences (user_id, phone_number, quiet_hours_start, quiet_hours_end, daily_sms_limit) \
             values ($1, $2, '00:00', '00:00', 1000000)",
            &[&id, &phone_number],
        )
        .await?;
    client
        .execute(
            "insert into herald.notification_subscriptions (user_id, event_type) values ($1, $2)",
            &[&id, &EVENT_TYPE],
        )
        .await?;
    Ok(User {
        id,
        phone_number: phone_number.to_string(),
    })
}
