// versitygw serves a folder as S3 with versions and Object Lock: the posix backend of github.com/versity/versitygw alone,
// which builds in a fraction of the time of its own program with all backends.
//
// versitygw ADDRESS ROOT VERSIONS SIDECAR, with the keys of the root user in S3_ACCESS and S3_SECRET.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("versitygw ADDRESS ROOT VERSIONS SIDECAR")
	}
	sidecar, err := meta.NewSideCar(os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	options := posix.PosixOpts{VersioningDir: os.Args[3], Concurrency: 100, CopyObjectThreshold: 5 << 30}
	options.SetNewDirPerm(0o755)
	options.SetNewFilePerm(0o644)
	backend, err := posix.New(os.Args[2], sidecar, options)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err = embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
		RootUserAccess:    os.Getenv("S3_ACCESS"),
		RootUserSecret:    os.Getenv("S3_SECRET"),
		Region:            "us-east-1",
		Ports:             []string{os.Args[1]},
		MaxConnections:    1000,
		MaxRequests:       500,
		MultipartMaxParts: 10000,
		HealthPath:        "/health",
	})
	if err != nil {
		log.Fatal(err)
	}
}
