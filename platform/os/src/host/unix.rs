//! `getifaddrs`, `getaddrinfo` and `getnameinfo`: interfaces, and the names that the system's
//! resolver knows. Calls of the resolver wait for the network.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

use super::Interface;

pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
    let mut first = ptr::null_mut();
    // SAFETY: the call writes one pointer, to a list that is freed below.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found: Vec<Interface> = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: the list is valid until it is freed, and so is each entry's name.
        let (entry, name) = unsafe { (&*next, CStr::from_ptr((*next).ifa_name)) };
        let name = name.to_string_lossy();
        let at = match found.iter().position(|it| it.name == name) {
            Some(at) => at,
            None => {
                found.push(Interface {
                    name: name.into_owned(),
                    up: entry.ifa_flags & libc::IFF_UP as libc::c_uint != 0,
                    loopback: entry.ifa_flags & libc::IFF_LOOPBACK as libc::c_uint != 0,
                    addresses: Vec::new(),
                    hardware: None,
                });
                found.len() - 1
            }
        };
        if !entry.ifa_addr.is_null() {
            // SAFETY: not null, so a socket address of the list.
            unsafe { take_address(&mut found[at], entry.ifa_addr) };
        }
        next = entry.ifa_next;
    }
    // SAFETY: what getifaddrs gave, once; nothing of it is held any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(found)
}

/// # Safety
/// `address` points to a socket address as large as its family asks for.
unsafe fn take_address(interface: &mut Interface, address: *const libc::sockaddr) {
    // SAFETY: the caller's promise; reads are of the type that the family tells.
    unsafe {
        match i32::from((*address).sa_family) {
            #[cfg(target_os = "linux")]
            libc::AF_PACKET => {
                let link = ptr::read_unaligned(address.cast::<libc::sockaddr_ll>());
                if link.sll_halen == 6 {
                    let mut hardware = [0; 6];
                    hardware.copy_from_slice(&link.sll_addr[..6]);
                    interface.hardware = Some(hardware);
                }
            }
            _ => interface.addresses.extend(ip(address)),
        }
    }
}

/// # Safety
/// As of `take_address`.
unsafe fn ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the caller's promise; reads are of the type that the family tells.
    unsafe {
        match i32::from((*address).sa_family) {
            libc::AF_INET => {
                let v4 = ptr::read_unaligned(address.cast::<libc::sockaddr_in>());
                Some(Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes()).into())
            }
            libc::AF_INET6 => {
                let v6 = ptr::read_unaligned(address.cast::<libc::sockaddr_in6>());
                Some(Ipv6Addr::from(v6.sin6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}

pub(super) fn canonical_name(host: &str) -> io::Result<String> {
    let host = CString::new(host)?;
    // SAFETY: zeroed bytes are a valid addrinfo of no wishes.
    let mut hints: libc::addrinfo = unsafe { MaybeUninit::zeroed().assume_init() };
    hints.ai_flags = libc::AI_CANONNAME;
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut first = ptr::null_mut();
    // SAFETY: both texts end with a zero byte or are null; the call writes one pointer, to a list
    // that is freed below.
    let answer =
        unsafe { libc::getaddrinfo(host.as_ptr(), ptr::null(), &raw const hints, &raw mut first) };
    if answer != 0 {
        return Err(resolver_error(answer));
    }
    // SAFETY: without an error there is at least one entry, and the first one has the name.
    let name = unsafe { (*first).ai_canonname };
    let name = match name.is_null() {
        true => Err(io::ErrorKind::NotFound.into()),
        // SAFETY: not null, so a text of the list.
        false => Ok(unsafe { CStr::from_ptr(name) }
            .to_string_lossy()
            .into_owned()),
    };
    // SAFETY: what getaddrinfo gave, once; nothing of it is held any more.
    unsafe { libc::freeaddrinfo(first) };
    name
}

pub(super) fn name_of(address: IpAddr) -> io::Result<String> {
    // SAFETY: zeroed bytes are valid addresses.
    let (mut v4, mut v6): (libc::sockaddr_in, libc::sockaddr_in6) =
        unsafe { MaybeUninit::zeroed().assume_init() };
    let (pointer, bytes) = match address {
        IpAddr::V4(address) => {
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            // The BSDs compare it with the length that is given.
            #[cfg(not(target_os = "linux"))]
            {
                v4.sin_len = size_of::<libc::sockaddr_in>() as u8;
            }
            v4.sin_addr.s_addr = u32::from_ne_bytes(address.octets());
            ((&raw const v4).cast(), size_of::<libc::sockaddr_in>())
        }
        IpAddr::V6(address) => {
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            #[cfg(not(target_os = "linux"))]
            {
                v6.sin6_len = size_of::<libc::sockaddr_in6>() as u8;
            }
            v6.sin6_addr.s6_addr = address.octets();
            ((&raw const v6).cast(), size_of::<libc::sockaddr_in6>())
        }
    };
    // Limit: NI_MAXHOST, the longest name that the call writes.
    let mut name: [libc::c_char; 1025] = [0; 1025];
    // SAFETY: the address lives as long as the call and is of the length given, and so does the
    // room for the name; no service is asked for.
    let answer = unsafe {
        libc::getnameinfo(
            pointer,
            bytes as libc::socklen_t,
            name.as_mut_ptr(),
            name.len() as _,
            ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if answer != 0 {
        return Err(resolver_error(answer));
    }
    // SAFETY: the call ends what it writes with a zero byte.
    let name = unsafe { CStr::from_ptr(name.as_ptr()) };
    Ok(name.to_string_lossy().into_owned())
}

fn resolver_error(answer: libc::c_int) -> io::Error {
    // SAFETY: the call gives a static text for any number.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(answer)) };
    io::Error::other(text.to_string_lossy().into_owned())
}
