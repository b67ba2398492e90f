package main

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The names that files of a bundle may have.
var (
	known = regexp.MustCompile(`^(README\.txt|policy\.txt|versions\.json|manifest\.json|SHA256SUMS|` +
		`heads/[1-9][0-9]*\.(checkpoint|consistency)|time/[1-9][0-9]*-([0-9]|1[0-5])\.tsr|` +
		`(custody|records/(0|[1-9][0-9]*))/(leaf\.bin|body|meta|events|seed|proof\.tlog-proof)|` +
		`records/(0|[1-9][0-9]*)/(record\.json|events\.ndjson|erased|parts|part-(0|[1-9][0-9]*)(\.seed)?))$`)
	part     = regexp.MustCompile(`/part-([0-9]+)(\.seed)?$`)
	ofErased = regexp.MustCompile(`/(leaf\.bin|erased|proof\.tlog-proof)$`)
)

// checkNames refuses what no verifier looks at: a name outside the list, contents of an erased record, a part that
// the table does not have, a consistency proof or a token without its head.
func checkNames(b *bundle, newest string) error {
	for _, name := range b.names {
		if !known.MatchString(name) {
			return fmt.Errorf("%q has no place in a bundle", name)
		}
		folder := name[:strings.LastIndex(name, "/")+1]
		_, erased := b.files[folder+"erased"]
		if strings.HasPrefix(folder, "records/") && erased && !ofErased.MatchString(name) {
			return fmt.Errorf("%s beside erased", name)
		}
		if number := part.FindStringSubmatch(name); number != nil {
			n, err := strconv.ParseUint(number[1], 10, 32)
			table := b.files[folder+"parts"]
			if err != nil || len(table) < 4 || n >= uint64(binary.LittleEndian.Uint32(table)) {
				return fmt.Errorf("%s is not in the table", name)
			}
		}
		if size, isToken := strings.CutPrefix(name, "time/"); isToken {
			size, _, _ = strings.Cut(size, "-")
			if _, there := b.files["heads/"+size+".checkpoint"]; !there {
				return fmt.Errorf("%s is over no head", name)
			}
		}
		if head, isProof := strings.CutSuffix(name, ".consistency"); isProof {
			if _, there := b.files[head+".checkpoint"]; !there || head+".checkpoint" == newest {
				return fmt.Errorf("%s is of no older head", name)
			}
		}
	}
	return nil
}
