//! Metadata that goes with a parcel into the log: a piece before those of the batch.
//!
//! ```text
//! kind | WITH_METADATA     length u32 LE | (name length, name, value length, value)* | batch
//! ```
//!
//! Lengths within are varints. Without metadata there is no such piece, and no cost.

use batch::otlp::Metadata;
use bytes::{Buf, Bytes};
use engine::outbox::Parcel;
use stdx::varint;

/// The bit of a record's kind that says that metadata comes first.
const WITH_METADATA: u8 = 0x80;
/// Bytes of the length.
const LENGTH_BYTES: usize = 4;

/// Puts metadata before the pieces.
pub fn enclose(parcel: &mut Parcel, metadata: &Metadata) {
    let mut piece = vec![0; LENGTH_BYTES];
    for (name, values) in metadata.iter() {
        for value in values {
            put(&mut piece, name);
            put(&mut piece, value);
        }
    }
    let len = u32::try_from(piece.len() - LENGTH_BYTES).expect("heads of requests are small");
    piece[..LENGTH_BYTES].copy_from_slice(&len.to_le_bytes());
    parcel.kind |= WITH_METADATA;
    parcel.pieces.insert(0, piece.into());
}

/// Takes metadata out again; none if there is none, an error if the record is not whole.
pub fn open(parcel: &mut Parcel) -> Result<Option<Metadata>, &'static str> {
    if parcel.kind & WITH_METADATA == 0 {
        return Ok(None);
    }
    parcel.kind &= !WITH_METADATA;
    // From memory it is a piece of its own, from the log all is one.
    let first = parcel.pieces.first_mut().ok_or(BROKEN)?;
    let len = first.first_chunk().ok_or(BROKEN)?;
    let len = u32::from_le_bytes(*len) as usize;
    first.advance(LENGTH_BYTES);
    if first.len() < len {
        return Err(BROKEN);
    }
    let mut rest = first.split_to(len);
    if first.is_empty() && parcel.pieces.len() > 1 {
        parcel.pieces.remove(0);
    }
    let mut metadata = Metadata::default();
    while !rest.is_empty() {
        let (name, value) = (take(&mut rest)?, take(&mut rest)?);
        metadata.add(&name, value);
    }
    Ok(Some(metadata))
}

const BROKEN: &str = "the metadata before the batch is cut off";

fn put(out: &mut Vec<u8>, text: &str) {
    varint::put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn take(rest: &mut Bytes) -> Result<String, &'static str> {
    let (len, used) = varint::get(rest).ok_or(BROKEN)?;
    rest.advance(used);
    let len = usize::try_from(len).map_err(|_| BROKEN)?;
    if rest.len() < len {
        return Err(BROKEN);
    }
    let text = rest.split_to(len).to_vec();
    String::from_utf8(text).map_err(|_| BROKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel() -> Parcel {
        Parcel {
            kind: 2,
            items: 1,
            pieces: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
            logged: false,
        }
    }

    fn metadata() -> Metadata {
        let mut metadata = Metadata::default();
        for value in ["a", "", "b"] {
            metadata.add("x-tenant", value.to_owned());
        }
        metadata.add("other", "c".repeat(300));
        metadata
    }

    #[test]
    fn metadata_comes_back_from_memory_and_from_the_log() {
        let mut enclosed = parcel();
        enclose(&mut enclosed, &metadata());
        let mut logged = Parcel {
            pieces: vec![enclosed.pieces.concat().into()],
            logged: true,
            ..enclosed.clone()
        };
        assert_eq!(open(&mut enclosed), Ok(Some(metadata())));
        assert_eq!((enclosed.kind, enclosed.pieces), (2, parcel().pieces));
        assert_eq!(open(&mut logged), Ok(Some(metadata())));
        assert_eq!(logged.pieces, [Bytes::from_static(b"onetwo")]);
    }

    #[test]
    fn a_parcel_without_metadata_stays_as_it_is() {
        let mut plain = parcel();
        assert_eq!(open(&mut plain), Ok(None));
        assert_eq!(plain.pieces, parcel().pieces);
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let mut enclosed = parcel();
        enclose(&mut enclosed, &metadata());
        let whole = enclosed.pieces[0].clone();
        for len in 0..whole.len() {
            let mut cut = Parcel {
                pieces: vec![whole.slice(..len)],
                ..enclosed.clone()
            };
            assert_eq!(open(&mut cut), Err(BROKEN), "{len} bytes");
        }
    }
}
