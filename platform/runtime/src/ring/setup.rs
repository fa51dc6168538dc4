//! Making rings, and saying why one cannot be made.

use std::io;
use std::os::fd::AsRawFd;

use io_uring::register::{Probe, Restriction};
use io_uring::squeue::Flags;
use io_uring::{IoUring, opcode};

use super::eventfd::EventFd;
use super::{ENTRIES, OPCODES};

/// The ring for files, restricted where the kernel can, ringing `completed`.
pub(super) fn file_ring(completed: &EventFd) -> io::Result<IoUring> {
    if let Ok(uring) = restricted(completed) {
        return Ok(uring);
    }
    let uring = IoUring::new(ENTRIES)?;
    if let Some(missing) = missing_operation(&uring, &OPCODES)? {
        return Err(io::Error::new(io::ErrorKind::Unsupported, missing));
    }
    uring.submitter().register_eventfd(completed.as_raw_fd())?;
    Ok(uring)
}

/// Restrictions are laid down while the ring is disabled and hold from its start on; what they do
/// not name, registering included, is refused.
fn restricted(completed: &EventFd) -> io::Result<IoUring> {
    let uring = IoUring::builder().setup_r_disabled().build(ENTRIES)?;
    let submitter = uring.submitter();
    submitter.register_eventfd(completed.as_raw_fd())?;
    let [read, write, sync] = OPCODES.map(|(code, _)| Restriction::sqe_op(code));
    let link = Restriction::sqe_flags_allowed(Flags::IO_LINK.bits());
    submitter.register_restrictions(&mut [read, write, sync, link])?;
    submitter.register_enable_rings()?;
    Ok(uring)
}

/// What a shard on monoio submits, to monoio's ring and to its own for files.
const SHARD_OPERATIONS: [(u8, &str); 10] = [
    (opcode::Accept::CODE, "accept"),
    (opcode::AsyncCancel::CODE, "async_cancel"),
    (opcode::Close::CODE, "close"),
    (opcode::Connect::CODE, "connect"),
    (opcode::Fsync::CODE, "fsync"),
    (opcode::Read::CODE, "read"),
    (opcode::Recv::CODE, "recv"),
    (opcode::Send::CODE, "send"),
    (opcode::Timeout::CODE, "timeout"),
    (opcode::Write::CODE, "write"),
];

/// Entries of a monoio ring: what is probed must be what is used, as memory limits count it.
const SHARD_ENTRIES: u32 = 1024;

/// Why a shard cannot run on io_uring, with the knob to turn; nothing if it can.
pub(crate) fn refusal() -> Option<String> {
    let tried =
        IoUring::new(SHARD_ENTRIES).and_then(|uring| missing_operation(&uring, &SHARD_OPERATIONS));
    match tried {
        Ok(None) => None,
        Ok(Some(missing)) => Some(format!("{missing}; a kernel from 5.6 on is needed")),
        Err(error) => Some(explain(&error, &Facts::of_this_machine())),
    }
}

fn missing_operation(uring: &IoUring, needed: &[(u8, &str)]) -> io::Result<Option<String>> {
    let mut probe = Probe::new();
    match uring.submitter().register_probe(&mut probe) {
        Ok(()) => {}
        // Kernels before 5.6 cannot even be asked.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            return Ok(Some(
                "the kernel is too old for io_uring as used here".to_owned(),
            ));
        }
        Err(error) => return Err(error),
    }
    let missing = needed.iter().find(|(code, _)| !probe.is_supported(*code));
    Ok(missing
        .map(|(code, name)| format!("the kernel lacks the io_uring operation {name} ({code})")))
}

/// What tells the causes of one errno apart.
struct Facts {
    /// `kernel.io_uring_disabled`: 0 allowed, 1 for a group, 2 forbidden.
    disabled: Option<u32>,
    /// A seccomp filter is active.
    filtered: bool,
    /// `RLIMIT_MEMLOCK` in bytes, if limited.
    locked_memory: Option<u64>,
}

impl Facts {
    fn of_this_machine() -> Facts {
        let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `limit` is a live rlimit.
        let known = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) } == 0;
        let limited = known && limit.rlim_cur != libc::RLIM_INFINITY;
        Facts {
            disabled: disabled.ok().and_then(|text| text.trim().parse().ok()),
            filtered: is_filtered(&status),
            locked_memory: limited.then_some(limit.rlim_cur),
        }
    }
}

fn is_filtered(status: &str) -> bool {
    status.lines().any(|line| {
        line.strip_prefix("Seccomp:")
            .is_some_and(|mode| mode.trim() == "2")
    })
}

const ALLOW_IN_SECCOMP: &str =
    "allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile";

fn explain(error: &io::Error, facts: &Facts) -> String {
    match (error.raw_os_error(), facts.disabled) {
        (Some(libc::EPERM), Some(disabled @ 1..)) => {
            format!("sysctl kernel.io_uring_disabled is {disabled}; set it to 0 to allow io_uring")
        }
        (Some(libc::EPERM | libc::EACCES | libc::ENOSYS), _) if facts.filtered => {
            format!("a seccomp filter (of the container) forbids io_uring; {ALLOW_IN_SECCOMP}")
        }
        (Some(libc::EPERM | libc::EACCES), _) => {
            "a security policy (SELinux, AppArmor) forbids io_uring; allow it for this program"
                .to_owned()
        }
        (Some(libc::ENOSYS), _) => {
            "the kernel has no io_uring; a kernel from 5.6 on built with CONFIG_IO_URING is needed"
                .to_owned()
        }
        (Some(libc::ENOMEM), _) => match facts.locked_memory {
            Some(bytes) => format!(
                "the limit of locked memory ({}) is too low for its rings; raise it (ulimit -l, \
                 LimitMEMLOCK=)",
                stdx::format_bytes(bytes)
            ),
            None => "there is no memory for its rings".to_owned(),
        },
        (Some(libc::EMFILE | libc::ENFILE), _) => {
            format!("no file descriptor is left for its rings ({error}); raise LimitNOFILE=")
        }
        _ => format!("making a ring failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            disabled: None,
            filtered: false,
            locked_memory: None,
        }
    }

    #[test]
    fn each_cause_is_named_with_its_knob() {
        let disabled = || Facts {
            disabled: Some(2),
            ..facts()
        };
        let filtered = || Facts {
            disabled: Some(0),
            filtered: true,
            ..facts()
        };
        let limited = || Facts {
            locked_memory: Some(64 << 10),
            ..facts()
        };
        for (errno, facts, cause) in [
            (
                libc::EPERM,
                disabled(),
                "sysctl kernel.io_uring_disabled is 2; set it to 0",
            ),
            (
                libc::EPERM,
                filtered(),
                "a seccomp filter (of the container) forbids io_uring",
            ),
            (
                libc::ENOSYS,
                filtered(),
                "a seccomp filter (of the container) forbids io_uring",
            ),
            (
                libc::EPERM,
                facts(),
                "a security policy (SELinux, AppArmor) forbids io_uring",
            ),
            (
                libc::ENOSYS,
                facts(),
                "a kernel from 5.6 on built with CONFIG_IO_URING",
            ),
            (
                libc::ENOMEM,
                limited(),
                "the limit of locked memory (64KiB) is too low",
            ),
            (libc::ENOMEM, facts(), "there is no memory"),
            (libc::EMFILE, facts(), "raise LimitNOFILE="),
            (libc::EINVAL, facts(), "making a ring failed"),
        ] {
            let text = explain(&io::Error::from_raw_os_error(errno), &facts);
            assert!(text.contains(cause), "{errno}: {text}");
        }
    }

    #[test]
    fn a_seccomp_filter_shows_in_the_status() {
        assert!(is_filtered("Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n"));
        assert!(!is_filtered("Name:\tx\nSeccomp:\t0\n"));
    }
}
