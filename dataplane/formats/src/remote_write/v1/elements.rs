//! Elements of snappy's block format: literals, and copies of what stands before them.

use batch::WireBuf;

/// Copies reach back this far: two bytes of offset, which every decoder of the format knows.
pub(super) const REACH: u32 = u16::MAX as u32;

/// Short copies that reach back less than this take two bytes instead of three.
pub(super) const NEAR: u32 = 2048;

/// Appends copies of `len` bytes from `offset` bytes before, at most 64 bytes each.
#[inline]
pub(super) fn put_copies(out: &mut WireBuf, offset: u32, len: u32) {
    debug_assert!(0 < len && 0 < offset && offset <= REACH);
    let mut left = len;
    let [low, high] = (offset as u16).to_le_bytes();
    while left >= 68 {
        out.put_array([(63 << 2) | 2, low, high]);
        left -= 64;
    }
    if left > 64 {
        // So that the last copy is not shorter than a pair.
        out.put_array([(59 << 2) | 2, low, high]);
        left -= 60;
    }
    if offset < NEAR && (4..=11).contains(&left) {
        let tag = ((offset >> 8) as u8) << 5 | ((left - 4) as u8) << 2 | 1;
        out.put_array([tag, low]);
    } else {
        out.put_array([((left - 1) as u8) << 2 | 2, low, high]);
    }
}

/// Appends the tag of a literal of `len` bytes, at most 65,536.
pub(super) fn put_literal_tag(out: &mut WireBuf, len: usize) {
    debug_assert!((1..=1 << 16).contains(&len));
    let more = len - 1;
    match more {
        0..60 => out.put_byte((more as u8) << 2),
        60..256 => out.put_array([60 << 2, more as u8]),
        _ => out.put_array([61 << 2, more as u8, (more >> 8) as u8]),
    }
}
