//! Collector `filesystem`: room on mounted file systems.
//!
//! A file system of the network may not answer: each call runs on a thread of its own, and a mount
//! point that does not answer in time is left alone until it has.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use os::host::Room;

use super::host::{Failure, Host, Outcome};
use crate::families::Families;

/// One line of `mountinfo`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Mount {
    device: String,
    point: String,
    kind: String,
    major: String,
    minor: String,
    read_only: bool,
}

pub fn filesystems(host: &Host, out: &mut Families) -> Outcome {
    let text = match host.proc_text("1/mountinfo") {
        Ok(text) => text,
        Err(_) => host.proc_text("self/mountinfo")?,
    };
    let mut seen = HashSet::new();
    for line in text.lines() {
        let Some(mut mount) = mount(line) else {
            return Err(Failure::new("a line of \"mountinfo\" is not understood"));
        };
        let root = host.root.to_string_lossy();
        if let Some(inside) = mount.point.strip_prefix(root.trim_end_matches('/')) {
            mount.point = if inside.is_empty() {
                "/".to_owned()
            } else {
                inside.to_owned()
            };
        }
        let wanted = host.filters.mount_points.takes(&mount.point)
            && host.filters.filesystem_types.takes(&mount.kind);
        let identity = (
            mount.device.clone(),
            mount.point.clone(),
            mount.kind.clone(),
        );
        if !wanted || !seen.insert(identity) {
            continue;
        }
        let room = asked(host, &mount.point);
        write(&mount, room, out);
    }
    Ok(())
}

/// 26 1 8:1 / /mnt rw,noatime shared:1 - ext4 /dev/sda1 rw
fn mount(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let right: Vec<&str> = right.split(' ').collect();
    let (major, minor) = left.get(2)?.split_once(':')?;
    let options = left.get(5)?.split(',');
    let of_super_block = right.get(2).copied().unwrap_or_default().split(',');
    let mut options = options.chain(of_super_block);
    Some(Mount {
        device: (*right.get(1)?).to_owned(),
        point: left.get(4)?.replace("\\040", " ").replace("\\011", "\t"),
        kind: (*right.first()?).to_owned(),
        major: major.to_owned(),
        minor: minor.to_owned(),
        read_only: options.any(|it| it == "ro"),
    })
}

/// Room below a mount point, or why it is not known.
fn asked(host: &Host, point: &str) -> Result<Room, String> {
    let path = host.root.join(point.trim_start_matches('/'));
    let path = if point == "/" {
        host.root.clone()
    } else {
        path
    };
    if lock(&host.stuck).contains(&path) {
        return Err("mountpoint timeout".to_owned());
    }
    let (answer_in, answer) = mpsc::channel();
    let asking = path.clone();
    let stuck = host.stuck.clone();
    let call = move || {
        let room = os::host::room(&asking);
        lock(&stuck).remove(&asking);
        // Who asked may have given up.
        drop(answer_in.send(room));
    };
    let thread = thread::Builder::new().name("statfs".to_owned());
    if let Err(error) = thread.spawn(call) {
        return Err(error.to_string());
    }
    match answer.recv_timeout(host.arguments.filesystem.mount_timeout) {
        Ok(Ok(room)) => Ok(room),
        Ok(Err(error)) => Err(reason(&error)),
        Err(_) => {
            lock(&host.stuck).insert(path);
            Err("mountpoint timeout".to_owned())
        }
    }
}

fn lock(stuck: &std::sync::Mutex<HashSet<PathBuf>>) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
    stuck.lock().expect("nobody panics while holding it")
}

/// Compat: Go's words for an error of the system, which are in lower case and without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

fn write(mount: &Mount, room: Result<Room, String>, out: &mut Families) {
    let error = room.as_ref().err().map_or("", |it| it.as_str());
    let labels = [
        ("device", mount.device.as_str()),
        ("mountpoint", mount.point.as_str()),
        ("fstype", mount.kind.as_str()),
        ("device_error", error),
    ];
    let mut add = |name: &str, help: &str, value: f64| {
        out.gauge(&format!("node_filesystem_{name}"), help, &labels, value);
    };
    let help = "Whether an error occurred while getting statistics for the given device.";
    add("device_error", help, f64::from(u8::from(room.is_err())));
    let read_only = f64::from(u8::from(mount.read_only));
    add("readonly", "Filesystem read-only status.", read_only);
    let Ok(room) = room else {
        return;
    };
    add(
        "size_bytes",
        "Filesystem size in bytes.",
        room.size_bytes as f64,
    );
    add(
        "free_bytes",
        "Filesystem free space in bytes.",
        room.free_bytes as f64,
    );
    let help = "Filesystem space available to non-root users in bytes.";
    add("avail_bytes", help, room.available_bytes as f64);
    add("files", "Filesystem total file nodes.", room.files as f64);
    add(
        "files_free",
        "Filesystem total free file nodes.",
        room.files_free as f64,
    );
    // Compat: not negative on Linux, where no space can be purged.
    let help = "Filesystem space available including purgeable space (MacOS specific).";
    add("purgeable_bytes", help, 0.0);
    let labels = [
        ("device", mount.device.as_str()),
        ("major", mount.major.as_str()),
        ("minor", mount.minor.as_str()),
        ("mountpoint", mount.point.as_str()),
    ];
    let help = "Filesystem mount information.";
    out.gauge("node_filesystem_mount_info", help, &labels, 1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_mountinfo_are_read_with_their_escapes() {
        let line = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root ro,errors=x";
        let mount = mount(line).expect("the line is one of the manual");
        assert_eq!(mount.point, "/mnt 2");
        assert_eq!((&*mount.device, &*mount.kind), ("/dev/root", "ext3"));
        assert_eq!((&*mount.major, &*mount.minor), ("98", "0"));
        assert!(
            mount.read_only,
            "the file system is, where the mount is not"
        );
        assert_eq!(super::mount("36 35 98:0 /"), None);
    }

    #[test]
    fn errors_of_the_system_read_as_in_go() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(reason(&error), "no such file or directory");
    }
}
