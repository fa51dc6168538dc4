//! discovery.process on this machine's own `/proc`.

use std::rc::Rc;

use schema::{Target, Value};

use super::*;
use crate::tests::{on_control, start, targets, until};

fn config(all: bool) -> DiscoverConfig {
    DiscoverConfig {
        exe: all,
        cwd: all,
        commandline: all,
        uid: all,
        username: all,
        cgroup_path: all,
        container_id: all,
    }
}

#[test]
fn this_process_is_found_with_what_is_asked_for() {
    let own = std::process::id().to_string();
    let find = |config| {
        let found = proc::discover(&config).expect("/proc is there");
        let own = found
            .iter()
            .find(|target| target.get("__process_pid__") == Some(&*own));
        own.expect("this process runs").clone()
    };
    assert_eq!(
        find(config(false)),
        Target::new([("__process_pid__", &*own)])
    );
    let whole = find(config(true));
    let exe = std::env::current_exe().expect("a program");
    assert_eq!(whole.get("__meta_process_exe"), exe.to_str());
    let cwd = std::env::current_dir().expect("a folder");
    assert_eq!(whole.get("__meta_process_cwd"), cwd.to_str());
    let words: Vec<String> = std::env::args().filter(|word| !word.is_empty()).collect();
    assert_eq!(
        whole.get("__meta_process_commandline"),
        Some(&*words.join(" "))
    );
    let uid = whole
        .get("__meta_process_uid")
        .expect("each process has a user");
    assert!(uid.parse::<u32>().is_ok(), "{uid}");
    let groups = whole
        .get("__meta_process_cgroup_path")
        .expect("control groups");
    assert!(groups.contains(':'), "{groups}");
}

#[test]
fn the_component_joins_processes_with_what_it_is_given() {
    on_control(async || {
        let given = Target::new([("a", "b")]);
        let join = Value::Targets([given.clone()].into_iter().collect());
        let started = start(&COMPONENT, [("join", join)], Rc::default()).await;
        let instance = started.expect("there is nothing to go wrong");
        until("processes", || 1 < targets(&instance).len()).await;
        let found = targets(&instance);
        assert_eq!(found[0], given);
        assert!(found[1].get("__process_pid__").is_some());
    });
}
