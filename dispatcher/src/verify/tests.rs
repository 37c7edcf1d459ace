//! What is taken before sending is armed.

use herald_core::callback::CallbackKey;

use super::*;
use crate::database::tests::absent;

use crate::shutdown::Trigger;

fn greeted() -> Hello {
    Hello {
        schema_version: 1,
        extension_version: "0.1.0".to_owned(),
        callback_key: CallbackKey::new([7; 32]),
        lease: Duration::from_secs(90),
        clock_offset_seconds: 0.0,
        in_recovery: false,
    }
}

#[tokio::test]
async fn nothing_is_taken_unless_sending_is_armed() {
    let metrics = Arc::new(Metrics::new());
    let (_trigger, shutdown) = Trigger::new();
    let (_hello, hello) = watch::channel(Some(greeted()));
    let (arm, armed) = watch::channel(false);
    let mut verifier = PhoneVerifier {
        link: Link::new(absent(), metrics.reconnects()),
        worker: Uuid::nil(),
        client: None,
        hello,
        armed,
        wake: Arc::default(),
        request_timeout: Duration::from_secs(10),
        metrics,
        shutdown,
    };
    let mut asking = JoinSet::new();
    // Postgres, which is not there, is not even asked.
    assert_eq!(verifier.take(&mut asking, false).await.unwrap(), 0);
    arm.send_replace(true);
    assert!(verifier.take(&mut asking, false).await.is_err());
    arm.send_replace(false);
    assert_eq!(verifier.take(&mut asking, false).await.unwrap(), 0);
}
