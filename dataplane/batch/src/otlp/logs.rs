//! Log records: the message of the signal logs.

use super::kinds::{Any, Attrs, Enum, Fixed32, Fixed64, Id, Str, Uint32};
use super::wire::message;

message! {
    /// A log record.
    LogRecord "LogRecord" counted true {
        1 "timeUnixNano" time_unix_nano: Fixed64,
        11 "observedTimeUnixNano" observed_unix_nano: Fixed64,
        /// 1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-20 error, 21-24 fatal.
        2 "severityNumber" severity_number: Enum,
        3 "severityText" severity_text: Str,
        5 "body" body: Any,
        6 "attributes" attributes: Attrs,
        7 "droppedAttributesCount" dropped_attributes_count: Uint32,
        8 "flags" flags: Fixed32,
        9 "traceId" trace_id: Id<16>,
        10 "spanId" span_id: Id<8>,
        12 "eventName" event_name: Str,
    }
}
