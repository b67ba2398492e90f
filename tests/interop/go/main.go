// Command interop posts the batches of a ledger: interop CLIENT URL LEDGER [CA CERTIFICATE KEY], as ../python/post.py.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
)

type event = map[string]any

// A client gives a function that posts the events of a batch.
var clients = map[string]func(url string, config *tls.Config) func([]event) error{
	"net/http":         withNetHTTP,
	"otlploghttp":      withOtlp,
	"cloudevents (Go)": withCloudEvents,
}

func tlsConfig(files []string) *tls.Config {
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if len(files) == 3 {
		ca, err := os.ReadFile(files[0])
		check(err)
		config.RootCAs.AppendCertsFromPEM(ca)
		pair, err := tls.LoadX509KeyPair(files[1], files[2])
		check(err)
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	post := clients[os.Args[1]](os.Args[2], tlsConfig(os.Args[4:]))
	file, err := os.Open(os.Args[3])
	check(err)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var batch struct {
			Marker string
			Events []event
		}
		check(json.Unmarshal(lines.Bytes(), &batch))
		if err := post(batch.Events); err != nil {
			fmt.Println(batch.Marker, "error", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println(batch.Marker, "ok")
		}
	}
	check(lines.Err())
}
