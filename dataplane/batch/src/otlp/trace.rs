//! Spans with their events and links: the messages of the signal traces.

use super::kinds::{Attrs, Enum, Fixed32, Fixed64, Id, LazyList, One, Str, Uint32};
use super::wire::message;

message! {
    /// A span.
    Span "Span" counted true {
        1 "traceId" trace_id: Id<16>,
        2 "spanId" span_id: Id<8>,
        3 "traceState" trace_state: Str,
        4 "parentSpanId" parent_span_id: Id<8>,
        16 "flags" flags: Fixed32,
        5 "name" name: Str,
        /// 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
        6 "kind" kind: Enum,
        7 "startTimeUnixNano" start_unix_nano: Fixed64,
        8 "endTimeUnixNano" end_unix_nano: Fixed64,
        9 "attributes" attributes: Attrs,
        10 "droppedAttributesCount" dropped_attributes_count: Uint32,
        11 "events" events: LazyList<SpanEvent<'a>>,
        12 "droppedEventsCount" dropped_events_count: Uint32,
        13 "links" links: LazyList<SpanLink<'a>>,
        14 "droppedLinksCount" dropped_links_count: Uint32,
        15 "status" status: One<Status<'a>>,
    }
}

message! {
    /// Something that happened during a span.
    SpanEvent "Event" {
        1 "timeUnixNano" time_unix_nano: Fixed64,
        2 "name" name: Str,
        3 "attributes" attributes: Attrs,
        4 "droppedAttributesCount" dropped_attributes_count: Uint32,
    }
}

message! {
    /// Another span that has to do with this one.
    SpanLink "Link" {
        1 "traceId" trace_id: Id<16>,
        2 "spanId" span_id: Id<8>,
        3 "traceState" trace_state: Str,
        4 "attributes" attributes: Attrs,
        5 "droppedAttributesCount" dropped_attributes_count: Uint32,
        6 "flags" flags: Fixed32,
    }
}

message! {
    /// How a span ended.
    Status "Status" {
        2 "message" message: Str,
        /// 0 unset, 1 ok, 2 error.
        3 "code" code: Enum,
    }
}
