//! discovery.kubelet: the pods that a kubelet runs, without asking the API server.
//!
//! Labels are those of discovery.kubernetes' role `pod`.
//! Reference: docs/sources/reference/components/discovery/discovery.kubelet.md

use std::sync::Arc;
use std::time::Duration;

use blocks::HttpClientConfig;
use eval::{Component, ResolverCx, ResolverError};
use net::{BodyLimits, Client, Request, StatusCode};
use schema::{Check, Target};

use crate::kubernetes::pods;
use crate::limits::ANSWER_BYTES_MAX;
use crate::refresh::{Discoverer, Discovery, Running, check_interval, client, refresh, refused};

pub static COMPONENT: Component = Component::of::<Discoverer<Kubelet>>();

/// Which kubelet to ask, and for which pods.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// URL of the kubelet.
    #[arg(default = "https://localhost:10250")]
    url: String,
    /// How often to ask.
    #[arg(default = "5s")]
    refresh_interval: Duration,
    /// Namespaces whose pods count; all when empty.
    namespaces: Vec<String>,
    /// How to ask.
    #[arg(flatten)]
    client: HttpClientConfig,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        check_interval(self.refresh_interval, check);
        if let Err(error) = net::Target::parse(&self.url) {
            check.attribute("url", error.to_string());
        }
    }
}

/// How long an answer may take, as in Alloy.
const TIMEOUT: Duration = Duration::from_secs(30);

struct Kubelet;

impl Discovery for Kubelet {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.kubelet";

    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        let client = client(&arguments.client, &cx)?;
        let url = format!("{}/pods", arguments.url.trim_end_matches('/'));
        let request = Request::get(&net::Target::parse(&url).map_err(refused)?);
        let interval = arguments.refresh_interval;
        Ok(refresh(cx, interval, None, async move || {
            ask(&client, &request, &arguments.namespaces).await
        }))
    }
}

async fn ask(
    client: &Client,
    request: &Request,
    namespaces: &[String],
) -> Result<Vec<Target>, String> {
    let limits = BodyLimits::both(ANSWER_BYTES_MAX);
    let sent = client.send(request, TIMEOUT, limits).await;
    let response = sent.map_err(|error| format!("error sending kubelet pods request: {error}"))?;
    match response.head.status {
        StatusCode::OK => pods(&response.body, namespaces),
        status => Err(format!("error response from kubelet: {status}")),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use schema::Value;

    use super::*;
    use crate::tests::{Server, on_control, start, targets, until};

    const PODS: &str = r#"{"kind":"PodList","items":[
        {"metadata":{"namespace":"a","name":"one","uid":"u1"},
         "spec":{"nodeName":"n","containers":[{"name":"c","image":"i","ports":[
            {"name":"http","containerPort":80,"protocol":"TCP"}]}]},
         "status":{"podIP":"10.0.0.1","hostIP":"10.1.0.1","phase":"Running",
                   "conditions":[{"type":"Ready","status":"True"}],
                   "containerStatuses":[{"name":"c","containerID":"containerd://x"}]}},
        {"metadata":{"namespace":"b","name":"two"},"spec":{"containers":[{"name":"d"}]},
         "status":{"podIP":"10.0.0.2"}},
        {"metadata":{"namespace":"a","name":"starting"},"spec":{"containers":[{"name":"d"}]},
         "status":{}}
    ]}"#;

    #[test]
    fn pods_of_the_wanted_namespaces_come_and_go() {
        on_control(async || {
            let server = Server::start().await;
            server.answer("/pods", "200 OK", PODS);
            let arguments = [
                ("url", Value::from(server.url())),
                ("refresh_interval", Value::from("20ms")),
                ("namespaces", Value::array([Value::from("a")])),
            ];
            let started = start(&COMPONENT, arguments, Rc::default()).await;
            let instance = started.expect("the URL is valid");
            until("a target", || targets(&instance).len() == 1).await;
            let expected = Target::new([
                ("__address__", "10.0.0.1:80"),
                ("__meta_kubernetes_namespace", "a"),
                ("__meta_kubernetes_pod_container_id", "containerd://x"),
                ("__meta_kubernetes_pod_container_image", "i"),
                ("__meta_kubernetes_pod_container_init", "false"),
                ("__meta_kubernetes_pod_container_name", "c"),
                ("__meta_kubernetes_pod_container_port_name", "http"),
                ("__meta_kubernetes_pod_container_port_number", "80"),
                ("__meta_kubernetes_pod_container_port_protocol", "TCP"),
                ("__meta_kubernetes_pod_host_ip", "10.1.0.1"),
                ("__meta_kubernetes_pod_ip", "10.0.0.1"),
                ("__meta_kubernetes_pod_name", "one"),
                ("__meta_kubernetes_pod_node_name", "n"),
                ("__meta_kubernetes_pod_phase", "Running"),
                ("__meta_kubernetes_pod_ready", "true"),
                ("__meta_kubernetes_pod_uid", "u1"),
            ]);
            assert_eq!(targets(&instance)[0], expected);
            server.answer("/pods", "401 Unauthorized", "");
            let asked = server.requests().len();
            until("more requests", || asked + 2 < server.requests().len()).await;
            assert_eq!(targets(&instance).len(), 1);
            server.answer("/pods", "200 OK", r#"{"items":null}"#);
            until("no targets", || targets(&instance).is_empty()).await;
        });
    }
}
