package main

import (
	"context"
	"crypto/tls"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
)

func withOtlp(url string, config *tls.Config) func([]event) error {
	ctx := context.Background()
	if strings.HasPrefix(url, "http:") {
		config = nil
	}
	interval := time.Hour // or it could fall into the middle of a batch of the ledger
	// docs/clients.md: otlploghttp
	exporter, err := otlploghttp.New(ctx,
		otlploghttp.WithEndpointURL(url+"/v1/logs"),
		otlploghttp.WithCompression(otlploghttp.GzipCompression),
		otlploghttp.WithTLSClientConfig(config))
	check(err)
	provider := sdklog.NewLoggerProvider(
		sdklog.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "GW-3"), attribute.String("vehicle.vin", "1M8GDM9AXKP042788"))),
		sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter, sdklog.WithExportInterval(interval))))
	logger := provider.Logger("ids")

	emit := func(one event) {
		var record log.Record
		at, err := time.Parse(time.RFC3339, one["time"].(string))
		check(err)
		record.SetTimestamp(at)
		record.SetSeverity(log.SeverityError)
		record.SetBody(attribute.StringValue(one["message"].(string)))
		record.SetEventName(one["event_name"].(string))
		record.AddAttributes(
			attribute.String("log.record.uid", one["id"].(string)),
			attribute.String("vsoc.sensor_kind", one["sensor_kind"].(string)),
			attribute.Int("attempt", int(one["attributes"].(event)["attempt"].(float64))))
		logger.Emit(ctx, record)
	}
	// end
	return func(events []event) error {
		for _, one := range events {
			emit(one)
		}
		return provider.ForceFlush(ctx)
	}
}
