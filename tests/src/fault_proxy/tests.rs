use super::*;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// What should never happen is waited for this long.
const NEVER: Duration = Duration::from_millis(150);
/// What should happen at once.
const SOON: Duration = Duration::from_secs(10);

/// A server that sends back what it gets, and counts the connections that it has seen end.
async fn echo() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let ended = Arc::new(AtomicUsize::new(0));
    let count = ended.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 64];
                while let Ok(length @ 1..) = socket.read(&mut buffer).await {
                    socket.write_all(&buffer[..length]).await.unwrap();
                }
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    (port, ended)
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()))
        .await
        .unwrap()
}

async fn say(socket: &mut TcpStream, word: &[u8; 4]) {
    socket.write_all(word).await.unwrap();
}

async fn hear(socket: &mut TcpStream) -> std::io::Result<[u8; 4]> {
    let mut word = [0; 4];
    let heard = timeout(SOON, socket.read_exact(&mut word)).await;
    heard.expect("an answer in time").map(|_| word)
}

async fn assert_silent(socket: &mut TcpStream) {
    let mut byte = [0; 1];
    let heard = timeout(NEVER, socket.read(&mut byte)).await;
    assert!(heard.is_err(), "{heard:?}");
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let met = timeout(SOON, async {
        while !condition() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    met.await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn it_passes_delays_and_holds() {
    let (port, ended) = echo().await;
    let proxy = FaultProxy::start(port).await.unwrap();
    let mut socket = connect(&proxy).await;
    say(&mut socket, b"pass").await;
    assert_eq!(hear(&mut socket).await.unwrap(), *b"pass");

    proxy.set(Way::ToClient, Flow::Delay(NEVER));
    let asked = std::time::Instant::now();
    say(&mut socket, b"late").await;
    assert_eq!(hear(&mut socket).await.unwrap(), *b"late");
    assert!(asked.elapsed() >= NEVER);

    proxy.set_both(Flow::Hold);
    say(&mut socket, b"hold").await;
    assert_silent(&mut socket).await;
    proxy.heal().await.unwrap();
    assert_eq!(hear(&mut socket).await.unwrap(), *b"hold");
    assert_eq!((proxy.open(), proxy.lost()), (1, 0));

    drop(socket);
    until("an end is told to the server", || {
        ended.load(Ordering::SeqCst) == 1 && proxy.open() == 0
    })
    .await;
}

#[tokio::test]
async fn what_a_black_hole_took_stays_lost_and_nobody_is_told() {
    let (port, ended) = echo().await;
    let proxy = FaultProxy::start(port).await.unwrap();
    let mut old = connect(&proxy).await;
    let mut idle = connect(&proxy).await;
    for socket in [&mut old, &mut idle] {
        say(socket, b"pass").await;
        hear(socket).await.unwrap();
    }
    proxy.set(Way::ToClient, Flow::BlackHole);
    say(&mut old, b"lost").await;
    assert_silent(&mut old).await;
    let mut new = connect(&proxy).await;
    say(&mut new, b"lost").await;
    assert_silent(&mut new).await;
    assert_eq!((proxy.open(), proxy.lost()), (3, 2));

    // One gives up meanwhile: the server does not hear of it before the network is whole again.
    drop(old);
    sleep(NEVER).await;
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    proxy.heal().await.unwrap();
    until("the server hears of it", || {
        ended.load(Ordering::SeqCst) == 1
    })
    .await;
    assert_silent(&mut new).await;
    // What lost nothing goes on.
    say(&mut idle, b"pass").await;
    assert_eq!(hear(&mut idle).await.unwrap(), *b"pass");
}

#[tokio::test]
async fn the_answer_to_a_text_is_lost() {
    let (port, _) = echo().await;
    let proxy = FaultProxy::start(port).await.unwrap();
    let mut socket = connect(&proxy).await;
    proxy.lose_the_answer_to("hit");
    say(&mut socket, b"miss").await;
    assert_eq!(hear(&mut socket).await.unwrap(), *b"miss");
    say(&mut socket, b"ahit").await;
    assert_silent(&mut socket).await;
    assert_eq!(proxy.lost(), 1);
    proxy.heal().await.unwrap();
    let mut socket = connect(&proxy).await;
    say(&mut socket, b"ahit").await;
    assert_eq!(hear(&mut socket).await.unwrap(), *b"ahit");
}

#[tokio::test]
async fn it_refuses_and_resets() {
    let (port, _) = echo().await;
    let (proxy, url) = FaultProxy::before(&format!("x://u:127@127.0.0.1:{port}/d?a=b"))
        .await
        .unwrap();
    assert_eq!(url, format!("x://u:127@127.0.0.1:{}/d?a=b", proxy.port()));
    assert!(FaultProxy::before("x://localhost:80").await.is_err());
    let mut socket = connect(&proxy).await;
    say(&mut socket, b"pass").await;
    hear(&mut socket).await.unwrap();

    proxy.refuse().await;
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    say(&mut socket, b"stay").await;
    assert_eq!(hear(&mut socket).await.unwrap(), *b"stay");

    proxy.reset_all();
    assert_eq!(
        hear(&mut socket).await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    proxy.heal().await.unwrap();
    let mut socket = connect(&proxy).await;
    say(&mut socket, b"pass").await;
    assert_eq!(hear(&mut socket).await.unwrap(), *b"pass");
}
