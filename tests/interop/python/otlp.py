"""OpenTelemetry's Python SDK. As native.py has it."""

import datetime


def with_sdk(url, ca, certificate, key):
    # docs/clients.md: opentelemetry-exporter-otlp-proto-http
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    exporter = OTLPLogExporter(
        endpoint=url + "/v1/logs", compression=Compression.Gzip,
        certificate_file=ca, client_certificate_file=certificate, client_key_file=key,
    )
    provider = LoggerProvider(resource=Resource.create({"service.name": "GW-3", "vehicle.vin": "1M8GDM9AXKP042788"}))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("ids")

    def log(event):
        attributes = {"log.record.uid": event["id"], "vsoc.sensor_kind": event["sensor_kind"], **event["attributes"]}
        logger.emit(LogRecord(
            timestamp=nanoseconds(event["time"]), severity_number=SeverityNumber.ERROR, body=event["message"],
            event_name=event["event_name"], attributes=attributes,
        ))

    # end
    def post(events):
        for event in events:
            log(event)
        if not provider.force_flush():
            raise RuntimeError("force_flush")

    return post


def nanoseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000) * 1_000_000


CLIENTS = {"opentelemetry-exporter-otlp-proto-http": with_sdk}
