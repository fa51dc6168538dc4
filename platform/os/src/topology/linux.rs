//! CPU quota of the control group, version 2 (`cpu.max`) or 1 (`cpu.cfs_*`).

use crate::memory::cgroup;

/// The smallest quota among this process's group and those above it.
pub(super) fn quota() -> Option<f64> {
    let v2 = cgroup::files("", "cpu.max")
        .into_iter()
        .filter_map(|text| parse_v2(&text));
    let periods = cgroup::files("cpu", "cpu.cfs_period_us");
    let quotas = cgroup::files("cpu", "cpu.cfs_quota_us");
    let v1 = quotas
        .iter()
        .zip(&periods)
        .filter_map(|(quota, period)| parse_v1(quota, period));
    v2.chain(v1).reduce(f64::min)
}

/// `max 100000` or `150000 100000`.
fn parse_v2(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    parse_v1(quota, period)
}

/// The quota is `max` (version 2) or -1 (version 1) when there is none.
fn parse_v1(quota: &str, period: &str) -> Option<f64> {
    let quota: u64 = quota.trim().parse().ok()?;
    let period: u64 = period.trim().parse().ok()?;
    (period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_of_both_versions_parse() {
        assert_eq!(parse_v2("max 100000\n"), None);
        assert_eq!(parse_v2("150000 100000\n"), Some(1.5));
        assert_eq!(parse_v2(""), None);
        assert_eq!(parse_v1("-1\n", "100000\n"), None);
        assert_eq!(parse_v1("50000\n", "100000\n"), Some(0.5));
        assert_eq!(parse_v1("50000\n", "0\n"), None);
    }
}
