package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A witness of one log, in memory: what decides is x/mod's and torchwood's.
type witness struct {
	lock   sync.Mutex
	log    note.Verifier
	signer *torchwood.CosignatureSigner
	tree   tlog.Tree
}

// serveWitness listens at a free port and prints its verifier key and URL.
func serveWitness(logKey string) error {
	verifier, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	signer, err := torchwood.NewCosignatureSigner("go.example/w1", key)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("%s http://%s\n", signer.Verifier(), listener.Addr())
	return http.Serve(listener, &witness{log: verifier, signer: signer})
}

func (w *witness) ServeHTTP(out http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil || request.URL.Path != "/add-checkpoint" {
		http.Error(out, "not this way", http.StatusNotFound)
		return
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	code, text := w.decide(string(body))
	if code == http.StatusConflict {
		out.Header().Set("Content-Type", "text/x.tlog.size")
	}
	out.WriteHeader(code)
	io.WriteString(out, text)
}

func (w *witness) decide(body string) (int, string) {
	head, signed, ok := strings.Cut(body, "\n\n")
	lines := strings.Split(head, "\n")
	var old int64
	if _, err := fmt.Sscanf(lines[0], "old %d", &old); err != nil || !ok {
		return http.StatusBadRequest, "no request\n"
	}
	var proof tlog.TreeProof
	for _, line := range lines[1:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return http.StatusBadRequest, "no hash\n"
		}
		proof = append(proof, tlog.Hash(raw))
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(w.log))
	if err != nil {
		return http.StatusForbidden, err.Error() + "\n"
	}
	c, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil || c.Origin != w.log.Name() || old > c.N {
		return http.StatusBadRequest, "no checkpoint of the log\n"
	}
	if old != w.tree.N {
		return http.StatusConflict, fmt.Sprintf("%d\n", w.tree.N)
	}
	if old > 0 {
		if err := tlog.CheckTree(proof, c.N, c.Hash, old, w.tree.Hash); err != nil {
			return http.StatusUnprocessableEntity, err.Error() + "\n"
		}
	}
	w.tree = c.Tree
	both, err := note.Sign(&note.Note{Text: opened.Text}, w.signer)
	if err != nil {
		return http.StatusInternalServerError, err.Error() + "\n"
	}
	return http.StatusOK, string(both[strings.LastIndex(string(both), "\n\n")+2:])
}
