package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// A bundle is the files of an archive in their order.
type bundle struct {
	names []string
	files map[string][]byte
}

// header is the only form of a file's header in the archive.
func header(name string, size int64) []byte {
	block := make([]byte, 512)
	copy(block, name)
	copy(block[100:], "0000644\x000000000\x000000000\x00")
	copy(block[124:], fmt.Sprintf("%011o\x0000000000000\x00        0", size))
	copy(block[257:], "ustar\x0000")
	sum := 0
	for _, b := range block {
		sum += int(b)
	}
	copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
	return block
}

func readBundle(path string) (*bundle, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b, end := &bundle{files: map[string][]byte{}}, make([]byte, 1024)
	for at := 0; ; {
		if bytes.Equal(data[at:], end) {
			return b, nil
		}
		if len(data)-at < 512 {
			return nil, fmt.Errorf("the archive ends at %d", at)
		}
		name := string(bytes.TrimRight(data[at:at+100], "\x00"))
		size, err := strconv.ParseInt(string(data[at+124:at+135]), 8, 64)
		if err != nil || size < 0 || !bytes.Equal(data[at:at+512], header(name, size)) {
			return nil, fmt.Errorf("the archive is damaged at %d", at)
		}
		at += 512
		padded := (size + 511) / 512 * 512
		if int64(len(data)-at) < padded || len(bytes.Trim(data[at+int(size):at+int(padded)], "\x00")) > 0 {
			return nil, fmt.Errorf("the archive is damaged behind %d", at)
		}
		if _, twice := b.files[name]; twice {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		b.names, b.files[name] = append(b.names, name), data[at:at+int(size)]
		at += int(padded)
	}
}
