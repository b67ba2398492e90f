package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

func withCloudEvents(url string, config *tls.Config) func([]event) error {
	// docs/clients.md: cloudevents (Go)
	client, err := cloudevents.NewClientHTTP(
		cloudevents.WithTarget(url+"/v1/events"),
		cloudevents.WithRoundTripper(&http.Transport{TLSClientConfig: config}))
	check(err)
	ctx := cloudevents.ContextWithRetriesExponentialBackoff(context.Background(), 100*time.Millisecond, 8)

	post := func(one event) error {
		message := cloudevents.NewEvent()
		message.SetID(one["id"].(string))
		message.SetSource("urn:gateway:GW-3")
		message.SetType("vsoc.event")
		if err := message.SetData(cloudevents.ApplicationJSON, one); err != nil {
			return err
		}
		if result := client.Send(ctx, message); !cloudevents.IsACK(result) {
			return result
		}
		return nil
	}
	// end
	return func(events []event) error {
		for _, one := range events {
			if err := post(one); err != nil {
				return err
			}
		}
		return nil
	}
}
