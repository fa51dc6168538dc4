//! What a crash may leave, and what it must.

use std::collections::BTreeSet;
use std::path::Path;

use runtime::fs::{self, OpenOptions};
use runtime::sim::{Disk, Stopped};

use crate::run_on;

const FILE: &str = "/data/log";

/// A disk with an empty file whose name is durable.
fn prepared() -> Disk {
    let disk = Disk::new();
    run_on(&disk, 0, || async {
        fs::create_dir_all(Path::new("/data")).await.unwrap();
        fs::sync_dir(Path::new("/")).await.unwrap();
        fs::open(Path::new(FILE), &OpenOptions::create_new())
            .await
            .unwrap();
        fs::sync_dir(Path::new("/data")).await.unwrap();
    })
    .unwrap();
    disk
}

fn content(disk: &Disk) -> Vec<u8> {
    disk.read(Path::new(FILE)).unwrap()
}

#[test]
fn what_was_synced_survives_every_crash() {
    let disk = prepared();
    run_on(&disk, 0, || async {
        let file = fs::open(Path::new(FILE), &OpenOptions::update())
            .await
            .unwrap();
        file.commit(vec![1; 20_000], 0).await.0.unwrap();
        file.write_at(vec![2; 20_000], 20_000).await.0.unwrap();
    })
    .unwrap();
    for seed in 0..200 {
        let left = content(&disk.crash(seed));
        assert!(left[..20_000].iter().all(|byte| *byte == 1), "seed {seed}");
    }
}

#[test]
fn what_was_not_synced_may_be_lost_torn_or_there() {
    let disk = prepared();
    run_on(&disk, 0, || async {
        let file = fs::open(Path::new(FILE), &OpenOptions::update())
            .await
            .unwrap();
        file.allocate(16 << 10).await.unwrap();
        file.sync_data().await.unwrap();
        file.write_at(vec![1; 8 << 10], 0).await.0.unwrap();
        file.write_at(vec![2; 8 << 10], 8 << 10).await.0.unwrap();
    })
    .unwrap();
    let (mut lost, mut whole, mut torn, mut reordered) = (0, 0, 0, 0);
    let mut steps = BTreeSet::new();
    for seed in 0..400 {
        let left = content(&disk.crash(seed));
        assert_eq!(left.len(), 16 << 10, "the length was synced");
        let written = left.iter().filter(|byte| **byte != 0).count();
        match written {
            0 => lost += 1,
            n if n == left.len() => whole += 1,
            _ => torn += 1,
        }
        let second_only = left[8 << 10..].contains(&2) && left[..8 << 10].contains(&0);
        reordered += usize::from(second_only);
        // Sectors are whole.
        for sector in left.chunks(512) {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "seed {seed}");
        }
        steps.insert(written % 4096);
    }
    assert!(lost > 20 && whole > 20 && torn > 20 && reordered > 20);
    assert!(steps.len() > 1, "tears come in 512 and in 4,096 bytes");
}

#[test]
fn a_length_that_was_not_synced_may_be_short() {
    let disk = prepared();
    run_on(&disk, 0, || async {
        let file = fs::open(Path::new(FILE), &OpenOptions::update())
            .await
            .unwrap();
        file.write_at(vec![1; 10_000], 0).await.0.unwrap();
    })
    .unwrap();
    let lengths: BTreeSet<usize> = (0..200)
        .map(|seed| content(&disk.crash(seed)).len())
        .collect();
    assert!(
        lengths.contains(&0) && lengths.contains(&10_000) && lengths.len() > 3,
        "{lengths:?}"
    );
    assert_eq!(
        content(&disk.kill()),
        vec![1; 10_000],
        "the process's death loses nothing"
    );
}

#[test]
fn names_survive_only_with_their_folder_synced() {
    let disk = prepared();
    run_on(&disk, 0, || async {
        for name in ["a", "b", "c"] {
            let path = Path::new("/data").join(name);
            let file = fs::open(&path, &OpenOptions::create_new()).await.unwrap();
            file.commit(vec![1; 10], 0).await.0.unwrap();
        }
        fs::create_dir_all(Path::new("/data/deep/er"))
            .await
            .unwrap();
        fs::sync_dir(Path::new("/data/deep")).await.unwrap();
    })
    .unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let left = disk.crash(seed);
        let names: Vec<String> = left
            .list(Path::new("/data"))
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        // A beginning of the changes arrives, never a later one alone.
        let made: Vec<&str> = ["a", "b", "c", "deep"]
            .into_iter()
            .filter(|name| names.iter().any(|left| left == name))
            .collect();
        assert!(["a", "b", "c", "deep"].starts_with(&made), "{made:?}");
        let deeper = left
            .list(Path::new("/data/deep"))
            .map(|entries| entries.len());
        if made.len() == 4 {
            assert_eq!(deeper.unwrap(), 1);
        } else {
            assert!(
                deeper.is_err(),
                "what lies in a lost folder is out of reach"
            );
        }
        seen.insert(made.len());
    }
    assert_eq!(seen, BTreeSet::from([0, 1, 2, 3, 4]));
}

#[test]
fn a_rename_is_all_or_nothing() {
    let disk = prepared();
    run_on(&disk, 0, || async {
        let file = fs::open(Path::new(FILE), &OpenOptions::update())
            .await
            .unwrap();
        file.commit(b"old".to_vec(), 0).await.0.unwrap();
    })
    .unwrap();
    let start = disk.ops();
    let write = || async {
        fs::write_atomic(Path::new(FILE), b"new".to_vec())
            .await
            .unwrap()
    };
    let mut seen = BTreeSet::new();
    // The operations of write_atomic: create, write, sync, rename, sync of the folder.
    for op in start..start + 6 {
        let machine = disk.kill();
        machine.crash_at(op - start);
        let ended = run_on(&machine, op, write);
        assert_eq!(ended.is_ok(), op == start + 5, "operation {op}");
        for seed in 0..20 {
            let left = content(&machine.crash(seed));
            assert!(left == b"old" || left == b"new", "{left:?} at {op}");
            if ended.is_ok() {
                assert_eq!(left, b"new");
            }
            seen.insert(left);
        }
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn the_machine_stops_before_the_operation_it_crashes_at() {
    let disk = prepared();
    disk.crash_at(disk.ops() + 2);
    let ended = run_on(&disk, 0, || async {
        let file = fs::open(Path::new(FILE), &OpenOptions::update())
            .await
            .unwrap();
        file.write_at(vec![1; 10], 0).await.0.unwrap();
        file.sync_data().await.unwrap();
        unreachable!("the sync never comes back");
    });
    assert_eq!(ended, Err::<(), _>(Stopped::Crashed));
    let lost = (0..50).any(|seed| content(&disk.crash(seed)).is_empty());
    assert!(lost, "the sync did not happen");
}

#[test]
fn recorded_images_show_every_boundary() {
    let disk = prepared();
    let first = disk.ops();
    disk.record();
    run_on(&disk, 0, || async {
        let file = fs::open(Path::new(FILE), &OpenOptions::update())
            .await
            .unwrap();
        for round in 0..5u8 {
            file.commit(vec![round; 10], u64::from(round) * 10)
                .await
                .0
                .unwrap();
        }
    })
    .unwrap();
    let images = disk.recorded();
    let numbers: Vec<u64> = images.iter().map(|image| image.op()).collect();
    assert_eq!(
        numbers,
        (first..first + 11).collect::<Vec<_>>(),
        "an open, five times two"
    );
    for (index, image) in images.iter().enumerate() {
        // Operation 0 opens, 1 writes, 2 syncs, 3 writes, ...
        let synced = index.saturating_sub(1) / 2 * 10;
        for seed in 0..20 {
            assert!(content(&image.crash(seed)).len() >= synced);
        }
        assert_eq!(content(&image.kill()).len(), index / 2 * 10);
    }
}

#[test]
fn a_crashed_disk_can_be_used_and_crash_again() {
    let mut disk = prepared();
    for round in 0..20u64 {
        let machine = disk.clone();
        run_on(&machine, round, move || async move {
            let file = fs::open(Path::new(FILE), &OpenOptions::update())
                .await
                .unwrap();
            file.commit(round.to_le_bytes().to_vec(), 0)
                .await
                .0
                .unwrap();
        })
        .unwrap();
        disk = machine.crash(round);
        assert_eq!(content(&disk), round.to_le_bytes());
        assert_eq!(
            disk.ops(),
            0,
            "operations count from the start of a machine"
        );
    }
}
