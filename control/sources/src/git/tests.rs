//! Packs made by hand, and a repository made by git.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::object::Kind;
use super::*;
use crate::tests::on_real_control;

/// A pack of objects: kind bits, what stands between head and content, content.
fn pack(objects: &[(u8, Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&(objects.len() as u32).to_be_bytes());
    for (kind, between, content) in objects {
        // Two bytes of size are enough here.
        pack.push(0x80 | (kind << 4) | (content.len() & 15) as u8);
        pack.push((content.len() >> 4) as u8);
        pack.extend_from_slice(between);
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(content).expect("in memory");
        pack.extend(deflated.finish().expect("in memory"));
    }
    sealed(&pack)
}

fn raw(id: Id) -> Vec<u8> {
    let digits = id.to_string();
    let pairs = (0..20).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16));
    pairs.map(|byte| byte.expect("hexadecimal")).collect()
}

fn entry(mode: &str, name: &str, id: Id) -> Vec<u8> {
    [format!("{mode} {name}\0").as_bytes(), &raw(id)].concat()
}

/// A commit of a file, with more objects of a test's own.
fn commit_of(name: &str, more: Vec<(u8, Vec<u8>, Vec<u8>)>) -> (Id, Vec<u8>) {
    let file = b"declare \"a\" { }\n".to_vec();
    let folder = entry("100644", name, Id::of(Kind::File, &file));
    let commit = format!("tree {}\nauthor x\n\nm", Id::of(Kind::Folder, &folder)).into_bytes();
    let id = Id::of(Kind::Commit, &commit);
    let mut objects = vec![
        (3, Vec::new(), file),
        (2, Vec::new(), folder),
        (1, Vec::new(), commit),
    ];
    objects.extend(more);
    (id, pack(&objects))
}

fn files_of(pack: &[u8], id: Id) -> Result<Vec<String>, GitError> {
    let files = unpack(pack)?.files(id)?;
    let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
    Ok(files
        .iter()
        .map(|(name, it)| format!("{name}={}", text(it)))
        .collect())
}

#[test]
fn a_commits_files_are_read_by_path() {
    let (id, pack) = commit_of("a.alloy", Vec::new());
    assert_eq!(
        files_of(&pack, id).expect("it is whole"),
        ["a.alloy=declare \"a\" { }\n"]
    );
    assert_eq!(id.to_string().len(), 40);
    assert_eq!(Id::parse(id.to_string().as_bytes()), Some(id));
}

#[test]
fn changes_are_applied_to_bases_before_and_after_them() {
    let base = b"one two three".to_vec();
    // 13 bytes become 11: copy "one ", insert "2", copy " three".
    let changes = vec![13, 11, 0x90, 4, 1, b'2', 0x91, 7, 6];
    let by_id = raw(Id::of(Kind::File, &base));
    let objects = unpack(&pack(&[
        (7, by_id.clone(), changes.clone()),
        (3, Vec::new(), base),
    ]));
    let objects = objects.expect("it is whole");
    assert!(objects.get(Id::of(Kind::File, b"one 2 three")).is_some());
    let alone = unpack(&pack(&[(7, by_id.clone(), changes)])).err();
    assert_eq!(
        alone,
        Some(GitError::new("the pack has changes of what it has not"))
    );
    for broken in [
        vec![13, 11, 0x90, 4],
        vec![13, 4, 0x91, 12, 4],
        vec![13, 1, 0],
        vec![0x80; 9],
    ] {
        let base = (3, Vec::new(), b"one two three".to_vec());
        assert!(unpack(&pack(&[base, (7, by_id.clone(), broken)])).is_err());
    }
}

#[test]
fn what_is_torn_or_leads_out_of_the_folder_is_refused() {
    let (id, whole) = commit_of("a.alloy", Vec::new());
    for length in 0..whole.len() {
        assert!(unpack(&whole[..length]).is_err(), "{length} bytes");
    }
    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    assert!(unpack(&flipped).is_err());
    for name in ["..", ".", "", ".git", "a/b", "a\\b", "c:"] {
        let (id, pack) = commit_of(name, Vec::new());
        assert!(files_of(&pack, id).is_err(), "{name:?}");
    }
    let file = Id::of(Kind::File, b"declare \"a\" { }\n");
    assert!(files_of(&whole, file).is_err(), "a file is no commit");
    assert!(files_of(&whole, id).is_ok());
}

#[test]
fn answers_say_what_the_server_has_or_what_is_wrong() {
    let line = |text: &str| {
        let mut packet = Vec::new();
        packet::data(&mut packet, text.as_bytes());
        packet
    };
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    let mut refs = line(&format!("{one} refs/tags/v1 peeled:{two}\n"));
    packet::flush(&mut refs);
    let listed = listed(&refs).expect("it is an answer");
    assert_eq!(listed[0].0, "refs/tags/v1");
    assert_eq!(listed[0].1.to_string(), two);
    let error = packed(&line("ERR no such repository\n")).err();
    assert_eq!(
        error,
        Some(GitError::new("the server said \"no such repository\""))
    );
    assert!(packed(b"<html>").is_err());
    assert!(packed(b"0000").is_err());
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git is installed, as it is where sources come from");
    assert!(done.status.success(), "{arguments:?}: {done:?}");
}

#[test]
fn a_repository_of_this_machine_is_read_by_branch_tag_and_commit() {
    on_real_control(async || {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let write = |text: &str| {
            std::fs::write(folder.path().join("a.alloy"), text).expect("a scratch folder");
        };
        git(folder.path(), &["init", "-q", "-b", "main"]);
        write("one");
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "-q", "-m", "one"]);
        git(folder.path(), &["tag", "-a", "-m", "first", "v1"]);
        write("two");
        git(folder.path(), &["commit", "-q", "-a", "-m", "two"]);
        let remote = Remote::folder(&folder.path().display().to_string());
        let content = async |revision: &str| {
            let id = resolve(&remote, revision).await?;
            let files = files(&remote, id).await?;
            Ok::<_, GitError>((id, String::from_utf8_lossy(&files["a.alloy"]).into_owned()))
        };
        let (newest, text) = content("main").await.expect("there is a branch");
        assert_eq!(text, "two");
        assert_eq!(content("v1").await.expect("there is a tag").1, "one");
        let by_id = content(&newest.to_string()).await;
        assert_eq!(by_id.expect("there is a commit").1, "two");
        let missing = content("other").await.expect_err("there is no such branch");
        assert!(
            missing.to_string().contains("no branch, tag or commit"),
            "{missing}"
        );
    });
}
