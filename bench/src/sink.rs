//! A stand-in for the provider: answers every POST as Twilio answers a new message, after a delay, and stamps arrivals.
//!
//! One thread of its own, HTTP/1.1 with keep-alive, nothing else: it shall cost as little as can be beside what is measured.

use herald_tests::{Failure, Outcome};
use rustix::time::{ClockId, clock_gettime};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

/// Time on CLOCK_MONOTONIC, which all processes of a machine share.
pub(crate) fn monotonic() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// When its last byte was read, on CLOCK_MONOTONIC.
    pub(crate) at: Duration,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// The id that was answered.
    pub(crate) sid: String,
}

#[derive(Default)]
struct Shared {
    delay_ms: AtomicU64,
    /// By how much the waits so far were too long, all together.
    too_long_us: AtomicU64,
    count: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
    arrivals: Mutex<Vec<Arrival>>,
}

/// The running stand-in; it ends when this value is dropped.
pub(crate) struct Sink {
    /// Where it listens, without a slash at the end.
    pub(crate) url: String,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<()>,
}

impl Sink {
    /// Starts it on a free port; it answers at once.
    pub(crate) fn start() -> Outcome<Sink> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::default());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let of_thread = shared.clone();
        std::thread::Builder::new()
            .name("sink".to_string())
            .spawn(move || runtime.block_on(serve(listener, of_thread, stopped)))?;
        Ok(Sink {
            url,
            shared,
            _stop: stop,
        })
    }

    /// How long each answer takes from now on.
    pub(crate) fn set_delay(&self, delay: Duration) {
        let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// Forgets what has arrived.
    pub(crate) fn clear(&self) {
        lock(&self.shared.arrivals).clear();
        self.shared.count.store(0, Ordering::SeqCst);
    }

    /// How many requests have arrived.
    pub(crate) fn count(&self) -> u64 {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// Waits until that many have arrived; an error after `limit`.
    pub(crate) async fn wait_for(&self, number: u64, limit: Duration) -> Outcome<()> {
        self.shared.wanted.store(number, Ordering::SeqCst);
        let arrived = async {
            loop {
                let told = self.shared.reached.notified();
                if self.count() >= number {
                    return;
                }
                told.await;
            }
        };
        tokio::time::timeout(limit, arrived).await.map_err(|_| {
            Failure::new(format!(
                "{} of {number} requests arrived within {limit:?}",
                self.count()
            ))
        })
    }

    /// What has arrived, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.shared.arrivals).clone()
    }

    /// When the first arrived.
    pub(crate) fn first_at(&self) -> Option<Duration> {
        lock(&self.shared.arrivals).first().map(|first| first.at)
    }
}

/// A panic in another holder leaves a list of arrivals that is still one.
fn lock(arrivals: &Mutex<Vec<Arrival>>) -> std::sync::MutexGuard<'_, Vec<Arrival>> {
    arrivals.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        eprintln!("bench: the sink cannot listen");
        return;
    };
    let accepting = async {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = shared.clone();
            tokio::spawn(async move {
                // A client that goes away in the middle of a request is seen by what is then missing.
                let _gone = converse(stream, &shared).await;
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        _ = stopped => {}
    }
}

/// Answers the requests of one connection, one after the other.
async fn converse(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(8 * 1024);
    loop {
        let head = loop {
            if let Some(end) = find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let end = head + content_length(&buffer[..head]);
        while buffer.len() < end {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        if !buffer.starts_with(b"POST ") {
            buffer.drain(..end);
            stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                .await?;
            continue;
        }
        let sid = arrived(shared, buffer[head..end].to_vec());
        buffer.drain(..end);
        let delay = shared.delay_ms.load(Ordering::Relaxed);
        if delay > 0 {
            pause(shared, Duration::from_millis(delay)).await;
        }
        stream.write_all(answer(&sid).as_bytes()).await?;
    }
}

/// Waits this long on average: the timer rings one or two milliseconds late, and by what one wait was too long another is
/// shorter.
async fn pause(shared: &Shared, delay: Duration) {
    let owed = Duration::from_micros(shared.too_long_us.swap(0, Ordering::Relaxed));
    let began = Instant::now();
    tokio::time::sleep(delay.saturating_sub(owed)).await;
    let too_long = (began.elapsed() + owed).saturating_sub(delay);
    let too_long = u64::try_from(too_long.as_micros()).unwrap_or(u64::MAX);
    shared.too_long_us.fetch_add(too_long, Ordering::Relaxed);
}

/// Notes a request; gives an id that was never given before.
fn arrived(shared: &Shared, body: Vec<u8>) -> String {
    let at = monotonic();
    let number = shared.count.load(Ordering::SeqCst) + 1;
    let sid = format!("SM{:016x}{number:016x}", rand::random::<u64>());
    lock(&shared.arrivals).push(Arrival {
        at,
        body,
        sid: sid.clone(),
    });
    shared.count.store(number, Ordering::SeqCst);
    if number >= shared.wanted.load(Ordering::SeqCst) {
        shared.reached.notify_waiters();
    }
    sid
}

/// What Twilio answers to a create request.
fn answer(sid: &str) -> String {
    let body = format!(
        r#"{{"account_sid":"AC00000000000000000000000000000000","api_version":"2010-04-01","body":"","date_created":"Wed, 25 Nov 2026 12:00:00 +0000","date_sent":null,"date_updated":"Wed, 25 Nov 2026 12:00:00 +0000","direction":"outbound-api","error_code":null,"error_message":null,"from":"+15005550006","messaging_service_sid":null,"num_media":"0","num_segments":"1","price":null,"price_unit":"USD","sid":"{sid}","status":"queued","subresource_uris":{{}},"to":"+15005550100","uri":"/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages/{sid}.json"}}"#
    );
    format!(
        "HTTP/1.1 201 Created\r\nContent-Type: application/json;charset=utf-8\r\nTwilio-Request-Id: RQ{}\r\nContent-Length: {}\r\n\r\n{body}",
        &sid[2..],
        body.len()
    )
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// The value of Content-Length, 0 if there is none.
fn content_length(head: &[u8]) -> usize {
    String::from_utf8_lossy(head)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_answers_keeps_the_connection_and_counts() {
        let sink = Sink::start().unwrap();
        let address = sink.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut sids = Vec::new();
        for _ in 0..2 {
            stream
                .write_all(b"POST /x HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello")
                .await
                .unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"}") || find(&answer, b"\"uri\"").is_none() {
                assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
            }
            let text = String::from_utf8(answer).unwrap();
            assert!(text.starts_with("HTTP/1.1 201 "), "{text}");
            let body = text.split_once("\r\n\r\n").unwrap().1;
            let json: serde_json::Value = serde_json::from_str(body).unwrap();
            sids.push(json["sid"].as_str().unwrap().to_string());
        }
        sink.wait_for(2, Duration::from_secs(5)).await.unwrap();
        assert_eq!(sids[0].len(), 34);
        assert_ne!(sids[0], sids[1]);
        assert_eq!(sink.arrivals()[1].body, b"hello");
    }
}
