//! otelcol.receiver.syslog: takes syslog over TCP and UDP as log records.
//!
//! ```text
//! connection, packet -> messages -> records with what the message says -> output.logs
//! ```
//!
//! The protocol has no answers: what the output refuses for now is offered again, and the
//! connection is not read meanwhile; of packets the system drops what does not fit. One shard
//! reads the packets. Compatible with otelcol.receiver.syslog of Alloy.

mod arguments;
mod record;

use std::rc::Rc;
use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread, TaskSet};
use runtime::net::UdpReceiver;
use schema::{MetricDecl, Stability};

use crate::receiving::{Intake, LineReader, Transport, counts, listen, serve_streams};
use crate::settings::address;

pub use arguments::ReceiverSyslogArguments;
use record::Reading;

pub static COMPONENT: Component = Component::of::<ReceiverSyslog>();

/// The component.
pub struct ReceiverSyslog;

/// Limit: bytes of a packet; UDP has no longer ones.
const PACKET_BYTES_MAX: usize = 64 << 10;

const TRANSPORTS: &[Transport] = &[Transport::Tcp, Transport::Udp];

impl DataComponent for ReceiverSyslog {
    type Arguments = ReceiverSyslogArguments;
    const NAME: &'static str = "otelcol.receiver.syslog";
    const STABILITY: Stability = Stability::PublicPreview;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = counts::DECLARED;

    async fn build(
        arguments: Arc<ReceiverSyslogArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let intake = Rc::new(Intake::new(cx, &arguments.output, "syslog", TRANSPORTS));
        let reading = Rc::new(Reading::new(&arguments));
        let checked = "checked: it is an address";
        let packets = TaskSet::new();
        if let Some(udp) = arguments.udp.as_ref().filter(|_| cx.shard_index == 0) {
            let address = address(&udp.listen_address).expect(checked);
            let receiver = UdpReceiver::bind(address, PACKET_BYTES_MAX).map_err(|cause| {
                BuildError::new(format!(
                    "cannot listen on {address}: {cause}; change listen_address, or stop what \
                     listens there"
                ))
            })?;
            let (intake, reading) = (intake.clone(), reading.clone());
            let reader = LineReader {
                splitter: udp.splitter(PACKET_BYTES_MAX),
                trim: udp.trim(),
                add_attributes: udp.add_attributes,
                record: move |line: &[u8], attributes| reading.record(line, attributes),
            };
            packets.spawn(async move {
                while let Ok((packet, peer)) = receiver.recv().await {
                    reader
                        .packet(&packet, peer, receiver.local_addr(), &intake)
                        .await;
                }
            });
        }
        let Some(tcp) = &arguments.tcp else {
            return Ok(Built::new().drain(move |_| {
                packets.abort();
                async {}
            }));
        };
        let reader = Rc::new(LineReader {
            splitter: arguments.stream_splitter(tcp),
            trim: tcp.trim(),
            add_attributes: tcp.add_attributes,
            record: move |line: &[u8], attributes| reading.record(line, attributes),
        });
        let listener = listen(address(&tcp.listen_address).expect(checked))?;
        // The packets' task lives as long as the closure does.
        let packets = Rc::new(packets);
        Ok(serve_streams(listener, move |stream, peer| {
            let (reader, intake, packets) = (reader.clone(), intake.clone(), packets.clone());
            async move {
                reader.stream(stream, peer, &intake).await;
                drop(packets);
            }
        }))
    }
}
