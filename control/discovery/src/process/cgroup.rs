//! What `/proc/PID/cgroup` tells. Pure.

/// All lines, one behind the other.
pub(super) fn path(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("|")
}

/// The container: 64 hexadecimal digits that make up a name of a path, after a dash and before a
/// dot or the end. The first line that has one counts.
pub(super) fn container_id(text: &str) -> Option<&str> {
    text.lines().find_map(|line| {
        // The last name that fits counts, as with a greedy expression.
        line.split('/').skip(1).filter_map(id_in_name).last()
    })
}

fn id_in_name(name: &str) -> Option<&str> {
    const DIGITS: usize = 64;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    // At the beginning of the name or after each dash, the last one first.
    let dashes = name.match_indices('-').map(|(at, _)| at + 1);
    let starts = std::iter::once(0).chain(dashes);
    let fits = |start: usize| {
        let id = name.get(start..start + DIGITS)?;
        let rest = &name[start + DIGITS..];
        let ends = rest.starts_with('.') || rest.trim().is_empty();
        (ends && id.bytes().all(hexadecimal)).then_some(id)
    };
    starts.filter_map(fits).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_is_a_name_of_64_digits() {
        let id = "0123456789abcdef".repeat(4);
        for (line, fits) in [
            (format!("0::/system.slice/docker-{id}.scope"), true),
            (format!("12:cpu:/kubepods/burstable/pod1/{id}"), true),
            (
                format!("1:name=systemd:/x/cri-containerd-{id}.scope/init"),
                true,
            ),
            (format!("0::/x/{id}x"), false),
            (format!("0::{id}"), false),
            (format!("0::/x/y{id}"), false),
            (format!("0::/x/{}", id.to_uppercase()), false),
            ("0::/init.scope".to_owned(), false),
            (String::new(), false),
        ] {
            let text = format!("0::/\n{line}\n");
            assert_eq!(container_id(&text), fits.then_some(&*id), "{line}");
        }
    }

    #[test]
    fn the_path_is_all_lines() {
        assert_eq!(path("1:a:/x\n0::/y\n"), "1:a:/x|0::/y");
    }
}
