// OpenTelemetry's JavaScript SDK with its two exporters. As native.cjs has it.
const { readFileSync } = require("node:fs");

function withExporter(OTLPLogExporter, url, files) {
    const [ca, cert, key] = files.map((file) => readFileSync(file));
    // docs/clients.md: @opentelemetry/exporter-logs-otlp-http
    // The same with "@opentelemetry/exporter-logs-otlp-proto": Protocol Buffers instead of JSON.
    const { SeverityNumber } = require("@opentelemetry/api");
    const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
    const { resourceFromAttributes } = require("@opentelemetry/resources");

    const exporter = new OTLPLogExporter({
        url: `${url}/v1/logs`, compression: "gzip", httpAgentOptions: { ca, cert, key, keepAlive: true },
    });
    const provider = new LoggerProvider({
        resource: resourceFromAttributes({ "service.name": "GW-3", "vehicle.vin": "1M8GDM9AXKP042788" }),
        processors: [new BatchLogRecordProcessor({ exporter })],
    });
    const logger = provider.getLogger("ids");

    function log(event) {
        logger.emit({
            timestamp: new Date(event.time), severityNumber: SeverityNumber.ERROR, body: event.message, eventName: event.event_name,
            attributes: { "log.record.uid": event.id, "vsoc.sensor_kind": event.sensor_kind, ...event.attributes },
        });
    }
    // end
    return async (events) => {
        events.forEach(log);
        await provider.forceFlush();
    };
}

module.exports = Object.fromEntries(
    ["http", "proto"].map((kind) => {
        const name = `@opentelemetry/exporter-logs-otlp-${kind}`;
        return [name, (url, files) => withExporter(require(name).OTLPLogExporter, url, files)];
    }),
);
