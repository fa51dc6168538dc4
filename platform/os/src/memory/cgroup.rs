//! Files of this process's control group (Linux), versions 1 and 2, and of the groups above it:
//! each level may limit.

use std::fs;
use std::path::{Path, PathBuf};

/// The contents of `file` in this process's group of `controller` and in every group above it,
/// innermost first. The empty controller is the version 2 hierarchy.
pub(crate) fn files(controller: &str, file: &str) -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (groups, mounts) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
    let Some(group) = group(&groups, controller) else {
        return Vec::new();
    };
    let Some((root, mount)) = mount(&mounts, controller) else {
        return Vec::new();
    };
    levels(&group, &root, &mount)
        .into_iter()
        .filter_map(|level| fs::read_to_string(level.join(file)).ok())
        .collect()
}

/// The group's path in `/proc/self/cgroup`: lines of `id:controllers:path`.
fn group(groups: &str, controller: &str) -> Option<String> {
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        controllers
            .split(',')
            .any(|name| name == controller)
            .then(|| path.to_owned())
    })
}

/// The hierarchy's root group and mount point in `/proc/self/mountinfo`:
/// `id parent device root mount-point options ... - type source options`.
fn mount(mounts: &str, controller: &str) -> Option<(String, PathBuf)> {
    mounts.lines().find_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        let mut back = back.split(' ');
        let (kind, _source, options) = (back.next()?, back.next()?, back.next()?);
        let matches = match controller {
            "" => kind == "cgroup2",
            _ => kind == "cgroup" && options.split(',').any(|option| option == controller),
        };
        let mut front = front.split(' ').skip(3);
        let (root, point) = (front.next()?, front.next()?);
        matches.then(|| (root.to_owned(), PathBuf::from(point)))
    })
}

/// The folders of a group and of those above it, up to the mount point. In a container the mount
/// shows a subtree (`root`), whose prefix is not part of the folders.
fn levels(group: &str, root: &str, mount: &Path) -> Vec<PathBuf> {
    let below = match root {
        "/" => group,
        _ => group.strip_prefix(root).unwrap_or(""),
    };
    let inner = mount.join(below.trim_start_matches('/'));
    inner
        .ancestors()
        .take_while(|level| level.starts_with(mount))
        .map(Path::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "4:memory:/box/a\n2:cpu,cpuacct:/box\n0::/user/b\n";
    const MOUNTS: &str = "\
30 24 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
31 24 0:27 /box /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory
32 24 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
";

    #[test]
    fn groups_and_mounts_are_found_for_both_versions() {
        assert_eq!(group(GROUPS, "").as_deref(), Some("/user/b"));
        assert_eq!(group(GROUPS, "cpu").as_deref(), Some("/box"));
        assert_eq!(group(GROUPS, "pids"), None);
        let (root, point) = mount(MOUNTS, "").unwrap();
        assert_eq!(
            (root.as_str(), point.to_str().unwrap()),
            ("/", "/sys/fs/cgroup/unified")
        );
        let (root, point) = mount(MOUNTS, "memory").unwrap();
        assert_eq!(
            (root.as_str(), point.to_str().unwrap()),
            ("/box", "/sys/fs/cgroup/memory")
        );
        assert_eq!(mount(MOUNTS, "pids"), None);
    }

    #[test]
    fn every_level_up_to_the_mount_is_asked() {
        let mount = Path::new("/m");
        let paths = |group, root| -> Vec<String> {
            levels(group, root, mount)
                .iter()
                .map(|level| level.display().to_string())
                .collect()
        };
        assert_eq!(paths("/a/b", "/"), ["/m/a/b", "/m/a", "/m"]);
        assert_eq!(paths("/", "/"), ["/m/"]);
        assert_eq!(paths("/box/a", "/box"), ["/m/a", "/m"]);
        assert_eq!(paths("/elsewhere", "/box"), ["/m/"]);
    }
}
