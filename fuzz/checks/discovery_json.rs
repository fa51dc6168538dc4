//! What Docker, Consul and Kubernetes answer: targets with addresses, or a reason. The first byte
//! chooses who answers.

use discovery::kubernetes::Role;
use discovery::{consul, docker, kubernetes};

pub fn check(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let found = match first {
        b'd' => {
            // Containers and networks, with a zero byte between them.
            let mut parts = body.splitn(2, |byte| *byte == 0);
            let containers = parts.next().unwrap_or_default();
            let networks = parts.next().unwrap_or(b"[]");
            docker::decode(containers, networks).map(|found| found.targets(80, "localhost", false))
        }
        b'c' => {
            let told = [consul::datacenter(body).err(), consul::services(body).err()];
            assert!(told.iter().flatten().all(|error| !error.is_empty()));
            consul::instances(body, "s", "dc", ",")
        }
        b'n' => kubernetes::decode(Role::Node, body),
        b's' => kubernetes::decode(Role::Service, body),
        b'e' => kubernetes::decode(Role::Endpoints, body),
        b'l' => kubernetes::decode(Role::EndpointSlice, body),
        b'i' => kubernetes::decode(Role::Ingress, body),
        b'w' => kubernetes::decode_watch(body).map(|_| Vec::new()),
        _ => kubernetes::decode(Role::Pod, body),
    };
    match found {
        Ok(targets) => assert!(
            targets
                .iter()
                .all(|target| target.get("__address__").is_some())
        ),
        Err(error) => assert!(!error.is_empty()),
    }
}
