// Command bundle checks evidence bundles (docs/evidence-bundle.md) with other people's code of the formats: BUNDLE and POLICY,
// two file names, a line on standard input; for each a line `ok` or why not on standard output.
package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

var afterwards = regexp.MustCompile(`^(custody|heads|time)/|\.tlog-proof$`)

func mac(key, data []byte) []byte {
	hash := hmac.New(sha256.New, key)
	hash.Write(data)
	return hash.Sum(nil)
}

// The digest in the record of the export is that of all files that were there before it.
func checkSums(b *bundle) (contents string, err error) {
	var all, before strings.Builder
	for _, name := range b.names {
		line := fmt.Sprintf("%x  %s\n", sha256.Sum256(b.files[name]), name)
		if name != "SHA256SUMS" {
			all.WriteString(line)
			if !afterwards.MatchString(name) {
				before.WriteString(line)
			}
		}
	}
	if all.String() != string(b.files["SHA256SUMS"]) {
		return "", errors.New("SHA256SUMS differ")
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(before.String()))), nil
}

// onlyLogs is the policy without its witnesses, for heads that need none.
func onlyLogs(policy string) string {
	var kept []string
	for _, line := range strings.Split(policy, "\n") {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == "log" {
			kept = append(kept, line)
		}
	}
	return strings.Join(append(kept, "quorum none", ""), "\n")
}

type heads struct {
	policy torchwood.Policy
	name   string // of the newest
	newest torchwood.Checkpoint
}

func checkHeads(b *bundle, policy string) (*heads, error) {
	full, err := torchwood.ParsePolicy([]byte(policy))
	if err != nil {
		return nil, err
	}
	logs, err := torchwood.ParsePolicy([]byte(onlyLogs(policy)))
	if err != nil {
		return nil, err
	}
	found, older := &heads{policy: full}, map[string]torchwood.Checkpoint{}
	for _, name := range b.names {
		if !strings.HasSuffix(name, ".checkpoint") {
			continue
		}
		head, _, err := torchwood.VerifyCheckpoint(b.files[name], logs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if name != fmt.Sprintf("heads/%d.checkpoint", head.N) {
			return nil, fmt.Errorf("%s is of size %d", name, head.N)
		}
		older[name] = head
		if found.name == "" || head.N > found.newest.N {
			found.name, found.newest = name, head
		}
	}
	if found.name == "" {
		return nil, errors.New("no head")
	}
	if _, _, err := torchwood.VerifyCheckpoint(b.files[found.name], full); err != nil {
		return nil, err
	}
	for name, head := range older {
		if name == found.name {
			continue
		}
		var proof tlog.TreeProof
		for _, line := range strings.Fields(string(b.files[strings.Replace(name, ".checkpoint", ".consistency", 1)])) {
			hash, err := base64.StdEncoding.DecodeString(line)
			if err != nil || len(hash) != tlog.HashSize {
				return nil, fmt.Errorf("%s: malformed consistency proof", name)
			}
			proof = append(proof, tlog.Hash(hash))
		}
		if err := tlog.CheckTree(proof, found.newest.N, found.newest.Hash, head.N, head.Hash); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return found, nil
}

func checkRecord(b *bundle, folder string, heads *heads) error {
	leaf, proof := b.files[folder+"leaf.bin"], b.files[folder+"proof.tlog-proof"]
	if len(leaf) < 190 || string(leaf[:14]) != "vsocd/leaf/v1\n" {
		return errors.New("not a leaf")
	}
	kind, position, index := leaf[14], binary.BigEndian.Uint64(leaf[32:]), binary.BigEndian.Uint64(leaf[40:])
	if folder != fmt.Sprintf("records/%d/", position) && (folder != "custody/" || kind != 2) {
		return errors.New("the record belongs elsewhere")
	}
	if !bytes.HasPrefix(proof, fmt.Appendf(nil, "c2sp.org/tlog-proof@v1\nindex %d\n", index)) {
		return errors.New("the proof is for another index")
	}
	if !bytes.HasSuffix(proof, append([]byte("\n\n"), b.files[heads.name]...)) {
		return errors.New("the proof is under another head")
	}
	if err := torchwood.VerifyProof(heads.policy, tlog.RecordHash(leaf), proof); err != nil {
		return err
	}
	_, erased := b.files[folder+"erased"]
	table, parted := b.files[folder+"parts"]
	if parted {
		return checkParts(b, folder, leaf, table, erased)
	}
	for i, part := range []string{"body", "meta", "events"} {
		_, there := b.files[folder+part]
		if erased && !there {
			continue
		}
		if erased || !there || !committed(b, folder+part, folder+"seed", part, leaf[92+32*i:124+32*i]) {
			return fmt.Errorf("%s differs from its commitment", part)
		}
	}
	return nil
}

func committed(b *bundle, file, seed, label string, commitment []byte) bool {
	salt := mac(b.files[seed], []byte("vsocd commitment "+label))
	return bytes.Equal(mac(salt, b.files[file]), commitment)
}

// A batch of several vehicles: the leaf commits to the table, the table to each part that is not erased.
func checkParts(b *bundle, folder string, leaf, table []byte, erased bool) error {
	_, twice := b.files[folder+"events"]
	digest := sha256.Sum256(table)
	if erased || twice || !bytes.Equal(digest[:], leaf[156:188]) || len(table) < 8 {
		return errors.New("the table of parts differs from its commitment")
	}
	count := int(binary.LittleEndian.Uint32(table))
	for n := 0; n < count && len(table) >= 8+48*(n+1); n++ {
		name := fmt.Sprintf("%spart-%d", folder, n)
		_, there := b.files[name]
		_, seeded := b.files[name+".seed"]
		if there != seeded || there && !committed(b, name, name+".seed", "events", table[8+48*n:40+48*n]) {
			return fmt.Errorf("part %d differs from its commitment", n)
		}
	}
	_, body := b.files[folder+"body"]
	_, shared := b.files[folder+"part-1"]
	if body != shared || body && !committed(b, folder+"body", folder+"part-1.seed", "body", leaf[92:124]) {
		return errors.New("body differs from its commitment")
	}
	if !committed(b, folder+"meta", folder+"seed", "meta", leaf[124:156]) {
		return errors.New("meta differs from its commitment")
	}
	return nil
}

func check(archive, policy string) error {
	b, err := readBundle(archive)
	if err != nil {
		return err
	}
	contents, err := checkSums(b)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(policy)
	if err != nil {
		return err
	}
	heads, err := checkHeads(b, string(text))
	if err != nil {
		return err
	}
	checked := map[string]bool{}
	for _, name := range b.names {
		folder := name[:strings.LastIndex(name, "/")+1]
		if checked[folder] || !strings.HasPrefix(name, "records/") && !strings.HasPrefix(name, "custody/") {
			continue
		}
		checked[folder] = true
		if err := checkRecord(b, folder, heads); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	if !checked["custody/"] || !bytes.Contains(b.files["custody/body"], []byte(contents)) {
		return errors.New("no record of this export")
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		archive, policy, _ := strings.Cut(lines.Text(), " ")
		if err := check(archive, policy); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok")
		}
	}
}
