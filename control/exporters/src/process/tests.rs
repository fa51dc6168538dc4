//! The component over a made-up `/proc`, and over that of this machine.

use std::fs;
use std::rc::Rc;

use eval::Instance;
use schema::Value;

use super::*;
use crate::tests::{on_real_control, refusals, scrape, start, start_with_block, texts};

/// A `/proc` of a test.
struct Procfs(tempfile::TempDir);

/// A process of a test.
#[derive(Clone, Copy)]
struct Made {
    pid: u32,
    parent: u32,
    comm: &'static str,
    /// Words apart by blanks.
    line: &'static str,
    /// Ticks of user time.
    ticks: u64,
    start_ticks: u64,
}

impl Made {
    const fn new(pid: u32, parent: u32, comm: &'static str, line: &'static str) -> Made {
        Made {
            pid,
            parent,
            comm,
            line,
            ticks: 100,
            start_ticks: 500,
        }
    }
}

impl Procfs {
    fn new() -> Procfs {
        let procfs = Procfs(tempfile::tempdir().expect("a folder"));
        fs::write(procfs.0.path().join("stat"), "cpu 1\nbtime 1000\n").expect("written");
        procfs
    }

    fn path(&self) -> Value {
        let path = self.0.path().to_string_lossy().into_owned();
        path.into()
    }

    fn put(&self, made: Made) {
        let Made { pid, parent, .. } = made;
        let folder = self.0.path().join(pid.to_string());
        Procfs::write_task(&folder, pid, parent, made);
        fs::create_dir_all(folder.join("fd")).expect("made");
        fs::create_dir_all(folder.join("task").join(pid.to_string())).expect("made");
        for number in 0..4 {
            fs::write(folder.join("fd").join(number.to_string()), "").expect("written");
        }
        let put = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
        put("cmdline", &format!("{}\0", made.line.replace(' ', "\0")));
        put(
            "limits",
            "Limit  Soft  Hard  Units\nMax open files   16   16   files\n",
        );
        put("cgroup", "0::/a.slice\n");
        put(
            "smaps_rollup",
            "00-ff ---p 0 [rollup]\nRss: 9 kB\nPss: 3 kB\nSwapPss: 1 kB\n",
        );
    }

    /// A second thread makes the first one told too.
    fn put_threads(&self, made: Made, names: &[&'static str]) {
        for (index, comm) in names.iter().enumerate() {
            let tid = made.pid + index as u32;
            let folder = self.0.path().join(made.pid.to_string());
            let folder = folder.join("task").join(tid.to_string());
            Procfs::write_task(&folder, tid, made.parent, Made { comm, ..made });
        }
    }

    fn write_task(folder: &Path, pid: u32, parent: u32, made: Made) {
        fs::create_dir_all(folder).expect("made");
        let Made {
            comm,
            ticks,
            start_ticks,
            ..
        } = made;
        let stat = format!(
            "{pid} ({comm}) S {parent} 1 1 0 -1 0 11 0 12 0 {ticks} 20 0 0 20 0 1 0 {start_ticks} \
             4096 2 9 9 9"
        );
        let put = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
        put("stat", &stat);
        let status = "Name: x\nUid:\t1\t4294967\t1\t1\nVmRSS:\t     8 kB\nVmSwap:\t  2 kB\n\
                      voluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n";
        put("status", status);
        put("io", "rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\n");
        put("wchan", "do_wait");
    }

    fn remove(&self, pid: u32) {
        fs::remove_dir_all(self.0.path().join(pid.to_string())).expect("it was there");
    }
}

async fn watch<const N: usize>(
    procfs: &Procfs,
    settings: [(&str, Value); N],
    matcher: (&str, &[&str]),
) -> Instance {
    let mut arguments = eval::rig::body(settings);
    let path = eval::rig::body([("procfs_path", procfs.path())]);
    arguments.attributes.extend(path.attributes);
    let content = [("name", matcher.0.into()), ("cmdline", texts(matcher.1))];
    arguments.blocks.push(eval::rig::block("matcher", content));
    let started = eval::rig::start_body(&COMPONENT, arguments, Rc::default()).await;
    started.expect("it starts")
}

fn assert_has(page: &str, lines: &[&str]) {
    for line in lines {
        let whole = format!("namedprocess_namegroup_{line}\n");
        assert!(page.contains(&whole), "{line} is not in\n{page}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn groups_add_up_what_their_processes_use() {
    on_real_control(async || {
        let procfs = Procfs::new();
        let first = Made::new(10, 1, "web", "/bin/web --port=80");
        procfs.put(first);
        procfs.put(Made::new(20, 1, "web", "/bin/web --port=81"));
        procfs.put(Made::new(30, 1, "other", "/bin/other"));
        let instance = watch(&procfs, [], ("{{.Comm}}", &["port="])).await;
        procfs.put(Made {
            ticks: 350,
            ..first
        });
        let page = scrape(&instance, &[]).await;
        assert_has(
            &page,
            &[
                "num_procs{groupname=\"web\"} 2",
                // What was used before the start does not count.
                "cpu_seconds_total{groupname=\"web\",mode=\"user\"} 2.5",
                "cpu_seconds_total{groupname=\"web\",mode=\"system\"} 0",
                "read_bytes_total{groupname=\"web\"} 0",
                "memory_bytes{groupname=\"web\",memtype=\"resident\"} 16384",
                "memory_bytes{groupname=\"web\",memtype=\"virtual\"} 8192",
                "memory_bytes{groupname=\"web\",memtype=\"swapped\"} 4096",
                "memory_bytes{groupname=\"web\",memtype=\"proportionalResident\"} 6144",
                "memory_bytes{groupname=\"web\",memtype=\"proportionalSwapped\"} 2048",
                "open_filedesc{groupname=\"web\"} 8",
                "worst_fd_ratio{groupname=\"web\"} 0.25",
                "oldest_start_time_seconds{groupname=\"web\"} 1005",
                "states{groupname=\"web\",state=\"Sleeping\"} 2",
                "threads_wchan{groupname=\"web\",wchan=\"do_wait\"} 2",
            ],
        );
        assert!(!page.contains("other"), "{page}");
        assert!(
            page.contains("\nnamedprocess_scrape_partial_errors 0\n"),
            "{page}"
        );
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_group_that_is_empty_keeps_its_counts_unless_it_is_to_go() {
    on_real_control(async || {
        for (remove, expect) in [(false, true), (true, false)] {
            let procfs = Procfs::new();
            let made = Made::new(10, 1, "job", "/bin/job");
            procfs.put(made);
            let settings = [("remove_empty_groups", remove.into())];
            let instance = watch(&procfs, settings, ("jobs", &["job"])).await;
            procfs.put(Made { ticks: 400, ..made });
            scrape(&instance, &[]).await;
            procfs.remove(10);
            let page = scrape(&instance, &[]).await;
            assert_eq!(page.contains("num_procs{groupname=\"jobs\"} 0\n"), expect);
            let cpu = "cpu_seconds_total{groupname=\"jobs\",mode=\"user\"} 3\n";
            assert_eq!(page.contains(cpu), expect, "{page}");
            let start = "oldest_start_time_seconds{groupname=\"jobs\"} -62135596800\n";
            assert_eq!(page.contains(start), expect, "{page}");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn children_belong_to_the_group_of_their_forebears() {
    on_real_control(async || {
        for (children, count) in [(true, 4), (false, 1)] {
            let procfs = Procfs::new();
            procfs.put(Made::new(10, 1, "shop", "/bin/shop"));
            procfs.put(Made::new(11, 10, "sh", "sh"));
            procfs.put(Made::new(12, 11, "sleep", "sleep"));
            procfs.put(Made::new(90, 1, "cron", "cron"));
            let settings = [("track_children", children.into())];
            let instance = watch(&procfs, settings, ("shop", &["/bin/shop"])).await;
            // Born later, of one that belongs to the group by birth.
            procfs.put(Made::new(13, 12, "late", "late"));
            procfs.put(Made::new(91, 90, "cronjob", "cronjob"));
            let page = scrape(&instance, &[]).await;
            assert_has(
                &page,
                &[&format!("num_procs{{groupname=\"shop\"}} {count}")],
            );
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_changes_is_matched_again_where_that_is_set() {
    on_real_control(async || {
        for (recheck, expect) in [(true, true), (false, false)] {
            let procfs = Procfs::new();
            procfs.put(Made::new(10, 1, "sh", "sh"));
            let settings = [("recheck_on_scrape", recheck.into())];
            let instance = watch(&procfs, settings, ("app", &["/bin/app"])).await;
            procfs.put(Made::new(10, 1, "app", "/bin/app"));
            let page = scrape(&instance, &[]).await;
            assert_eq!(page.contains("groupname=\"app\""), expect, "{page}");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn threads_are_told_by_name() {
    on_real_control(async || {
        let procfs = Procfs::new();
        let made = Made::new(10, 1, "db", "/bin/db");
        procfs.put(made);
        procfs.put_threads(made, &["db", "io", "io"]);
        let instance = watch(&procfs, [], ("db", &["db"])).await;
        let later = Made { ticks: 300, ..made };
        procfs.put_threads(later, &["db", "io", "io"]);
        let page = scrape(&instance, &[]).await;
        assert_has(
            &page,
            &[
                "thread_count{groupname=\"db\",threadname=\"io\"} 2",
                "thread_cpu_seconds_total{groupname=\"db\",threadname=\"io\",mode=\"user\"} 4",
                "thread_cpu_seconds_total{groupname=\"db\",threadname=\"db\",mode=\"user\"} 2",
                "thread_io_bytes_total{groupname=\"db\",threadname=\"db\",iomode=\"read\"} 0",
                "threads_wchan{groupname=\"db\",wchan=\"do_wait\"} 4",
                "states{groupname=\"db\",state=\"Sleeping\"} 4",
            ],
        );
        let instance = watch(&procfs, [("track_threads", false.into())], ("db", &["db"])).await;
        let page = scrape(&instance, &[]).await;
        assert!(!page.contains("threadname"), "{page}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn this_process_is_found_on_this_machine() {
    on_real_control(async || {
        let own = format!("{}", std::process::id());
        let matcher = [("name", "{{.PID}}".into()), ("cmdline", texts(&["."]))];
        let block = ("matcher", matcher);
        let started = start_with_block(&COMPONENT, [], block).await;
        let page = scrape(&started.expect("it starts"), &[]).await;
        assert_has(&page, &[&format!("num_procs{{groupname=\"{own}\"}} 1")]);
        let resident = format!("memory_bytes{{groupname=\"{own}\",memtype=\"resident\"}} 0\n");
        assert!(!page.contains(&resident), "{page}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_procfs_is_refused() {
    on_real_control(async || {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_string_lossy().into_owned();
        let started = start(&COMPONENT, [("procfs_path", path.into())], Rc::default()).await;
        let error = started.err().expect("it does not start").to_string();
        assert!(error.contains("cannot read"), "{error}");
    });
}

#[test]
fn a_matcher_that_matches_by_nothing_is_refused() {
    let mut arguments = schema::Body::default();
    let block = eval::rig::block("matcher", [("name", "x".into())]);
    arguments.blocks.push(block);
    let refused = eval::rig::refusals_of(&COMPONENT, &arguments);
    assert!(refused[0].contains("no matchers provided"), "{refused:?}");
    assert!(refusals(&COMPONENT, []).is_empty());
}
