//! The socket that clients connect to.

use std::net::{SocketAddr, TcpListener};

/// Connections that the kernel keeps until a worker takes them; its own bound `net.core.somaxconn` holds too. A flash
/// sale connects by the thousand in one moment, and who finds no place tries again only after a second. The standard
/// library asks for 128.
const BACKLOG: i32 = 4_096;

/// Listens, with room for a crowd.
///
/// # Errors
/// If the address cannot be had.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // On a socket that listens it changes the room alone.
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpStream};
    use std::time::Duration;

    #[test]
    fn a_crowd_is_connected_before_anybody_is_taken() {
        // The kernel's own bound may be smaller where this runs.
        let bound = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let crowd_size = bound.trim().parse::<usize>().unwrap().min(300);
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(900));
        let crowd: Vec<_> = (0..crowd_size).map_while(|_| connect().ok()).collect();
        assert_eq!(crowd.len(), crowd_size);
    }
}
