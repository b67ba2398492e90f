// Benthos with its own components only: HTTP server in; drop, file and HTTP client out. Its outputs for Kafka and SQL
// are part of another distribution with another licence, so they are not here.
package main

import (
	"context"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

func main() {
	service.RunCLI(context.Background())
}
