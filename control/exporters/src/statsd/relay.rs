//! Passes lines on to another StatsD server by UDP, several in one packet.

use std::io;
use std::net::UdpSocket;

use super::listen::addresses;

/// Lines that wait for their packet.
pub struct Relay {
    socket: UdpSocket,
    packet: Vec<u8>,
    packet_bytes_max: usize,
}

impl Relay {
    pub fn new(address: &str, packet_bytes_max: usize) -> io::Result<Relay> {
        let to = addresses(address)?;
        let to = to.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let any = match to {
            std::net::SocketAddr::V4(_) => "0.0.0.0:0",
            std::net::SocketAddr::V6(_) => "[::]:0",
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(to)?;
        // A full send buffer loses a packet rather than to hold up who listens.
        socket.set_nonblocking(true)?;
        Ok(Relay {
            socket,
            packet: Vec::with_capacity(packet_bytes_max),
            packet_bytes_max,
        })
    }

    /// A line that no packet can hold is left out.
    pub fn add(&mut self, line: &[u8]) {
        if line.len() + 1 > self.packet_bytes_max {
            tracing::debug!(bytes = line.len(), "a line is too long to be relayed");
            return;
        }
        if self.packet.len() + line.len() + 1 > self.packet_bytes_max {
            self.flush();
        }
        self.packet.extend_from_slice(line);
        self.packet.push(b'\n');
    }

    pub fn flush(&mut self) {
        if self.packet.is_empty() {
            return;
        }
        if let Err(error) = self.socket.send(&self.packet) {
            tracing::debug!(err = %error, "cannot relay lines");
        }
        self.packet.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_share_packets_up_to_their_length() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("an address").to_string();
        let mut relay = Relay::new(&address, 8).expect("a socket");
        for line in ["a:1|c", "b:2|c", "longer:3|c"] {
            relay.add(line.as_bytes());
        }
        relay.flush();
        let mut buffer = [0; 64];
        for expect in ["a:1|c\n", "b:2|c\n"] {
            let bytes = server.recv(&mut buffer).expect("a packet");
            assert_eq!(&buffer[..bytes], expect.as_bytes());
        }
    }
}
