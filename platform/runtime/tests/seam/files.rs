//! Files and names.

use std::io;
use std::time::Duration;

use runtime::fs::{self, File, OpenOptions};
use runtime::{spawn, timeout};

use crate::{Scratch, check};

async fn create(scratch: &Scratch, name: &str) -> File {
    fs::open(&scratch.join(name), &OpenOptions::create_new())
        .await
        .unwrap()
}

#[test]
fn what_was_written_is_read_at_its_place() {
    check(|| async {
        let scratch = Scratch::new().await;
        let file = create(&scratch, "a").await;
        let (written, bytes) = file.write_at(b"hello".to_vec(), 3).await;
        written.unwrap();
        assert_eq!(bytes, b"hello", "the buffer comes back");
        file.sync_data().await.unwrap();
        assert_eq!(file.len().unwrap(), 8);
        let (read, bytes) = file.read_at(vec![9; 6], 2).await;
        assert_eq!(
            (read.unwrap(), bytes.as_slice()),
            (6, b"\0hello".as_slice())
        );
    });
}

#[test]
fn a_read_over_the_end_is_short_and_leaves_the_rest_alone() {
    check(|| async {
        let scratch = Scratch::new().await;
        let file = create(&scratch, "a").await;
        file.write_at(b"abc".to_vec(), 0).await.0.unwrap();
        let (read, bytes) = file.read_at(vec![9; 5], 1).await;
        assert_eq!(
            (read.unwrap(), bytes.as_slice()),
            (2, b"bc\x09\x09\x09".as_slice())
        );
        let (read, _) = file.read_at(vec![0; 5], 100).await;
        assert_eq!(read.unwrap(), 0);
    });
}

#[test]
fn a_commit_writes_and_gives_the_buffer_back() {
    check(|| async {
        let scratch = Scratch::new().await;
        let file = create(&scratch, "a").await;
        file.allocate(1 << 20).await.unwrap();
        let mut buffer = Vec::new();
        for round in 0..20u8 {
            buffer.clear();
            buffer.resize(10_000, round);
            let (committed, returned) = file.commit(buffer, u64::from(round) * 10_000).await;
            committed.unwrap();
            buffer = returned;
            assert_eq!(buffer.len(), 10_000);
        }
        file.commit(Vec::new(), 0).await.0.unwrap();
        let content = fs::read(&scratch.join("a")).await.unwrap();
        assert_eq!(content.len(), 1 << 20);
        for (index, byte) in content[..200_000].iter().enumerate() {
            assert_eq!(usize::from(*byte), index / 10_000);
        }
    });
}

#[test]
fn more_operations_than_the_queue_holds_all_end() {
    check(|| async {
        let scratch = Scratch::new().await;
        let mut tasks = Vec::new();
        for index in 0..150u64 {
            let file = create(&scratch, &format!("f{index}")).await;
            tasks.push(spawn(async move {
                file.commit(index.to_le_bytes().to_vec(), 0)
                    .await
                    .0
                    .unwrap();
                let (read, bytes) = file.read_at(vec![0; 8], 0).await;
                assert_eq!((read.unwrap(), bytes), (8, index.to_le_bytes().to_vec()));
            }));
        }
        for task in tasks {
            task.join().await;
        }
    });
}

#[test]
fn an_abandoned_commit_ends_by_itself() {
    check(|| async {
        let scratch = Scratch::new().await;
        let file = create(&scratch, "a").await;
        for _ in 0..50 {
            let commit = file.commit(vec![7; 50_000], 0);
            // Polled once or twice, then dropped.
            let abandoned = timeout(Duration::ZERO, commit).await;
            drop(abandoned);
        }
        file.commit(vec![8; 10], 0).await.0.unwrap();
    });
}

#[test]
fn a_mapping_sees_later_writes_and_outlives_the_file() {
    check(|| async {
        let scratch = Scratch::new().await;
        let file = create(&scratch, "a").await;
        file.allocate(64 << 10).await.unwrap();
        let mapping = file.map().unwrap();
        assert_eq!(mapping.len(), 64 << 10);
        file.commit(b"record".to_vec(), 4096).await.0.unwrap();
        let slice = mapping.bytes(4096..4102);
        assert_eq!(&slice[..], b"record");
        drop((mapping, file));
        assert_eq!(&slice[..], b"record");
        let moved = std::thread::spawn(move || slice.len()).join().unwrap();
        assert_eq!(moved, 6, "slices may cross threads");
    });
}

#[test]
fn lengths_grow_by_allocation_and_follow_set_len() {
    check(|| async {
        let scratch = Scratch::new().await;
        let file = create(&scratch, "a").await;
        assert!(file.is_empty().unwrap());
        file.allocate(10_000).await.unwrap();
        file.allocate(100).await.unwrap();
        assert_eq!(file.len().unwrap(), 10_000, "allocation never shrinks");
        file.write_at(vec![1; 200], 0).await.0.unwrap();
        file.set_len(100).await.unwrap();
        file.set_len(200).await.unwrap();
        let (_, bytes) = file.read_at(vec![9; 200], 0).await;
        assert_eq!(
            bytes,
            [vec![1; 100], vec![0; 100]].concat(),
            "what was cut is gone"
        );
    });
}

#[test]
fn open_options_mean_what_they_say() {
    check(|| async {
        let scratch = Scratch::new().await;
        let path = scratch.join("a");
        let kind = |opened: io::Result<File>| opened.map(drop).unwrap_err().kind();
        let missing = fs::open(&path, &OpenOptions::read()).await;
        assert_eq!(kind(missing), io::ErrorKind::NotFound);
        let missing = fs::open(&path, &OpenOptions::update()).await;
        assert_eq!(kind(missing), io::ErrorKind::NotFound);
        create(&scratch, "a")
            .await
            .write_at(b"abc".to_vec(), 0)
            .await
            .0
            .unwrap();
        let exists = fs::open(&path, &OpenOptions::create_new()).await;
        assert_eq!(kind(exists), io::ErrorKind::AlreadyExists);
        let kept = fs::open(&path, &OpenOptions::create()).await.unwrap();
        assert_eq!(kept.len().unwrap(), 3);
        let truncating = OpenOptions {
            truncate: true,
            ..OpenOptions::create()
        };
        let cut = fs::open(&path, &truncating).await.unwrap();
        assert_eq!(cut.len().unwrap(), 0);
        let reader = fs::open(&path, &OpenOptions::read()).await.unwrap();
        assert!(
            reader.write_at(b"x".to_vec(), 0).await.0.is_err(),
            "opened for reading only"
        );
    });
}

#[test]
fn names_can_be_listed_renamed_and_removed() {
    check(|| async {
        let scratch = Scratch::new().await;
        let folder = scratch.join("x/y");
        fs::create_dir_all(&folder).await.unwrap();
        fs::create_dir_all(&folder).await.unwrap();
        create(&scratch, "b")
            .await
            .write_at(vec![0; 5], 0)
            .await
            .0
            .unwrap();
        create(&scratch, "a").await;
        let listed = fs::read_dir(scratch.path()).await.unwrap();
        let names: Vec<_> = listed
            .iter()
            .map(|entry| (entry.name.as_str(), entry.len, entry.is_dir))
            .collect();
        assert_eq!(names, [("a", 0, false), ("b", 5, false), ("x", 0, true)]);

        fs::rename(&scratch.join("b"), &scratch.join("a"))
            .await
            .unwrap();
        assert_eq!(fs::read(&scratch.join("a")).await.unwrap().len(), 5);
        assert!(!fs::exists(&scratch.join("b")).await.unwrap());
        fs::sync_dir(scratch.path()).await.unwrap();
        fs::remove_file(&scratch.join("a")).await.unwrap();
        let gone = fs::remove_file(&scratch.join("a")).await;
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(fs::read_dir(&scratch.join("nowhere")).await.is_err());
    });
}

#[test]
fn atomic_writes_replace_the_whole_content() {
    check(|| async {
        let scratch = Scratch::new().await;
        let path = scratch.join("state");
        fs::write_atomic(&path, b"a long first content".to_vec())
            .await
            .unwrap();
        fs::write_atomic(&path, b"second".to_vec()).await.unwrap();
        assert_eq!(fs::read(&path).await.unwrap(), b"second");
        assert_eq!(
            fs::read_dir(scratch.path()).await.unwrap().len(),
            1,
            "nothing is left beside"
        );
    });
}

#[test]
fn writing_into_a_full_device_is_an_error() {
    crate::check_real(|| async {
        let path = std::path::Path::new("/dev/full");
        if !path.exists() {
            return;
        }
        let options = OpenOptions {
            read: false,
            ..OpenOptions::update()
        };
        let full = fs::open(path, &options).await.unwrap();
        let (written, bytes) = full.write_at(vec![0; 10], 0).await;
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(bytes.len(), 10);
        let (committed, _) = full.commit(vec![0; 10], 0).await;
        assert_eq!(committed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    });
}

#[test]
fn a_sync_that_fails_reaches_the_caller() {
    crate::check_real(|| async {
        // Pipes and the like have no sync: the write works, the linked half is refused.
        let path = std::path::Path::new("/dev/null");
        if !path.exists() {
            return;
        }
        let null = fs::open(path, &OpenOptions::update()).await.unwrap();
        let (committed, bytes) = null.commit(vec![0; 10], 0).await;
        assert_eq!(committed.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(bytes.len(), 10);
        null.write_at(bytes, 0).await.0.unwrap();
    });
}
