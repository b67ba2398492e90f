package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// What torchwood is more lenient about than c2sp.org says: spelling of base64 and policies.

var (
	rule = regexp.MustCompile(`^(log [^ ]+( [^ ]+)?|witness [^ ]+ [^ ]+( [^ ]+)?|group [^ ]+ (any|all|[1-9][0-9]*)( [^ ]+)+|quorum [^ ]+)$`)
	// A control character.
	control = regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f]`)
	// A space that Unicode has and ASCII has not.
	space = regexp.MustCompile(`[\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]`)
)

func decode(text string, size int) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != text || size > 0 && len(raw) != size {
		return nil, fmt.Errorf("not base64 in its one spelling: %q", text)
	}
	return raw, nil
}

// hashes are the lines of a proof.
func hashes(text string) (path [][]byte, err error) {
	for text != "" {
		line, rest, found := strings.Cut(text, "\n")
		hash, err := decode(line, 32)
		if !found || err != nil {
			return nil, fmt.Errorf("malformed proof: %q", line)
		}
		path, text = append(path, hash), rest
	}
	return path, nil
}

type once map[string]bool

func (o once) add(name string) error {
	if o[name] {
		return fmt.Errorf("%q twice", name)
	}
	o[name] = true
	return nil
}

// A policies has one policy a log, as torchwood wants a signature of each.
type policies []torchwood.Policy

// rules are the lines of a policy as words, if each says something once and names what is above it.
func rules(text string) (lines [][]string, err error) {
	if !utf8.ValidString(text) || control.MatchString(text) {
		return nil, errors.New("policy: not UTF-8 without control characters")
	}
	keys, names, members, quorums := once{}, once{"none": true}, once{"none": true}, once{}
	for _, line := range strings.Split(text, "\n") {
		words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if space.MatchString(line) || !rule.MatchString(strings.Join(words, " ")) || strings.Contains(line, "#") {
			return nil, fmt.Errorf("policy: %q", line)
		}
		switch words[0] {
		case "log":
			err = keys.add("log " + words[1][strings.LastIndex(words[1], "+")+1:])
		case "witness":
			err = errors.Join(keys.add("witness "+words[2][strings.LastIndex(words[2], "+")+1:]), names.add(words[1]))
		case "group":
			for _, member := range words[3:] {
				if !names[member] {
					return nil, fmt.Errorf("policy: no %q yet", member)
				}
				err = errors.Join(err, members.add(member))
			}
			err = errors.Join(err, names.add(words[1]))
		case "quorum":
			if !names[words[1]] {
				return nil, fmt.Errorf("policy: no %q yet", words[1])
			}
			err = quorums.add("quorum")
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, words)
	}
	return lines, nil
}

// parsePolicies gives the policy, and the same without witnesses, for each of its logs.
func parsePolicies(text string) (full, logs policies, err error) {
	lines, err := rules(text)
	if err != nil {
		return nil, nil, err
	}
	for i := range lines {
		if lines[i][0] != "log" {
			continue
		}
		var kept strings.Builder
		for j := range lines {
			if lines[j][0] != "log" || j == i {
				kept.WriteString(strings.Join(lines[j], " ") + "\n")
			}
		}
		policy, err := torchwood.ParsePolicy([]byte(kept.String()))
		if err != nil {
			return nil, nil, err
		}
		log, err := torchwood.ParsePolicy([]byte(strings.Join(lines[i], " ") + "\nquorum none\n"))
		if err != nil {
			return nil, nil, err
		}
		full, logs = append(full, policy), append(logs, log)
	}
	if full == nil {
		return nil, nil, errors.New("policy: no log")
	}
	return full, logs, nil
}

// open is the checkpoint that one of the policies takes.
func (p policies) open(data []byte) (head torchwood.Checkpoint, policy torchwood.Policy, err error) {
	for _, policy = range p {
		if head, _, err = torchwood.VerifyCheckpoint(data, policy); err == nil {
			return head, policy, nil
		}
	}
	return head, nil, err
}

// checkLines looks at each line of signatures alone: note.Open passes those that repeat one.
func (p policies) checkLines(data []byte) error {
	at := strings.LastIndex(string(data), "\n\n")
	if at < 0 {
		return errors.New("not a note")
	}
	text, lines := string(data[:at+1]), strings.SplitAfter(string(data[at+2:]), "\n")
	top := strings.SplitN(text, "\n", 4)
	if len(top) < 4 {
		return errors.New("not a checkpoint")
	}
	if _, err := decode(top[2], 32); err != nil {
		return err
	}
	for _, line := range lines[:len(lines)-1] {
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(words) != 3 {
			return fmt.Errorf("malformed line %q", line)
		}
		if _, err := decode(words[2], 0); err != nil {
			return err
		}
		for _, policy := range p {
			var unverified *note.UnverifiedNoteError
			if _, err := note.Open([]byte(text+"\n"+line), policy); err != nil && !errors.As(err, &unverified) {
				return err
			}
		}
	}
	return nil
}

var member = regexp.MustCompile(`^"([a-z_]+)":("(?:[^"\\\x00-\x1f]|\\["\\/bfnrtu])*"|[0-9]+)`)

// isExport: the body is a flat JSON object, and says once that it is the export of these contents.
func isExport(body []byte, contents string) bool {
	text, ok := strings.CutPrefix(string(body), "{")
	var said []string
	for ok {
		found := member.FindStringSubmatch(text)
		if found == nil {
			return false
		}
		if found[1] == "kind" || found[1] == "digest" {
			said = append(said, found[0])
		}
		text, ok = strings.CutPrefix(text[len(found[0]):], ",")
	}
	return text == "}" && strings.Join(said, ",") == fmt.Sprintf(`"kind":"evidence_exported","digest":"%s"`, contents)
}
