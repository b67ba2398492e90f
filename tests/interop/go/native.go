package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

func ndjson(out io.Writer, events []event) error {
	encoder := json.NewEncoder(out)
	for _, one := range events {
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

func withNetHTTP(url string, config *tls.Config) func([]event) error {
	// docs/clients.md: net/http
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}

	post := func(events []event) error {
		var body bytes.Buffer
		writer := gzip.NewWriter(&body)
		if err := ndjson(writer, events); err != nil {
			return err
		}
		if err := writer.Close(); err != nil {
			return err
		}
		request, err := http.NewRequest("POST", url+"/v1/events", &body)
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/x-ndjson")
		request.Header.Set("Content-Encoding", "gzip")
		reply, err := client.Do(request)
		if err != nil {
			return err
		}
		defer reply.Body.Close()
		report, err := io.ReadAll(reply.Body) // to its end, or the connection is not kept
		if err == nil && reply.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", reply.Status, report)
		}
		return err
	}
	// end
	return post
}
