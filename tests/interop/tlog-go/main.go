// The formats of C2SP as Go has them (golang.org/x/mod/sumdb, filippo.io/torchwood), against ours.
//
//	tlog client URL WITNESS-KEY LOG-SECRET   a log and its client ask a witness
//	tlog key                                 makes the keys of a log
//	tlog witness LOG-KEY                     a witness of this log
//	tlog agent SOCKET                        an ssh-agent with one Ed25519 key, which litewitness needs
package main

import (
	"fmt"
	"os"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 5 && os.Args[1] == "client":
		err = client(os.Args[2], os.Args[3], os.Args[4])
	case len(os.Args) == 3 && os.Args[1] == "witness":
		err = serveWitness(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "agent":
		err = serveAgent(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "key":
		err = makeKey("go.example/log")
	default:
		err = fmt.Errorf("usage: tlog client URL WITNESS-KEY LOG-SECRET | witness LOG-KEY | agent SOCKET | key")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
