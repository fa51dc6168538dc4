//! Operations that fail.

use std::io::ErrorKind;
use std::path::Path;

use runtime::fs::{self, OpenOptions};
use runtime::sim::{Disk, Fault, disk};

use crate::run_on;

const FILE: &str = "/log";

#[test]
fn the_chosen_operation_fails_and_no_other() {
    for failing in 0..6 {
        let disk = Disk::new();
        disk.fail(failing, Fault::Eio);
        let failed = run_on(&disk, failing, || async {
            let mut failed = Vec::new();
            let mut note = |op, result: std::io::Result<()>| {
                if result.is_err() {
                    failed.push(op);
                }
            };
            let path = Path::new(FILE);
            let opened = fs::open(path, &OpenOptions::create()).await;
            let file = match opened {
                Ok(file) => file,
                Err(error) => {
                    note(0, Err(error));
                    fs::open(path, &OpenOptions::create()).await.unwrap()
                }
            };
            note(1, file.allocate(100).await);
            note(2, file.write_at(vec![1; 10], 0).await.0);
            note(3, file.sync_data().await);
            note(4, file.read_at(vec![0; 10], 0).await.0.map(drop));
            note(5, fs::sync_dir(Path::new("/")).await);
            failed
        })
        .unwrap();
        // A second open shifts the numbers of what follows by one.
        assert_eq!(failed, [failing]);
    }
}

#[test]
fn a_full_disk_fails_only_what_needs_space() {
    let machine = Disk::new();
    run_on(&machine, 0, || async {
        let path = Path::new(FILE);
        let file = fs::open(path, &OpenOptions::create()).await.unwrap();
        file.write_at(vec![1; 600], 0).await.0.unwrap();
        disk().set_capacity(Some(1000));
        let refused = file.allocate(1001).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        let refused = file.write_at(vec![2; 500], 600).await.0.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        assert!(disk().used() <= 1000);
        file.write_at(vec![3; 600], 0).await.0.unwrap();
        file.sync_data().await.unwrap();
        fs::remove_file(path).await.unwrap();
        assert_eq!(disk().used(), 0);

        let file = fs::open(path, &OpenOptions::create()).await.unwrap();
        file.allocate(1000).await.unwrap();
        disk().fail_all(Some(Fault::Enospc));
        assert!(file.write_at(vec![1; 10], 0).await.0.is_err());
        assert!(file.sync_data().await.is_ok(), "a sync needs no space");
        disk().fail_all(None);
        file.write_at(vec![1; 10], 0).await.0.unwrap();
    })
    .unwrap();
}

#[test]
fn after_a_failed_sync_a_later_one_saves_nothing_of_before() {
    let machine = Disk::new();
    run_on(&machine, 0, || async {
        let file = fs::open(Path::new(FILE), &OpenOptions::create())
            .await
            .unwrap();
        fs::sync_dir(Path::new("/")).await.unwrap();
        file.write_at(vec![1; 10], 0).await.0.unwrap();
        disk().fail(disk().ops(), Fault::Eio);
        file.sync_data().await.unwrap_err();
        file.write_at(vec![2; 10], 10).await.0.unwrap();
        file.sync_data().await.unwrap();
        let (_, seen) = file.read_at(vec![0; 20], 0).await;
        assert_eq!(seen, [[1; 10], [2; 10]].concat(), "the page cache hides it");
    })
    .unwrap();
    let left = |seed| machine.crash(seed).read(Path::new(FILE)).unwrap();
    assert!((0..50).all(|seed| left(seed)[10..] == [2; 10]));
    assert!(
        (0..50).any(|seed| left(seed)[..10] == [0; 10]),
        "the first write can be gone"
    );
}

#[test]
fn a_failed_write_may_have_written_a_beginning() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let machine = Disk::new();
        machine.fail(1, Fault::Eio);
        run_on(&machine, seed, || async {
            let file = fs::open(Path::new(FILE), &OpenOptions::create())
                .await
                .unwrap();
            file.write_at(vec![1; 1000], 0).await.0.unwrap_err();
        })
        .unwrap();
        lengths.insert(machine.read(Path::new(FILE)).unwrap().len());
    }
    assert!(lengths.len() > 10, "{lengths:?}");
}

#[test]
fn what_a_failed_write_left_is_gone_once_it_was_written_over_and_synced() {
    let machine = Disk::new();
    run_on(&machine, 0, || async {
        let path = Path::new(FILE);
        let file = fs::open(path, &OpenOptions::create()).await.unwrap();
        file.commit(vec![1; 1000], 0).await.0.unwrap();
        disk().fail(disk().ops() + 1, Fault::Eio);
        file.commit(vec![2; 1000], 0).await.0.unwrap_err();
        file.commit(vec![3; 600], 200).await.0.unwrap();
        fs::sync_dir(Path::new("/")).await.unwrap();
    })
    .unwrap();
    let crashes = (0..20).map(|chance| machine.crash(chance));
    for left in crashes.chain([machine.kill()]) {
        let content = left.read(Path::new(FILE)).unwrap();
        assert_eq!(content[200..800], [3; 600]);
    }
}

#[test]
fn corrupted_bytes_are_what_is_read() {
    let machine = Disk::new();
    run_on(&machine, 0, || async {
        let file = fs::open(Path::new(FILE), &OpenOptions::create())
            .await
            .unwrap();
        fs::sync_dir(Path::new("/")).await.unwrap();
        file.commit(vec![1; 100], 0).await.0.unwrap();
    })
    .unwrap();
    machine.corrupt(Path::new(FILE), 50, &[9, 9]);
    assert_eq!(machine.read(Path::new(FILE)).unwrap()[49..53], [1, 9, 9, 1]);
    assert_eq!(
        machine.crash(0).read(Path::new(FILE)).unwrap()[49..53],
        [1, 9, 9, 1]
    );
}
