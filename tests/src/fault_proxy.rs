//! A TCP proxy on 127.0.0.1 that loses, delays, refuses and resets what goes through it: the network of the fault tests.

#[cfg(test)]
mod tests;

use crate::failure::{Failure, Outcome};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What becomes of the bytes of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They arrive.
    Pass,
    /// Each piece arrives this much later.
    Delay(Duration),
    /// They wait, and arrive when this is over: a break that TCP bridges by sending again.
    Hold,
    /// They are lost, and so is a FIN or RST: each end believes in a connection that is gone. A connection that has lost
    /// something stays silent for good, whatever the flow is later.
    BlackHole,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From whoever connected.
    ToServer,
    /// Back.
    ToClient,
}

/// The proxy. It lets everything pass until it is told otherwise, and closes all connections when it is dropped.
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

/// What the connections look at.
struct Shared {
    target: SocketAddr,
    to_server: watch::Sender<Flow>,
    to_client: watch::Sender<Flow>,
    /// What springs the black hole to the client.
    trap: watch::Sender<Option<&'static str>>,
    /// Counted up to reset all connections.
    resets: watch::Sender<u64>,
    open: AtomicUsize,
    lost: AtomicUsize,
}

impl FaultProxy {
    /// Listens on a free port and forwards to `target`, a port on 127.0.0.1.
    pub async fn start(target: u16) -> Outcome<FaultProxy> {
        let shared = Arc::new(Shared {
            target: SocketAddr::from((Ipv4Addr::LOCALHOST, target)),
            to_server: watch::Sender::new(Flow::Pass),
            to_client: watch::Sender::new(Flow::Pass),
            trap: watch::Sender::new(None),
            resets: watch::Sender::new(0),
            open: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(FaultProxy {
            port,
            shared,
            listening: Mutex::new(Some(task)),
        })
    }

    /// Listens for the server that this URL names, such as `postgres://…@127.0.0.1:5432/…`; gives the proxy and the URL
    /// with the proxy's port.
    pub async fn before(url: &str) -> Outcome<(FaultProxy, String)> {
        const HOST: &str = "127.0.0.1:";
        let parts = url.rsplit_once(HOST).map(|(before, rest)| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            (before, &rest[..digits], &rest[digits..])
        });
        let Some((before, port, after)) = parts else {
            return Err(Failure::new(format!("no {HOST}port in this URL")));
        };
        let proxy = FaultProxy::start(port.parse()?).await?;
        let url = format!("{before}{HOST}{}{after}", proxy.port);
        Ok((proxy, url))
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets one direction.
    pub fn set(&self, way: Way, flow: Flow) {
        self.shared.direction(way).send_replace(flow);
    }

    /// Sets both directions.
    pub fn set_both(&self, flow: Flow) {
        self.set(Way::ToServer, flow);
        self.set(Way::ToClient, flow);
    }

    /// Refuses new connections, as a port that nobody listens on; those that are open stay.
    pub async fn refuse(&self) {
        if let Some(task) = self.listening.lock().await.take() {
            task.abort();
            // The port is closed when the task is gone.
            let _aborted = task.await;
        }
    }

    /// Takes new connections again.
    pub async fn admit(&self) -> Outcome<()> {
        let mut listening = self.listening.lock().await;
        if listening.is_none() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
            *listening = Some(tokio::spawn(accept(listener, self.shared.clone())));
        }
        Ok(())
    }

    /// The next piece to the server that contains this text arrives, and from then on nothing comes back: what it asks for
    /// is done, and nobody hears of it.
    pub fn lose_the_answer_to(&self, text: &'static str) {
        self.shared.trap.send_replace(Some(text));
    }

    /// Ends all connections with a RST to both ends.
    pub fn reset_all(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }

    /// Everything passes again, and new connections are taken. What was lost stays lost.
    pub async fn heal(&self) -> Outcome<()> {
        self.set_both(Flow::Pass);
        self.admit().await
    }

    /// Connections that are open at either end.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Connections that have lost something since the start.
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.reset_all();
        if let Some(task) = self.listening.get_mut().take() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Accepting fails only for want of file descriptors, and then the test fails anyway.
    while let Ok((client, _)) = listener.accept().await {
        let resets = shared.resets.subscribe();
        tokio::spawn(carry(client, shared.clone(), resets));
    }
}

/// Serves one connection until both ends are closed, or it is reset.
async fn carry(mut client: TcpStream, shared: Arc<Shared>, mut resets: watch::Receiver<u64>) {
    shared.open.fetch_add(1, Ordering::SeqCst);
    let is_lost = AtomicBool::new(false);
    // Whoever connects into a black hole gets no further, whatever comes later.
    if shared.is_hole() {
        shared.lose(&is_lost);
        tokio::select! {
            () = swallow(&mut client, &shared) => {}
            _ = resets.changed() => {}
        }
        reset(&client);
    } else if let Ok(mut server) = TcpStream::connect(shared.target).await {
        let (client_in, client_out) = client.split();
        let (server_in, server_out) = server.split();
        let conversation = async {
            tokio::try_join!(
                pump(client_in, server_out, &shared, Way::ToServer, &is_lost),
                pump(server_in, client_out, &shared, Way::ToClient, &is_lost),
            )
        };
        let closed = tokio::select! {
            closed = conversation => closed.is_ok(),
            _ = resets.changed() => false,
        };
        if !closed {
            reset(&client);
            reset(&server);
        }
    } else {
        reset(&client);
    }
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

/// When this socket is dropped, its other end gets a RST. An error means that it is gone already.
fn reset(socket: &TcpStream) {
    let _gone = socket.set_zero_linger();
}

/// Carries one direction until it is closed. An error: the connection is to be reset.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    shared: &Shared,
    way: Way,
    is_lost: &AtomicBool,
) -> std::io::Result<()> {
    let mut flow = shared.direction(way).subscribe();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await;
        let flow = next_flow(&mut flow).await;
        if flow == Flow::BlackHole {
            shared.lose(is_lost);
        }
        let is_silent = is_lost.load(Ordering::SeqCst);
        match read {
            Ok(1..) if is_silent => {}
            Ok(length @ 1..) => {
                if let Flow::Delay(time) = flow {
                    sleep(time).await;
                }
                if way == Way::ToServer {
                    shared.spring_trap(&buffer[..length]);
                }
                to.write_all(&buffer[..length]).await?;
            }
            // Its other end hears of it when something gets through again, by a RST.
            Ok(0) | Err(_) if is_silent => {
                shared.wait_for_air().await;
                return Err(ErrorKind::ConnectionReset.into());
            }
            Ok(_) => return to.shutdown().await,
            Err(error) => return Err(error),
        }
    }
}

/// The flow, once it is no [`Flow::Hold`].
async fn next_flow(flow: &mut watch::Receiver<Flow>) -> Flow {
    let open = flow.wait_for(|flow| *flow != Flow::Hold).await;
    // The sender lives as long as the connections.
    open.map_or(Flow::Pass, |flow| *flow)
}

/// Takes what a client says into a black hole, until it gives up.
async fn swallow(client: &mut TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 1024];
    while let Ok(1..) = client.read(&mut buffer).await {}
    shared.wait_for_air().await;
}

impl Shared {
    fn direction(&self, way: Way) -> &watch::Sender<Flow> {
        match way {
            Way::ToServer => &self.to_server,
            Way::ToClient => &self.to_client,
        }
    }

    fn spring_trap(&self, piece: &[u8]) {
        let trap = *self.trap.borrow();
        let Some(text) = trap.map(str::as_bytes) else {
            return;
        };
        if piece.windows(text.len()).any(|window| window == text) {
            self.trap.send_replace(None);
            self.to_client.send_replace(Flow::BlackHole);
        }
    }

    fn is_hole(&self) -> bool {
        [Way::ToServer, Way::ToClient]
            .iter()
            .any(|way| *self.direction(*way).borrow() == Flow::BlackHole)
    }

    /// Returns when there is no black hole any more.
    async fn wait_for_air(&self) {
        while self.is_hole() {
            for way in [Way::ToServer, Way::ToClient] {
                let mut flow = self.direction(way).subscribe();
                let _open = flow.wait_for(|flow| *flow != Flow::BlackHole).await;
            }
        }
    }

    /// A connection has lost something.
    fn lose(&self, is_lost: &AtomicBool) {
        if !is_lost.swap(true, Ordering::SeqCst) {
            self.lost.fetch_add(1, Ordering::SeqCst);
        }
    }
}
