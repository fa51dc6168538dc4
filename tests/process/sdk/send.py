"""Sends traces, metrics and logs with the OpenTelemetry SDK and compares what arrived.

Arguments: the gRPC port, the HTTP port and the folder of the files that the gateway writes:
`traces.pb`, `metrics.pb` and `logs.pb`, each message behind its length in four bytes.
"""

import logging
import struct
import sys
import time
from pathlib import Path

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

# What a run waits for everything to arrive.
PATIENCE_S = 20

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}


def items(request):
    """Each item with what it belongs to, as bytes that are the same for the same content."""
    found = []
    for resource in request.ListFields()[0][1] if request.ListFields() else []:
        scopes = next(v for f, v in resource.ListFields() if f.name.startswith("scope_"))
        for scope in scopes:
            head = (plain(resource.resource), resource.schema_url, plain(scope.scope), scope.schema_url)
            for field, values in scope.ListFields():
                if field.name in ("spans", "metrics", "log_records"):
                    found += [(*head, plain(value)) for value in values]
    return found


def plain(message):
    return message.SerializeToString(deterministic=True)


def recording(exporter, encode, sent):
    """The exporter, which also notes what it was given, as the SDK encodes it."""
    export = exporter.export

    def noted(data, *args, **kwargs):
        sent.extend(items(encode(data)))
        return export(data, *args, **kwargs)

    exporter.export = noted
    return exporter


def exporters(protocol, grpc_port, http_port):
    if protocol == "grpc":
        endpoint = {"endpoint": f"127.0.0.1:{grpc_port}", "insecure": True}
        return (
            grpc_traces.OTLPSpanExporter(**endpoint),
            grpc_metrics.OTLPMetricExporter(**endpoint),
            grpc_logs.OTLPLogExporter(**endpoint),
        )
    base = f"http://127.0.0.1:{http_port}/v1"
    return (
        http_traces.OTLPSpanExporter(endpoint=f"{base}/traces"),
        http_metrics.OTLPMetricExporter(endpoint=f"{base}/metrics"),
        http_logs.OTLPLogExporter(endpoint=f"{base}/logs"),
    )


def run(protocol, ports, sent):
    spans, points, records = exporters(protocol, *ports)
    resource = Resource.create({"service.name": f"shop-{protocol}", "tags": ["a", "b"]})
    tracing = TracerProvider(resource=resource)
    tracing.add_span_processor(SimpleSpanProcessor(recording(spans, encode_spans, sent["traces"])))
    tracer = tracing.get_tracer("lib", "1.0", attributes={"scope": "kept"})
    with tracer.start_as_current_span("parent", attributes={"i": 1, "d": 1.5, "b": True}) as parent:
        parent.add_event("event", {"k": "v"})
        link = trace.Link(parent.get_span_context(), {"why": "test"})
        with tracer.start_as_current_span("child", links=[link], kind=trace.SpanKind.CLIENT) as child:
            child.record_exception(ValueError("not a number"))
            child.set_status(trace.Status(trace.StatusCode.ERROR, "failed"))
            provider = LoggerProvider(resource=resource)
            log = recording(records, encode_logs, sent["logs"])
            provider.add_log_record_processor(SimpleLogRecordProcessor(log))
            logger = logging.getLogger(protocol)
            logger.propagate = False
            logger.addHandler(LoggingHandler(logger_provider=provider))
            logger.warning("with %s", "words", extra={"customer": 7})
            logger.error("in a span")
    tracing.shutdown()
    provider.shutdown()

    reader = PeriodicExportingMetricReader(recording(points, encode_metrics, sent["metrics"]), 3_600_000)
    meters = MeterProvider(metric_readers=[reader], resource=resource)
    meter = meters.get_meter("lib", "1.0")
    meter.create_counter("requests", "1", "how many").add(3, {"path": "/a"})
    meter.create_histogram("duration", "s").record(0.7)
    meter.create_up_down_counter("open").add(-2)
    meter.create_observable_gauge("heat", [lambda _: [metrics.Observation(21.5, {"room": "x"})]])
    meters.shutdown()


def arrived(path, signal):
    content = path.read_bytes() if path.exists() else b""
    found = []
    while len(content) >= 4:
        (length,) = struct.unpack(">I", content[:4])
        if len(content) < 4 + length:
            break
        found += items(REQUESTS[signal].FromString(content[4 : 4 + length]))
        content = content[4 + length :]
    return found


def main():
    ports, folder = sys.argv[1:3], Path(sys.argv[3])
    sent = {signal: [] for signal in REQUESTS}
    for protocol in ("grpc", "http"):
        run(protocol, ports, sent)
    end = time.monotonic() + PATIENCE_S
    for signal, expected in sent.items():
        assert len(expected) >= 4, f"the SDK has sent {len(expected)} {signal}"
        while True:
            found = arrived(folder / f"{signal}.pb", signal)
            if sorted(found) == sorted(expected):
                print(f"{signal}: {len(found)} arrived as they were sent")
                break
            assert time.monotonic() < end, (
                f"of {len(expected)} {signal} {len(found)} arrived, "
                f"{len(set(found) & set(expected))} of them as they were sent"
            )
            time.sleep(0.05)


main()
