//! Variable length integers as in protobuf: seven bits a byte, lowest first, high bit = more.

/// Bytes of the longest encoded `u64`.
pub const LEN_MAX: usize = 10;

/// Appends `value`.
#[inline]
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`put`] appends for `value`.
#[inline]
pub const fn len(value: u64) -> usize {
    // 7 bits a byte; `| 1` makes zero one bit long.
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Reads an integer from the start of `bytes`; gives it and its length, or nothing if it is cut
/// off or does not fit in 64 bits.
#[inline]
pub fn get(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(LEN_MAX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == LEN_MAX - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte < 0x80 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Maps signed to unsigned so that small magnitudes stay short (protobuf's sint64).
#[inline]
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_round_trips() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put(&mut out, value);
                assert_eq!(out.len(), len(value), "{value}");
                assert_eq!(get(&out), Some((value, out.len())));
                out.push(0xff);
                assert_eq!(
                    get(&out),
                    Some((value, out.len() - 1)),
                    "what follows is left alone"
                );
            }
        }
    }

    #[test]
    fn cut_off_and_oversized_integers_are_refused() {
        assert_eq!(get(&[]), None);
        assert_eq!(get(&[0x80, 0x80]), None);
        assert_eq!(get(&[0xff; 10]), None);
        let mut over = [0x80; 10];
        over[9] = 2;
        assert_eq!(get(&over), None);
    }

    #[test]
    fn zigzag_keeps_small_magnitudes_small() {
        for (signed, unsigned) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (i64::MIN, u64::MAX)] {
            assert_eq!(zigzag(signed), unsigned);
            assert_eq!(unzigzag(unsigned), signed);
        }
    }
}
