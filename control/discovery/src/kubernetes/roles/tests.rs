//! Targets of each role from objects as the API gives them.

use super::*;
use crate::kubernetes::decode;
use crate::kubernetes::objects::{EndpointSlice, Endpoints, Namespace, Node, Pod, Service};
use crate::kubernetes::store::Stored;

/// The targets of one object alone, a line each, without the prefix of names.
fn check(role: Role, object: &str, expect: &[&str]) {
    let list = format!(r#"{{"metadata":{{}},"items":[{object}]}}"#);
    let targets = decode(role, list.as_bytes()).expect("is valid");
    compare(&targets, expect);
}

fn compare(targets: &[Target], expect: &[&str]) {
    let line = |target: &Target| {
        let pairs = target.iter().map(|(name, value)| {
            let name = name.strip_prefix(PREFIX).unwrap_or(name);
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join(" ")
    };
    let found: Vec<String> = targets.iter().map(line).collect();
    assert_eq!(found, expect);
}

fn put<T: Stored>(store: &mut Store, json: &str) {
    T::kind(store).put(serde_json::from_str(json).expect("is valid"));
}

const POD: &str = r#"{
    "metadata":{"name":"p","namespace":"ns","uid":"u","labels":{"app.k8s/x":"y"},
        "annotations":{"a-b":"c"},
        "ownerReferences":[{"kind":"Other","name":"o"},
                           {"kind":"ReplicaSet","name":"rs","controller":true}]},
    "spec":{"nodeName":"n",
        "containers":[{"name":"c","image":"i","ports":[
            {"name":"http","containerPort":80,"protocol":"TCP"},
            {"name":"admin","containerPort":81,"protocol":"TCP"}]}],
        "initContainers":[{"name":"first","image":"j"}]},
    "status":{"podIP":"10.0.0.1","hostIP":"10.9.0.1","phase":"Running",
        "conditions":[{"type":"Ready","status":"False"}],
        "containerStatuses":[{"name":"c","containerID":"docker://1"}],
        "initContainerStatuses":[{"name":"first","containerID":"docker://2"}]}}"#;

const POD_LABELS: &str = "pod_controller_kind=ReplicaSet pod_controller_name=rs \
    pod_host_ip=10.9.0.1 pod_ip=10.0.0.1 pod_label_app_k8s_x=y pod_labelpresent_app_k8s_x=true \
    pod_name=p pod_node_name=n pod_phase=Running pod_ready=false pod_uid=u";

#[test]
fn a_pod_has_a_target_for_each_port() {
    let target = |address: &str, id: &str, container: &str, port: &str| {
        format!(
            "__address__={address} namespace=ns pod_annotation_a_b=c \
             pod_annotationpresent_a_b=true pod_container_id=docker://{id} {container}{port} \
             {POD_LABELS}"
        )
    };
    let c = "pod_container_image=i pod_container_init=false pod_container_name=c";
    let port = |name: &str, number: u16| {
        format!(
            " pod_container_port_name={name} pod_container_port_number={number} \
             pod_container_port_protocol=TCP"
        )
    };
    let first = "pod_container_image=j pod_container_init=true pod_container_name=first";
    let expect = [
        target("10.0.0.1:80", "1", c, &port("http", 80)),
        target("10.0.0.1:81", "1", c, &port("admin", 81)),
        target("10.0.0.1", "2", first, ""),
    ];
    check(Role::Pod, POD, &expect.each_ref().map(String::as_str));
    let starting = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c"}]}}"#;
    check(Role::Pod, starting, &[]);
}

#[test]
fn a_node_is_its_kubelet() {
    let node = r#"{"metadata":{"name":"n","labels":{"zone":"z"}},"spec":{"providerID":"aws:///1"},
        "status":{"addresses":[{"type":"Hostname","address":"h"},
                               {"type":"InternalIP","address":"10.0.0.1"},
                               {"type":"InternalIP","address":"fd00::1"}],
                  "conditions":[{"type":"Ready","status":"True"}],
                  "daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}}}"#;
    check(
        Role::Node,
        node,
        &["__address__=10.0.0.1:10250 node_address_Hostname=h \
           node_address_InternalIP=10.0.0.1 node_condition_ready=true node_label_zone=z \
           node_labelpresent_zone=true node_name=n node_provider_id=aws:///1 instance=n"],
    );
    check(Role::Node, r#"{"metadata":{"name":"n"}}"#, &[]);
}

#[test]
fn a_service_has_a_target_for_each_port() {
    let service = r#"{"metadata":{"name":"s","namespace":"ns"},
        "spec":{"type":"LoadBalancer","clusterIP":"10.1.0.1","loadBalancerIP":"1.1.1.1",
                "ports":[{"name":"http","port":80,"protocol":"TCP"}]},
        "status":{"loadBalancer":{"ingress":[{"ip":"2.2.2.2"},{"ip":""},{"ip":"3.3.3.3"}]}}}"#;
    check(
        Role::Service,
        service,
        &[
            "__address__=s.ns.svc:80 namespace=ns service_cluster_ip=10.1.0.1 \
           service_loadbalancer_ip=2.2.2.2,3.3.3.3 service_name=s service_port_name=http \
           service_port_number=80 service_port_protocol=TCP service_type=LoadBalancer",
        ],
    );
    let external = r#"{"metadata":{"name":"s","namespace":"ns"},
        "spec":{"type":"ExternalName","externalName":"x.example","ports":[{"port":1}]}}"#;
    check(
        Role::Service,
        external,
        &[
            "__address__=s.ns.svc:1 namespace=ns service_external_name=x.example service_name=s \
           service_port_name= service_port_number=1 service_port_protocol= \
           service_type=ExternalName",
        ],
    );
}

#[test]
fn an_ingress_has_a_target_for_each_path() {
    let ingress = r#"{"metadata":{"name":"i","namespace":"ns"},
        "spec":{"ingressClassName":"nginx","tls":[{"hosts":["*.x.example"]},{}],
                "rules":[{"host":"a.x.example","http":{"paths":[{"path":"/p"},{"path":""}]}},
                         {"host":"b.y.x.example"}]}}"#;
    let common = "ingress_class_name=nginx";
    let secure = format!("__address__=a.x.example {common} ingress_host=a.x.example");
    let plain = format!("__address__=b.y.x.example {common} ingress_host=b.y.x.example");
    let expect = [
        format!("{secure} ingress_name=i ingress_path=/p ingress_scheme=https namespace=ns"),
        format!("{secure} ingress_name=i ingress_path=/ ingress_scheme=https namespace=ns"),
        format!("{plain} ingress_name=i ingress_path=/ ingress_scheme=http namespace=ns"),
    ];
    check(
        Role::Ingress,
        ingress,
        &expect.each_ref().map(String::as_str),
    );
}

/// A store with a pod, its node, namespace and service.
fn cluster() -> Store {
    let mut store = Store::default();
    put::<Pod>(
        &mut store,
        &POD.replace("\"annotations\":{\"a-b\":\"c\"},", ""),
    );
    let node = r#"{"metadata":{"name":"n","labels":{"zone":"z"}}}"#;
    put::<Node>(&mut store, node);
    let namespace = r#"{"metadata":{"name":"ns","annotations":{"team":"t"}}}"#;
    put::<Namespace>(&mut store, namespace);
    let service = r#"{"metadata":{"name":"s","namespace":"ns","labels":{"tier":"1"}}}"#;
    put::<Service>(&mut store, service);
    store
}

const SERVICE_LABELS: &str = "service_label_tier=1 service_labelpresent_tier=true service_name=s";
const ALL: Attach = Attach {
    node: true,
    namespace: true,
};

fn only_group(groups: Vec<Group>) -> Vec<Target> {
    assert_eq!(groups.len(), 1, "{groups:?}");
    groups.into_iter().next().expect("one group").1
}

#[test]
fn endpoints_bear_labels_of_pod_service_node_and_namespace() {
    let mut store = cluster();
    let endpoints = r#"{"metadata":{"name":"s","namespace":"ns","labels":{"e":"1"}},"subsets":[{
        "addresses":[{"ip":"10.0.0.1","nodeName":"n","hostname":"h",
                      "targetRef":{"kind":"Pod","namespace":"ns","name":"p"}}],
        "notReadyAddresses":[{"ip":"10.0.0.7"}],
        "ports":[{"name":"web","port":80,"protocol":"TCP"}]}]}"#;
    put::<Endpoints>(&mut store, endpoints);
    let targets = only_group(render(Role::Endpoints, ALL, &mut store));
    let shared = "endpoints_label_e=1 endpoints_labelpresent_e=true endpoints_name=s \
                  namespace=ns namespace_annotation_team=t namespace_annotationpresent_team=true";
    let node = "node_label_zone=z node_labelpresent_zone=true node_name=n";
    let pod = |port: &str, number: u16| {
        let (before, after) = POD_LABELS.split_once(" pod_host_ip").expect("is there");
        format!(
            "pod_container_image=i pod_container_init=false pod_container_name=c \
             pod_container_port_name={port} pod_container_port_number={number} \
             pod_container_port_protocol=TCP {before} pod_host_ip{after}"
        )
    };
    let expect = [
        format!(
            "__address__=10.0.0.1:80 endpoint_address_target_kind=Pod \
             endpoint_address_target_name=p endpoint_hostname=h endpoint_node_name=n \
             endpoint_port_name=web endpoint_port_protocol=TCP endpoint_ready=true {shared} {node} \
             {} {SERVICE_LABELS}",
            pod("http", 80)
        ),
        format!(
            "__address__=10.0.0.7:80 endpoint_port_name=web endpoint_port_protocol=TCP \
             endpoint_ready=false {shared} {SERVICE_LABELS}"
        ),
        // A port of the pod that no service names.
        format!(
            "__address__=10.0.0.1:81 {shared} {} {SERVICE_LABELS}",
            pod("admin", 81)
        ),
    ];
    compare(&targets, &expect.each_ref().map(String::as_str));
}

const SLICE: &str = r#"{"metadata":{"name":"s-1","namespace":"ns",
        "labels":{"kubernetes.io/service-name":"s"}},
    "addressType":"IPv4",
    "ports":[{"name":"web","port":80,"protocol":"TCP","appProtocol":"http"}],
    "endpoints":[{"addresses":["10.0.0.5"],"zone":"z1","nodeName":"n","hostname":"h",
        "conditions":{"ready":true,"serving":true,"terminating":false},
        "deprecatedTopology":{"a/b":"c"},"targetRef":{"kind":"Node","name":"n"}}]}"#;

#[test]
fn slices_tell_conditions_and_topology() {
    let mut store = cluster();
    put::<EndpointSlice>(&mut store, SLICE);
    let targets = only_group(render(Role::EndpointSlice, Attach::default(), &mut store));
    let expect = format!(
        "__address__=10.0.0.5:80 endpointslice_address_target_kind=Node \
         endpointslice_address_target_name=n endpointslice_address_type=IPv4 \
         endpointslice_endpoint_conditions_ready=true \
         endpointslice_endpoint_conditions_serving=true \
         endpointslice_endpoint_conditions_terminating=false endpointslice_endpoint_hostname=h \
         endpointslice_endpoint_node_name=n endpointslice_endpoint_topology_a_b=c \
         endpointslice_endpoint_topology_present_a_b=true endpointslice_endpoint_zone=z1 \
         endpointslice_label_kubernetes_io_service_name=s \
         endpointslice_labelpresent_kubernetes_io_service_name=true endpointslice_name=s-1 \
         endpointslice_port=80 endpointslice_port_app_protocol=http endpointslice_port_name=web \
         endpointslice_port_protocol=TCP namespace=ns {SERVICE_LABELS}"
    );
    compare(&targets, &[&expect]);
}

#[test]
fn a_change_touches_only_what_refers_to_it() {
    let mut store = cluster();
    put::<EndpointSlice>(&mut store, SLICE);
    let other = SLICE.replace("s-1", "other").replace("\"s\"", "\"t\"");
    put::<EndpointSlice>(&mut store, &other.replace("\"n\"", "\"m\""));
    let names = |groups: Vec<Group>| groups.into_iter().map(|group| group.0).collect::<Vec<_>>();
    let render = |store: &mut Store, attach| names(render(Role::EndpointSlice, attach, store));
    let (one, two) = ("endpointslice/ns/s-1", "endpointslice/ns/other");
    assert_eq!(render(&mut store, ALL), [two, one]);
    assert!(render(&mut store, ALL).is_empty());

    put::<Service>(&mut store, r#"{"metadata":{"name":"s","namespace":"ns"}}"#);
    assert_eq!(render(&mut store, ALL), [one]);
    put::<Node>(
        &mut store,
        r#"{"metadata":{"name":"n","labels":{"zone":"y"}}}"#,
    );
    assert_eq!(render(&mut store, ALL), [one]);
    put::<Node>(
        &mut store,
        r#"{"metadata":{"name":"n","labels":{"zone":"x"}}}"#,
    );
    assert!(
        render(&mut store, Attach::default()).is_empty(),
        "nodes are not attached"
    );
    put::<Namespace>(&mut store, r#"{"metadata":{"name":"ns"}}"#);
    assert_eq!(render(&mut store, ALL), [two, one]);
    store.slices.remove(&Key::new("ns", "s-1"));
    assert_eq!(render(&mut store, ALL), [one]);
}

#[test]
fn a_pod_on_a_node_that_is_left_out_is_no_target() {
    let mut store = cluster();
    let targets = only_group(render(Role::Pod, ALL, &mut store));
    assert_eq!(targets.len(), 3);
    assert_eq!(
        targets[0].get("__meta_kubernetes_node_label_zone"),
        Some("z")
    );
    let team = "__meta_kubernetes_namespace_annotation_team";
    assert_eq!(targets[0].get(team), Some("t"));
    store.nodes.remove(&Key::new("", "n"));
    assert!(only_group(render(Role::Pod, ALL, &mut store)).is_empty());
}
