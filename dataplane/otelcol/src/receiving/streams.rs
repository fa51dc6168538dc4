//! TCP without HTTP: a task for each connection, all of them ending with the instance.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use engine::{Built, TaskSet};
use runtime::net::{TcpListener, TcpStream};

/// Limit: connections of one listener on a shard; at this many accepting waits.
const CONNECTIONS_MAX: u32 = 4096;

/// Pause after an accept that failed for want of resources, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An instance that has each connection of its listener served by `serve`.
pub fn serve_streams<F>(
    listener: TcpListener,
    serve: impl Fn(TcpStream, SocketAddr) -> F + 'static,
) -> Built
where
    F: Future<Output = ()> + 'static,
{
    let tasks = Rc::new(TaskSet::new());
    let owner = tasks.clone();
    Built::new()
        .run(async move {
            let slots = runtime::sync::Semaphore::new(CONNECTIONS_MAX);
            loop {
                let slot = slots.acquire(1).await;
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        let served = serve(stream, peer);
                        tasks.spawn(async move {
                            served.await;
                            drop(slot);
                        });
                    }
                    Err(error) => {
                        tracing::warn!("cannot accept a connection: {error}");
                        runtime::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        })
        .drain(move |_| {
            owner.abort();
            async {}
        })
}
