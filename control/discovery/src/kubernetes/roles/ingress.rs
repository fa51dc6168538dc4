//! Ingresses: a target for each path of each host.

use schema::Target;

use super::{Attach, NAMESPACE, add_meta, add_namespace, set, with};
use crate::kubernetes::objects::{Ingress, IngressPath, IngressPaths};
use crate::kubernetes::store::Store;
use crate::labels::{self, Labels};

pub(super) fn targets(ingress: &Ingress, attach: Attach, store: &Store) -> Vec<Target> {
    let namespace = &ingress.metadata.namespace;
    let mut shared = labels::of([(NAMESPACE, namespace)]);
    if let Some(class) = &ingress.spec.ingress_class_name {
        set(&mut shared, [("ingress_class_name", class)]);
    }
    add_meta(&mut shared, &ingress.metadata, "ingress");
    add_namespace(&mut shared, namespace, attach, store);
    let mut targets = Vec::new();
    for rule in &ingress.spec.rules {
        let mut hosts = ingress.spec.tls.iter().flat_map(|tls| &tls.hosts);
        let scheme = match hosts.any(|pattern| matches(pattern, &rule.host)) {
            true => "https",
            false => "http",
        };
        for path in paths(rule.http.as_ref()) {
            let mut own: Labels = labels::of([("__address__", &rule.host)]);
            set(
                &mut own,
                [
                    ("ingress_scheme", scheme),
                    ("ingress_host", &rule.host),
                    ("ingress_path", path),
                ],
            );
            targets.push(own);
        }
    }
    with(targets, &shared)
}

fn paths<'a>(http: Option<&'a IngressPaths>) -> Vec<&'a str> {
    let Some(http) = http else { return vec!["/"] };
    let path = |path: &'a IngressPath| match path.path.is_empty() {
        true => "/",
        false => &*path.path,
    };
    http.paths.iter().map(path).collect()
}

/// Equal, or with a star for the first name.
fn matches(pattern: &str, host: &str) -> bool {
    if pattern == host {
        return true;
    }
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(pattern), Some((_, host))) => pattern == host,
        _ => false,
    }
}
