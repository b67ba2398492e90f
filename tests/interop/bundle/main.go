// Command bundle checks evidence bundles (docs/evidence-bundle.md) with other people's code of the formats: BUNDLE and POLICY,
// two file names, a line on standard input; for each a line `ok` or why not on standard output.
package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

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

type heads struct {
	policy torchwood.Policy
	name   string // of the newest
	newest torchwood.Checkpoint
}

func checkHeads(b *bundle, policy string) (*heads, error) {
	full, logs, err := parsePolicies(policy)
	if err != nil {
		return nil, err
	}
	found, older := &heads{}, map[string]torchwood.Checkpoint{}
	for _, name := range b.names {
		if !strings.HasSuffix(name, ".checkpoint") {
			continue
		}
		head, _, err := logs.open(b.files[name])
		if err == nil {
			err = full.checkLines(b.files[name])
		}
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
	if _, found.policy, err = full.open(b.files[found.name]); err != nil {
		return nil, err
	}
	for name, head := range older {
		if name == found.name {
			continue
		}
		if err := checkContinues(b.files[strings.Replace(name, ".checkpoint", ".consistency", 1)], head, found.newest); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return found, nil
}

func checkContinues(file []byte, old, newest torchwood.Checkpoint) error {
	lines, complete := strings.CutSuffix(string(file), "\n")
	path, err := hashes(lines)
	if err != nil || !complete || old.Origin != newest.Origin {
		return errors.New("malformed consistency proof, or another origin")
	}
	var proof tlog.TreeProof
	for _, hash := range path {
		proof = append(proof, tlog.Hash(hash))
	}
	return tlog.CheckTree(proof, newest.N, newest.Hash, old.N, old.Hash)
}

func checkRecord(b *bundle, folder string, heads *heads) error {
	leaf, proof := b.files[folder+"leaf.bin"], b.files[folder+"proof.tlog-proof"]
	if len(leaf) < 190 || string(leaf[:14]) != "vsocd/leaf/v1\n" || leaf[15] != 0 ||
		len(leaf) != 190+int(binary.BigEndian.Uint16(leaf[188:])) || !utf8.Valid(leaf[190:]) {
		return errors.New("not a leaf")
	}
	kind, position, index := leaf[14], binary.BigEndian.Uint64(leaf[32:]), binary.BigEndian.Uint64(leaf[40:])
	if folder != fmt.Sprintf("records/%d/", position) && (folder != "custody/" || kind != 2) {
		return errors.New("the record belongs elsewhere")
	}
	path, ours := strings.CutPrefix(string(proof), fmt.Sprintf("c2sp.org/tlog-proof@v1\nindex %d\n", index))
	path, under := strings.CutSuffix(path, "\n"+string(b.files[heads.name]))
	if _, err := hashes(path); err != nil || !ours || !under {
		return errors.New("the proof is malformed, for another index or under another head")
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
	return len(b.files[seed]) == 32 && bytes.Equal(mac(salt, b.files[file]), commitment)
}

// A batch of several vehicles: the leaf commits to the table, the table to each part that is not erased.
func checkParts(b *bundle, folder string, leaf, table []byte, erased bool) error {
	_, twice := b.files[folder+"events"]
	digest := sha256.Sum256(table)
	if erased || twice || !bytes.Equal(digest[:], leaf[156:188]) || len(table) < 8 ||
		uint64(binary.LittleEndian.Uint32(table)) > uint64(len(table)-8)/48 {
		return errors.New("the table of parts differs from its commitment")
	}
	count := int(binary.LittleEndian.Uint32(table))
	for n := 0; n < count; n++ {
		name := fmt.Sprintf("%spart-%d", folder, n)
		_, there := b.files[name]
		_, seeded := b.files[name+".seed"]
		if there != seeded || there && !committed(b, name, name+".seed", "events", table[8+48*n:40+48*n]) {
			return fmt.Errorf("part %d differs from its commitment", n)
		}
	}
	_, body := b.files[folder+"body"]
	_, shared := b.files[folder+"part-1.seed"]
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
	if err := checkNames(b, heads.name); err != nil {
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
	if !checked["custody/"] || !isExport(b.files["custody/body"], contents) {
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
