// OpenTelemetry's Java SDK. As Native.java has it.
import com.fasterxml.jackson.databind.JsonNode;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.resources.Resource;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;

class Otlp {
    static Client withSdk(String url, SSLContext tls) throws Exception {
        Duration interval = Duration.ofHours(1); // or it could fall into the middle of a batch of the ledger
        // docs/clients.md: opentelemetry-exporter-otlp
        OtlpHttpLogRecordExporter exporter = OtlpHttpLogRecordExporter.builder()
            .setEndpoint(url + "/v1/logs").setCompression("gzip").setSslContext(tls, Tls.trusted()).build();
        SdkLoggerProvider provider = SdkLoggerProvider.builder()
            .setResource(Resource.create(Attributes.of(
                AttributeKey.stringKey("service.name"), "GW-3", AttributeKey.stringKey("vehicle.vin"), "1M8GDM9AXKP042788")))
            .addLogRecordProcessor(BatchLogRecordProcessor.builder(exporter).setScheduleDelay(interval).build()).build();
        Logger logger = provider.get("ids");

        Consumer<JsonNode> emit = event -> logger.logRecordBuilder()
            .setTimestamp(Instant.parse(event.get("time").asText())).setSeverity(Severity.ERROR)
            .setBody(event.get("message").asText()).setEventName(event.get("event_name").asText())
            .setAttribute(AttributeKey.stringKey("log.record.uid"), event.get("id").asText())
            .setAttribute(AttributeKey.stringKey("vsoc.sensor_kind"), event.get("sensor_kind").asText())
            .setAttribute(AttributeKey.longKey("attempt"), event.get("attributes").get("attempt").asLong())
            .emit();
        // end
        CompletableResultCode[] before = {CompletableResultCode.ofSuccess()};
        return events -> {
            events.forEach(emit);
            if (!flush(provider, before).join(60, TimeUnit.SECONDS).isSuccess())
                throw new IOException("forceFlush");
        };
    }

    /** forceFlush gives the result of the one before when that has only just ended, and a success of nothing in between. */
    private static CompletableResultCode flush(SdkLoggerProvider provider, CompletableResultCode[] before) {
        CompletableResultCode result;
        do {
            result = provider.forceFlush();
        } while (result == before[0] || result == CompletableResultCode.ofSuccess());
        before[0] = result;
        return result;
    }
}
