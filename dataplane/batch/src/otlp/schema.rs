//! What the messages of OTLP look like on the wire, as tables: who checks, counts or translates
//! (JSON) walks these instead of knowing each message.

use stdx::protobuf::{DecodeError, Fields, Value};
use stdx::varint;

use super::quick::{self, Step, TAGS};

/// Limit: messages inside messages. OTLP itself needs ten; the rest is for values within values.
/// What is deeper is refused: readers and writers of nested values use the stack.
pub const DEPTH_MAX: usize = 100;

/// Limit: lists and maps in each other, for who makes values of something else. A map takes three
/// messages (the value, the map, its pair); what is around and below takes the ten of OTLP itself.
/// What is deeper would be refused by the next check, which may be that of our own log.
pub const VALUE_DEPTH_MAX: usize = (DEPTH_MAX - 10) / 3;

/// One message.
#[derive(Debug)]
pub struct Schema {
    pub name: &'static str,
    pub fields: &'static [Field],
    /// Fields of which a message has at most one.
    pub oneof: &'static [Field],
    /// Each of these is an item of a batch: a span, a data point, a log record.
    pub counted: bool,
    /// The field of each number: whoever checks a batch looks up every field in it.
    by_number: [Option<&'static Field>; NUMBERS],
    /// What comes after each tag, for the quick walk.
    pub(super) steps: [Step; TAGS],
    /// Whether it is mostly a short key and a short text.
    pub(super) pair: bool,
}

/// Above the largest number of a field in OTLP: 16, the flags of a span.
const NUMBERS: usize = 17;
const _: () = assert!(NUMBERS << 3 == TAGS);

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    pub number: u32,
    /// The name in JSON.
    pub json: &'static str,
    pub kind: FieldKind,
    pub repeated: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    Uint32,
    /// In JSON a string, as all integers of 64 bits.
    Uint64,
    Int64,
    SInt32,
    Bool,
    Enum,
    Fixed32,
    Fixed64,
    SFixed64,
    Double,
    Str,
    /// An id of so many bytes, or none; in JSON hexadecimal.
    Id(usize),
    /// In JSON base64.
    Blob,
    Message(&'static Schema),
}

impl Schema {
    /// A message of these fields.
    #[must_use]
    pub const fn new(
        name: &'static str,
        fields: &'static [Field],
        oneof: &'static [Field],
    ) -> Schema {
        Schema {
            name,
            fields,
            oneof,
            counted: false,
            by_number: enter(oneof, enter(fields, [None; NUMBERS])),
            steps: quick::enter(oneof, quick::enter(fields, quick::unknown_fields())),
            pair: false,
        }
    }

    /// The same, of which most are a key and a text, in fields 1 and 2.
    #[must_use]
    pub(super) const fn pair(self) -> Schema {
        Schema { pair: true, ..self }
    }

    /// The same, whose messages are items of a batch if `counted` says so.
    #[must_use]
    pub const fn counted(self, counted: bool) -> Schema {
        Schema { counted, ..self }
    }

    /// The field of this number, of the oneof too.
    #[inline]
    #[must_use]
    pub fn field(&self, number: u64) -> Option<&'static Field> {
        let index = usize::try_from(number).unwrap_or(NUMBERS);
        self.by_number.get(index).copied().flatten()
    }

    /// The schema of a field that is a message.
    #[inline]
    pub(super) fn message(&self, number: usize) -> Option<&'static Schema> {
        match self.by_number.get(number)?.as_ref()?.kind {
            FieldKind::Message(schema) => Some(schema),
            _ => None,
        }
    }

    /// Checks that `message` can be decoded, at every depth; gives the items in it.
    pub fn check(&'static self, message: &[u8]) -> Result<usize, DecodeError> {
        match quick::items(self, message) {
            Some(items) => Ok(items),
            None => self.check_closely(message),
        }
    }

    /// The same for bytes that nobody wrote by the book; says what is wrong with them.
    pub(super) fn check_closely(&self, message: &[u8]) -> Result<usize, DecodeError> {
        let mut items = 0;
        self.walk(message, DEPTH_MAX, &mut items)?;
        Ok(items)
    }

    fn walk(&self, message: &[u8], depth: usize, items: &mut usize) -> Result<(), DecodeError> {
        let deeper = depth.checked_sub(1).ok_or(DecodeError {
            field: self.name,
            reason: "nested too deeply",
        })?;
        *items += usize::from(self.counted);
        let mut fields = Fields::new(self.name, message);
        while let Some((number, value)) = fields.next()? {
            let Some(field) = self.field(number) else {
                continue;
            };
            match (field.kind, value) {
                (FieldKind::Message(schema), Value::Bytes(bytes)) => {
                    schema.walk(bytes, deeper, items)?;
                }
                (kind, value) => kind.check(value, field.repeated, self.name)?,
            }
        }
        Ok(())
    }
}

/// Enters fields under their numbers; the first of a number stays.
const fn enter(
    fields: &'static [Field],
    mut by_number: [Option<&'static Field>; NUMBERS],
) -> [Option<&'static Field>; NUMBERS] {
    let mut index = 0;
    while index < fields.len() {
        // Larger ones do not compile: the index is out of bounds.
        let entry = &mut by_number[fields[index].number as usize];
        if entry.is_none() {
            *entry = Some(&fields[index]);
        }
        index += 1;
    }
    by_number
}

impl FieldKind {
    #[inline]
    fn check(
        self,
        value: Value<'_>,
        repeated: bool,
        message: &'static str,
    ) -> Result<(), DecodeError> {
        use FieldKind::{Blob, Bool, Double, Enum, Fixed32, Fixed64, Id, Int64, Message, SFixed64};
        use FieldKind::{SInt32, Str, Uint32, Uint64};
        let fits = match (self, value) {
            (Str | Blob, Value::Bytes(_)) => true,
            (Id(len), Value::Bytes(id)) => id.is_empty() || id.len() == len,
            (Fixed64 | SFixed64 | Double, Value::Fixed64(_)) => true,
            (Fixed32, Value::Fixed32(_)) => true,
            (Uint32 | Uint64 | Int64 | SInt32 | Bool | Enum, Value::Varint(_)) => true,
            (Fixed64 | SFixed64 | Double, Value::Bytes(packed)) => {
                repeated && packed.len().is_multiple_of(8)
            }
            (Uint64, Value::Bytes(packed)) => repeated && are_varints(packed),
            (
                Uint32 | Uint64 | Int64 | SInt32 | Bool | Enum | Fixed32 | Fixed64 | SFixed64
                | Double | Str | Blob | Id(_) | Message(_),
                _,
            ) => false,
        };
        if fits {
            return Ok(());
        }
        let reason = match (self, value) {
            (Id(_), Value::Bytes(_)) => "id of a wrong length",
            _ => "field of a wrong wire type",
        };
        Err(DecodeError {
            field: message,
            reason,
        })
    }
}

fn are_varints(mut packed: &[u8]) -> bool {
    while !packed.is_empty() {
        let Some((_, len)) = varint::get(packed) else {
            return false;
        };
        packed = &packed[len..];
    }
    true
}
