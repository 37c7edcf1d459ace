//! Auth tokens and their rotation, test credentials and their magic numbers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::simulator::{ACCOUNT, HELLO, Simulator, TOKEN, eventually};

const TEST_ACCOUNT: &str = "AC00000000000000000000000000000009";

fn with_test_credentials() -> Simulator {
    Simulator::start(&[
        "--test-account-sid",
        TEST_ACCOUNT,
        "--test-auth-token",
        "test-token",
    ])
}

/// Status and code of a create with test credentials.
async fn test_create(simulator: &Simulator, params: &[(&str, &str)]) -> (u16, Value) {
    let path = format!("/2010-04-01/Accounts/{TEST_ACCOUNT}/Messages.json");
    let response = simulator
        .plain(Method::POST, &path)
        .basic_auth(TEST_ACCOUNT, Some("test-token"))
        .form(params)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn magic_numbers_have_their_status_and_code() {
    let simulator = with_test_credentials();
    let good = "+15005550006";
    let anyone = "+14155550100";
    for (from, to, status, code) in [
        ("+15005550001", anyone, 400, 21212),
        ("+15005550007", anyone, 400, 21606),
        ("+15005550008", anyone, 429, 21611),
        ("+14155550123", anyone, 400, 21606),
        (good, "+15005550001", 400, 21211),
        (good, "+15005550002", 400, 21612),
        (good, "+15005550003", 400, 21408),
        (good, "+15005550004", 400, 21610),
        (good, "+15005550009", 400, 21614),
        (good, "4155550100", 400, 21211),
    ] {
        let params = [("To", to), ("From", from), ("Body", "Hello")];
        let (answered, body) = test_create(&simulator, &params).await;
        assert_eq!(
            (answered, &body["code"]),
            (status, &code.into()),
            "{from} {to}"
        );
        assert_eq!(body["status"], status);
    }
    let (status, body) = test_create(&simulator, &[("To", anyone), ("From", good)]).await;
    assert_eq!((status, &body["code"]), (400, &21602.into()));
}

#[tokio::test]
async fn a_test_create_is_answered_and_leaves_nothing() {
    let simulator = with_test_credentials();
    let receiver = Receiver::start(&[]).await;
    let params = [HELLO.as_slice(), &[("StatusCallback", &receiver.url)]].concat();
    let (status, body) = test_create(&simulator, &params).await;
    assert_eq!(status, 201);
    assert_eq!(
        (&body["status"], &body["account_sid"], &body["body"]),
        (&"queued".into(), &TEST_ACCOUNT.into(), &"Hello".into())
    );
    let stats = simulator.control("/stats").await;
    assert_eq!(
        (&stats["accepted"], &stats["requests"]),
        (&0.into(), &0.into())
    );

    // A real message afterwards is the first one, and the first one that is reported.
    simulator.accepted(&params).await;
    simulator.message_in_status(0, "delivered").await;
    let received = receiver.wait_for(2).await;
    assert!(
        received
            .iter()
            .all(|callback| callback.params["AccountSid"] == ACCOUNT)
    );
}

#[tokio::test]
async fn test_credentials_reach_nothing_else() {
    let simulator = with_test_credentials();
    let sid = "SM00000000000000000000000000000001";
    for (method, path) in [
        (
            Method::GET,
            format!("/2010-04-01/Accounts/{TEST_ACCOUNT}.json"),
        ),
        (
            Method::GET,
            format!("/2010-04-01/Accounts/{TEST_ACCOUNT}/Messages.json"),
        ),
        (
            Method::GET,
            format!("/2010-04-01/Accounts/{TEST_ACCOUNT}/Messages/{sid}.json"),
        ),
        (Method::POST, "/v1/AuthTokens/Secondary".to_owned()),
    ] {
        let response = simulator
            .plain(method, &path)
            .basic_auth(TEST_ACCOUNT, Some("test-token"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 403, "{path}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], 20008);
    }
    let live = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    let response = simulator
        .plain(Method::POST, &live)
        .basic_auth(TEST_ACCOUNT, Some("test-token"))
        .form(&HELLO)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
}

/// Status of a fetch of the account with this token.
async fn opens(simulator: &Simulator, token: &str) -> u16 {
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}.json");
    let request = simulator.plain(Method::GET, &path);
    let response = request.basic_auth(ACCOUNT, Some(token)).send().await;
    response.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_token_is_rotated_without_a_gap() {
    let simulator = Simulator::start(&[]);
    let receiver = Receiver::start(&[]).await;
    let params = [HELLO.as_slice(), &[("StatusCallback", &receiver.url)]].concat();
    let made = simulator
        .host(Method::POST, "/v1/AuthTokens/Secondary")
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    let made: Value = made.json().await.unwrap();
    assert_eq!(made["account_sid"], ACCOUNT);
    let secondary = made["secondary_auth_token"].as_str().unwrap().to_owned();
    assert_eq!(opens(&simulator, TOKEN).await, 200);
    assert_eq!(opens(&simulator, &secondary).await, 200);

    // The receiver knows the first token only: callbacks are still signed with it.
    simulator.accepted(&params).await;
    receiver.wait_for(2).await;

    let promoted = simulator
        .plain(Method::POST, "/v1/AuthTokens/Promote")
        .basic_auth(ACCOUNT, Some(&secondary))
        .send()
        .await
        .unwrap();
    assert_eq!(promoted.status(), 200);
    let promoted: Value = promoted.json().await.unwrap();
    assert_eq!(promoted["auth_token"], secondary.as_str());
    assert_eq!(opens(&simulator, TOKEN).await, 401);
    assert_eq!(opens(&simulator, &secondary).await, 200);

    let new_receiver = Receiver::start_with_token(&secondary).await;
    simulator
        .plain(
            Method::POST,
            &format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"),
        )
        .basic_auth(ACCOUNT, Some(&secondary))
        .form(&[HELLO.as_slice(), &[("StatusCallback", &new_receiver.url)]].concat())
        .send()
        .await
        .unwrap();
    new_receiver.wait_for(2).await;
}

#[tokio::test]
async fn a_secondary_token_can_be_given_at_the_start_and_deleted() {
    let simulator = Simulator::start(&["--secondary-auth-token", "second"]);
    assert_eq!(opens(&simulator, "second").await, 200);
    let delete = || {
        simulator
            .host(Method::DELETE, "/v1/AuthTokens/Secondary")
            .send()
    };
    assert_eq!(delete().await.unwrap().status(), 204);
    assert_eq!(opens(&simulator, "second").await, 401);
    assert_eq!(delete().await.unwrap().status(), 404);
    let promote = simulator.host(Method::POST, "/v1/AuthTokens/Promote");
    assert_eq!(promote.send().await.unwrap().status(), 404);
    simulator.set("/reset", json!({})).await;
    assert_eq!(opens(&simulator, "second").await, 200);
    eventually(async || (opens(&simulator, TOKEN).await == 200).then_some(())).await;
}
