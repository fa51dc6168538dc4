//! Services: a target for each port, by the service's name.

use schema::Target;

use super::{Attach, NAMESPACE, add_meta, add_namespace, set, with};
use crate::kubernetes::objects::Service;
use crate::kubernetes::store::Store;
use crate::labels::{self, Labels, host_port};

/// What all targets of a service bear, whatever they were found by.
pub(super) fn service_labels(service: &Service) -> Labels {
    let mut labels = labels::of([(NAMESPACE, &service.metadata.namespace)]);
    add_meta(&mut labels, &service.metadata, "service");
    labels
}

pub(super) fn targets(service: &Service, attach: Attach, store: &Store) -> Vec<Target> {
    let mut shared = service_labels(service);
    add_namespace(&mut shared, &service.metadata.namespace, attach, store);
    let spec = &service.spec;
    let host = format!(
        "{}.{}.svc",
        service.metadata.name, service.metadata.namespace
    );
    let ports = spec.ports.iter().map(|port| {
        let number = port.port.to_string();
        let mut own = labels::of([("__address__", &*host_port(&host, &number))]);
        set(
            &mut own,
            [
                ("service_port_name", &*port.name),
                ("service_port_number", &number),
                ("service_port_protocol", &port.protocol),
                ("service_type", &spec.r#type),
            ],
        );
        match &*spec.r#type {
            "ExternalName" => set(&mut own, [("service_external_name", &spec.external_name)]),
            _ => set(&mut own, [("service_cluster_ip", &spec.cluster_ip)]),
        }
        if spec.r#type == "LoadBalancer" {
            set(
                &mut own,
                [("service_loadbalancer_ip", &load_balancer_ips(service))],
            );
        }
        own
    });
    with(ports.collect(), &shared)
}

/// The addresses that the load balancer got, else the one that was wished for.
fn load_balancer_ips(service: &Service) -> String {
    let ingress = service.status.load_balancer.ingress.iter();
    let ips: Vec<&str> = ingress
        .map(|ingress| &*ingress.ip)
        .filter(|ip| !ip.is_empty())
        .collect();
    match ips.is_empty() {
        true => service.spec.load_balancer_ip.clone(),
        false => ips.join(","),
    }
}
