//! Status callbacks as Twilio sends them, many at a time.

use crate::sink::{Arrival, monotonic};
use crate::texts::form_value;
use crate::world::World;
use herald_core::signature::sign;
use herald_tests::daemon::Daemon;
use herald_tests::{Failure, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The requests that tell one status of each of these texts, signed and ready to be written.
pub(crate) fn requests(
    world: &World,
    daemon: &Daemon,
    texts: &[Arrival],
    status: &str,
) -> Outcome<Vec<Vec<u8>>> {
    texts
        .iter()
        .map(|text| request(world, daemon, text, status))
        .collect()
}

fn request(world: &World, daemon: &Daemon, text: &Arrival, status: &str) -> Outcome<Vec<u8>> {
    let missing = || Failure::new("a request named no StatusCallback");
    let url = form_value(&text.body, "StatusCallback").ok_or_else(missing)?;
    // Twilio keeps what follows # to itself.
    let url = url.split('#').next().unwrap_or_default();
    let target = url.strip_prefix(&daemon.url).ok_or_else(missing)?;
    let to = form_value(&text.body, "To").unwrap_or_default();
    let mut form = vec![
        ("AccountSid", world.account.sid.as_str()),
        ("ApiVersion", "2010-04-01"),
        ("From", "+15005550006"),
        ("MessageSid", &text.sid),
        ("MessageStatus", status),
        ("SmsSid", &text.sid),
        ("SmsStatus", status),
        ("To", &to),
    ];
    if status == "delivered" {
        form.push(("RawDlrDoneDate", "2611251200"));
    }
    let form: Vec<(String, String)> = form
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let signature = sign(&world.account.auth_token, url, &form);
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&form)
        .finish();
    let host = daemon.url.trim_start_matches("http://");
    Ok(format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         X-Twilio-Signature: {signature}\r\nI-Twilio-Idempotency-Token: {}-{status}\r\nContent-Length: {}\r\n\r\n{body}",
        text.sid,
        body.len()
    )
    .into_bytes())
}

/// Sends requests over that many connections; how many were answered with 204 in a second. Any other answer is a failure.
pub(crate) async fn send(
    daemon: &Daemon,
    requests: Vec<Vec<u8>>,
    connections: usize,
) -> Outcome<f64> {
    let count = requests.len();
    let address = daemon.url.trim_start_matches("http://").to_string();
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let began = monotonic();
    let mut running = JoinSet::new();
    for _ in 0..connections {
        let (address, requests, next) = (address.clone(), requests.clone(), next.clone());
        running.spawn(async move {
            let mut stream = TcpStream::connect(&address).await?;
            stream.set_nodelay(true)?;
            let mut answer = Vec::with_capacity(1024);
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                stream.write_all(request).await?;
                answer.clear();
                while !answer.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut answer).await? == 0 {
                        return Err(Failure::new("the daemon closed the connection"));
                    }
                }
                if !answer.starts_with(b"HTTP/1.1 204 ") {
                    return Err(Failure::new(format!(
                        "a callback was answered with {}",
                        String::from_utf8_lossy(&answer)
                    )));
                }
            }
            Outcome::Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(count as f64 / (monotonic() - began).as_secs_f64())
}
