//! discovery.docker against the engine's API as recorded, over TCP and a unix socket.

use std::rc::Rc;

use schema::Value;

use super::*;
use crate::tests::{Server, on_control, refusals, start, targets, until};

const NETWORKS: &str = r#"[
    {"Id":"n1","Name":"bridge","Scope":"local","Internal":false,"Ingress":false,"Labels":{}},
    {"Id":"n2","Name":"back","Scope":"swarm","Internal":true,"Ingress":true,"Labels":{"a.b":"c"}}
]"#;

const CONTAINERS: &str = r#"[
    {"Id":"c1","Names":["/web"],"Image":"nginx","ImageID":"sha256:1","Labels":{"com.x/y":"z"},
     "Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
              {"PrivatePort":53,"Type":"udp"},{"PrivatePort":443,"Type":"tcp"}],
     "HostConfig":{"NetworkMode":"bridge"},
     "NetworkSettings":{"Networks":{
        "zz":{"NetworkID":"n1","IPAddress":"172.17.0.2"},
        "back":{"NetworkID":"n2","IPAddress":"","GlobalIPv6Address":"fd00::2"},
        "aa":null}}},
    {"Id":"c2","Names":["/side"],"Labels":null,"Ports":[],
     "HostConfig":{"NetworkMode":"container:c1"},"NetworkSettings":{"Networks":{}}},
    {"Id":"c3","Names":["/host"],"Ports":null,"HostConfig":{"NetworkMode":"host"},
     "NetworkSettings":{"Networks":{"host":{"NetworkID":"n9"}}}},
    {"Id":"c4","Names":["/ring"],"HostConfig":{"NetworkMode":"container:c4"},
     "NetworkSettings":{"Networks":null}},
    {"Id":"c5","Names":[]}
]"#;

fn lines(first_network: bool) -> Vec<String> {
    let found = decode(CONTAINERS.as_bytes(), NETWORKS.as_bytes()).expect("is valid");
    let targets = found.targets(99, "localhost", first_network);
    let line = |target: &Target| {
        let pairs = target.iter().map(|(name, value)| {
            let name = name.trim_start_matches("__meta_docker_");
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join(" ")
    };
    targets.iter().map(line).collect()
}

#[test]
fn each_network_and_port_is_a_target() {
    let web = "container_id=c1 container_image=nginx container_image_id=sha256:1 \
               container_label_com_x_y=z container_name=/web container_network_mode=bridge";
    let back = "network_id=n2 network_ingress=true network_internal=true network_ip=fd00::2 \
                network_label_a_b=c network_name=back network_scope=swarm";
    let bridge = "network_id=n1 network_ingress=false network_internal=false \
                  network_ip=172.17.0.2 network_name=bridge network_scope=local";
    let side = "container_id=c2 container_name=/side container_network_mode=container:c1";
    let public = "port_private=80 port_public=8080 port_public_ip=0.0.0.0";
    let host = "__address__=localhost container_id=c3 container_name=/host \
                container_network_mode=host network_ip="
        .to_owned();
    let first = [
        format!("__address__=[fd00::2]:80 {web} {back} {public}"),
        format!("__address__=[fd00::2]:443 {web} {back} port_private=443"),
        format!("__address__=[fd00::2]:99 {side} {back}"),
        host.clone(),
    ];
    assert_eq!(lines(true), first);
    let all = [
        first[0].clone(),
        first[1].clone(),
        format!("__address__=172.17.0.2:80 {web} {bridge} {public}"),
        format!("__address__=172.17.0.2:443 {web} {bridge} port_private=443"),
        first[2].clone(),
        format!("__address__=172.17.0.2:99 {side} {bridge}"),
        host,
    ];
    assert_eq!(lines(false), all);
}

#[test]
fn answers_that_are_no_lists_are_refused() {
    assert!(decode(b"{}", b"[]").is_err());
    assert!(decode(b"[]", b"null").is_err());
    assert!(decode(b"[{\"Id\":1}]", b"[]").is_err());
}

fn answers(server: &Server) {
    server.answer("/containers/json", "200 OK", CONTAINERS);
    server.answer("/networks", "200 OK", NETWORKS);
}

/// Runs the component against an engine until it has found, kept and lost targets.
async fn follow(server: Server, host: String) {
    answers(&server);
    let arguments = [
        ("host", Value::from(host)),
        ("refresh_interval", Value::from("1s")),
    ];
    let started = start(&COMPONENT, arguments, Rc::default()).await;
    let instance = started.expect("the host is valid");
    until("targets", || targets(&instance).len() == 4).await;
    let asked = server.requests().len();
    server.answer("/networks", "500 Oops", r#"{"message":"x"}"#);
    until("more requests", || asked + 3 < server.requests().len()).await;
    assert_eq!(targets(&instance).len(), 4, "an error leaves the last ones");
    server.answer("/containers/json", "200 OK", "[]");
    server.answer("/networks", "200 OK", "[]");
    until("no targets", || targets(&instance).is_empty()).await;
}

#[test]
fn an_engine_is_followed_over_tcp() {
    on_control(async || {
        let server = Server::start().await;
        let host = server.url().replace("http://", "tcp://");
        follow(server, host).await;
    });
}

#[cfg(unix)]
#[test]
fn an_engine_is_followed_over_a_unix_socket() {
    on_control(async || {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("docker.sock");
        let server = Server::start_unix(&path).await;
        follow(server, format!("unix://{}", path.display())).await;
    });
}

#[test]
fn filters_are_written_as_the_api_takes_them() {
    let filter = |name: &str, values: &[&str]| Filter {
        name: name.to_owned(),
        values: values.iter().map(|value| value.to_string()).collect(),
    };
    let blocks = [
        filter("label", &["b", "a"]),
        filter("name", &["x"]),
        filter("label", &["c"]),
    ];
    assert_eq!(
        filters(&blocks),
        r#"{"label":{"a":true,"b":true,"c":true},"name":{"x":true}}"#
    );
}

#[test]
fn hosts_are_addresses_of_engines() {
    let parse = |host: &str| DockerHost::parse(host);
    assert_eq!(
        parse("tcp://h:2375"),
        Ok(DockerHost::Http("http://h:2375".to_owned()))
    );
    for host in ["", "h:2375", "ftp://h", "http://", "npipe:////./pipe/x"] {
        let refused = refusals(&COMPONENT, [("host", Value::from(host))]);
        assert_eq!(refused.len(), 1, "{host}");
    }
}
