//! Which process belongs to which container. Pure.

use std::collections::BTreeMap;

use schema::{Target, Targets};

/// The label that tells a process' container.
pub(super) const CONTAINER_ID: &str = "__container_id__";

/// Containers that tell no id come first, then the processes, with the labels of their container
/// where it is known, then the containers themselves. Labels of the container win.
pub(super) fn join(processes: Vec<Target>, containers: &Targets) -> Vec<Target> {
    let mut joined = Vec::with_capacity(processes.len() + containers.len());
    let mut by_id: BTreeMap<&str, &Target> = BTreeMap::new();
    for container in containers.iter() {
        match container_id(container) {
            Some(id) => {
                by_id.insert(id, container);
            }
            None => joined.push(container.clone()),
        }
    }
    for process in processes {
        match container_id(&process).and_then(|id| by_id.get(id)) {
            Some(container) => joined.push(Target::new(process.iter().chain(container.iter()))),
            None => joined.push(process),
        }
    }
    joined.extend(by_id.into_values().cloned());
    joined
}

/// The container of a target: its own label, else Kubernetes', else Docker's.
fn container_id(target: &Target) -> Option<&str> {
    let given = |name| target.get(name).filter(|value| !value.is_empty());
    if let Some(id) = given(CONTAINER_ID) {
        return Some(id);
    }
    if let Some(id) = given("__meta_kubernetes_pod_container_id") {
        let schemes = ["docker://", "containerd://", "cri-o://"];
        let id = schemes.iter().find_map(|scheme| id.strip_prefix(scheme));
        return id.filter(|id| !id.is_empty());
    }
    given("__meta_docker_container_id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<const N: usize>(labels: [(&str, &str); N]) -> Target {
        Target::new(labels)
    }

    #[test]
    fn processes_take_the_labels_of_their_container() {
        let docker = target([("__meta_docker_container_id", "c1"), ("x", "container")]);
        let pod = target([
            ("__meta_kubernetes_pod_container_id", "containerd://c2"),
            ("y", "2"),
        ]);
        let odd = target([("__meta_kubernetes_pod_container_id", "odd://c3")]);
        let other = target([("a", "b")]);
        let containers: Targets = [&docker, &pod, &odd, &other].into_iter().cloned().collect();
        let processes = vec![
            target([
                ("__process_pid__", "1"),
                (CONTAINER_ID, "c1"),
                ("x", "process"),
            ]),
            target([("__process_pid__", "2"), (CONTAINER_ID, "c2")]),
            target([("__process_pid__", "3"), (CONTAINER_ID, "c3")]),
            target([("__process_pid__", "4")]),
        ];
        let expected = vec![
            odd.clone(),
            other.clone(),
            target([
                ("__process_pid__", "1"),
                (CONTAINER_ID, "c1"),
                ("__meta_docker_container_id", "c1"),
                ("x", "container"),
            ]),
            target([
                ("__process_pid__", "2"),
                (CONTAINER_ID, "c2"),
                ("__meta_kubernetes_pod_container_id", "containerd://c2"),
                ("y", "2"),
            ]),
            processes[2].clone(),
            processes[3].clone(),
            docker.clone(),
            pod.clone(),
        ];
        assert_eq!(join(processes, &containers), expected);
    }
}
