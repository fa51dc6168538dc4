//! The simulated network: connections inside the one machine, with delay, and broken on request.
//!
//! A connection is known by the address of the listener that it went to. Bytes arrive in order,
//! after the latency, in pieces of any size.

mod stream;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use stdx::Rng;

use super::world::{Timer, random_in};
use crate::current;
use crate::net::ListenOptions;

use stream::Pipe;
pub(crate) use stream::TcpStream;

/// The network of a simulation. Clones are the same network.
#[derive(Clone)]
pub struct Network {
    state: Rc<State>,
}

struct State {
    rng: RefCell<Rng>,
    latency: Range<Duration>,
    next_port: Cell<u16>,
    listeners: RefCell<BTreeMap<SocketAddr, Vec<Rc<Backlog>>>>,
    pipes: RefCell<Vec<(SocketAddr, Weak<RefCell<Pipe>>)>>,
    partitioned: RefCell<BTreeSet<SocketAddr>>,
    /// Connects that wait for a partition to heal.
    waiting: RefCell<Vec<Waker>>,
}

/// The first port given to those that do not choose one, as most systems do.
const EPHEMERAL_PORT_MIN: u16 = 49_152;

impl Network {
    pub(super) fn new(rng: Rng, latency: Range<Duration>) -> Network {
        Network {
            state: Rc::new(State {
                rng: RefCell::new(rng),
                latency,
                next_port: Cell::new(EPHEMERAL_PORT_MIN),
                listeners: RefCell::default(),
                pipes: RefCell::default(),
                partitioned: RefCell::default(),
                waiting: RefCell::default(),
            }),
        }
    }

    /// Cuts everybody off from the listener at `address`: bytes on the way and later ones wait, so
    /// do new connections.
    pub fn partition(&self, address: SocketAddr) {
        self.state.partitioned.borrow_mut().insert(address);
    }

    /// Ends a partition; what waited arrives now.
    pub fn heal(&self, address: SocketAddr) {
        self.state.partitioned.borrow_mut().remove(&address);
        let mut wakers = self.state.waiting.take();
        for pipe in self.pipes_of(address) {
            wakers.extend(pipe.borrow_mut().take_wakers());
        }
        for waker in wakers {
            waker.wake();
        }
    }

    /// Breaks every connection with the listener at `address`: both ends see a reset, bytes on the
    /// way are lost.
    pub fn reset(&self, address: SocketAddr) {
        let mut wakers = Vec::new();
        for pipe in self.pipes_of(address) {
            let mut pipe = pipe.borrow_mut();
            pipe.reset();
            wakers.extend(pipe.take_wakers());
        }
        for waker in wakers {
            waker.wake();
        }
    }

    fn pipes_of(&self, address: SocketAddr) -> Vec<Rc<RefCell<Pipe>>> {
        let mut pipes = self.state.pipes.borrow_mut();
        pipes.retain(|(_, pipe)| pipe.strong_count() > 0);
        let of_address = pipes.iter().filter(|(of, _)| *of == address);
        of_address.filter_map(|(_, pipe)| pipe.upgrade()).collect()
    }

    fn is_partitioned(&self, address: SocketAddr) -> bool {
        self.state.partitioned.borrow().contains(&address)
    }

    fn random_latency(&self) -> Duration {
        random_in(&mut self.state.rng.borrow_mut(), &self.state.latency)
    }

    fn random_below(&self, bound: usize) -> usize {
        self.state.rng.borrow_mut().below(bound as u64) as usize
    }

    fn free_port(&self) -> u16 {
        let port = self.state.next_port.get();
        self.state.next_port.set(if port == u16::MAX {
            EPHEMERAL_PORT_MIN
        } else {
            port + 1
        });
        port
    }

    fn connection(&self, address: SocketAddr) -> Rc<RefCell<Pipe>> {
        let pipe = Rc::new(RefCell::new(Pipe::default()));
        self.state
            .pipes
            .borrow_mut()
            .push((address, Rc::downgrade(&pipe)));
        pipe
    }
}

/// Connections that wait to be accepted.
struct Backlog {
    reuse_port: bool,
    limit: usize,
    arrived: RefCell<VecDeque<TcpStream>>,
    waker: RefCell<Vec<Waker>>,
}

/// A simulated listener.
pub(crate) struct TcpListener {
    network: Network,
    address: SocketAddr,
    backlog: Rc<Backlog>,
}

impl TcpListener {
    pub(crate) fn bind(
        mut address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<TcpListener> {
        let network = current::world().network().clone();
        if address.port() == 0 {
            address.set_port(network.free_port());
        }
        let backlog = Rc::new(Backlog {
            reuse_port: options.reuse_port,
            limit: options.backlog as usize,
            arrived: RefCell::default(),
            waker: RefCell::default(),
        });
        let mut listeners = network.state.listeners.borrow_mut();
        let shared = listeners.entry(address).or_default();
        let all_share = options.reuse_port && shared.iter().all(|other| other.reuse_port);
        if !shared.is_empty() && !all_share {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        shared.push(backlog.clone());
        drop(listeners);
        Ok(TcpListener {
            network,
            address,
            backlog,
        })
    }

    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|cx| match self.backlog.arrived.borrow_mut().pop_front() {
            Some(stream) => {
                let peer = stream.peer_addr();
                Poll::Ready(Ok((stream, peer)))
            }
            None => {
                self.backlog.waker.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        let mut listeners = self.network.state.listeners.borrow_mut();
        if let Some(shared) = listeners.get_mut(&self.address) {
            shared.retain(|backlog| !Rc::ptr_eq(backlog, &self.backlog));
            if shared.is_empty() {
                listeners.remove(&self.address);
            }
        }
        drop(listeners);
        // Nobody will accept these: their other ends see the connection closed.
        self.backlog.arrived.take();
    }
}

/// Opens a connection to the listener at `address`.
async fn connect(network: &Network, address: SocketAddr) -> io::Result<TcpStream> {
    Timer::after(network.random_latency()).await;
    poll_fn(|cx| {
        if !network.is_partitioned(address) {
            return Poll::Ready(());
        }
        network.state.waiting.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    })
    .await;
    let listeners = network.state.listeners.borrow();
    let Some(shared) = listeners.get(&address) else {
        return Err(io::ErrorKind::ConnectionRefused.into());
    };
    let backlog = shared[network.random_below(shared.len())].clone();
    drop(listeners);
    if backlog.arrived.borrow().len() >= backlog.limit {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let own = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), network.free_port());
    let (there, back) = (network.connection(address), network.connection(address));
    let server = TcpStream::new(
        network,
        stream::Ends {
            own: address,
            peer: own,
            listener: address,
        },
        &there,
        &back,
    );
    let client = TcpStream::new(
        network,
        stream::Ends {
            own,
            peer: address,
            listener: address,
        },
        &back,
        &there,
    );
    backlog.arrived.borrow_mut().push_back(server);
    for waker in backlog.waker.take() {
        waker.wake();
    }
    Ok(client)
}
