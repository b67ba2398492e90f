package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// makeKey prints a signing key and its verifier key.
func makeKey(name string) error {
	secret, public, err := note.GenerateKey(rand.Reader, name)
	if err == nil {
		fmt.Printf("%s\n%s\n", secret, public)
	}
	return err
}

// A log in memory: hashes as tlog stores them.
type log struct {
	signer note.Signer
	hashes []tlog.Hash
	size   int64
}

func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

func (l *log) grow(to int64, history string) error {
	for ; l.size < to; l.size++ {
		more, err := tlog.StoredHashes(l.size, fmt.Appendf(nil, "%s %d", history, l.size), l)
		if err != nil {
			return err
		}
		l.hashes = append(l.hashes, more...)
	}
	return nil
}

// head is the signed checkpoint of a size that the log has.
func (l *log) head(size int64) ([]byte, error) {
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		return nil, err
	}
	checkpoint := torchwood.Checkpoint{Origin: l.signer.Name(), Tree: tlog.Tree{N: size, Hash: root}}
	return note.Sign(&note.Note{Text: checkpoint.String()}, l.signer)
}

func (l *log) request(old, size int64) (body, head []byte, err error) {
	var proof tlog.TreeProof
	if old > 0 && old < size {
		if proof, err = tlog.ProveTree(size, old, l); err != nil {
			return nil, nil, err
		}
	}
	if head, err = l.head(size); err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	fmt.Fprintf(&b, "\n%s", head)
	return b.Bytes(), head, nil
}

func post(url string, body []byte) (int, string, error) {
	answer, err := http.Post(url+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

// cosigned asks for a cosignature and has torchwood check it, under a policy that wants log and witness.
func cosigned(url string, l *log, policy torchwood.Policy, old, size int64) error {
	body, head, err := l.request(old, size)
	if err != nil {
		return err
	}
	code, text, err := post(url, body)
	if err != nil || code != 200 {
		return fmt.Errorf("%d → %d: %d %s %v", old, size, code, text, err)
	}
	c, _, err := torchwood.VerifyCheckpoint(append(head, text...), policy)
	if err == nil && c.N != size {
		err = fmt.Errorf("another size")
	}
	return err
}

func refused(url string, l *log, old, size int64, code int, text string) error {
	body, _, err := l.request(old, size)
	if err != nil {
		return err
	}
	got, said, err := post(url, body)
	if err != nil || got != code || !strings.Contains(said, text) || strings.Contains(said, "—") {
		return fmt.Errorf("%d → %d: %d %s %v, expected %d %s", old, size, got, said, err, code, text)
	}
	return nil
}

func client(url, witnessKey, secret string) error {
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	verifier, err := verifierOf(secret)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(fmt.Appendf(nil, "log %s\nwitness w %s\nquorum w\n", verifier, witnessKey))
	if err != nil {
		return err
	}
	honest, forked := &log{signer: signer}, &log{signer: signer}
	if err := honest.grow(2000, "a"); err != nil {
		return err
	}
	for _, to := range []struct {
		size    int64
		history string
	}{{600, "a"}, {2000, "b"}} {
		if err := forked.grow(to.size, to.history); err != nil {
			return err
		}
	}
	sizes := []int64{0, 1, 2, 3, 4, 7, 8, 9, 255, 256, 257, 511, 640, 1000, 1024, 1999}
	for i := 1; i < len(sizes); i++ {
		if err := cosigned(url, honest, policy, sizes[i-1], sizes[i]); err != nil {
			return err
		}
	}
	for _, err := range []error{
		cosigned(url, honest, policy, 1999, 1999),
		refused(url, honest, 5, 2000, 409, "1999\n"),
		refused(url, honest, 1999, 7, 400, ""),
		refused(url, forked, 1999, 2000, 422, ""),
		refused(url, forked, 600, 2000, 409, "1999\n"),
		cosigned(url, honest, policy, 1999, 2000),
	} {
		if err != nil {
			return err
		}
	}
	fmt.Println("ok")
	return nil
}

// verifierOf is the verifier key of a signing key.
func verifierOf(secret string) (string, error) {
	parts := strings.SplitN(secret, "+", 5)
	if len(parts) != 5 {
		return "", fmt.Errorf("no signing key")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", fmt.Errorf("no signing key: %v", err)
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(parts[2], public)
}
