// Package rawlog cuts files of vendor logs into raw records: newline-delimited
// JSON, JSON arrays, concatenated or indented JSON documents, Windows event
// XML, Zeek's tab-separated logs, and plain lines such as syslog; all of them
// also gzipped.
package rawlog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/openmxdr/openmxdr/internal/document"
)

// MaxRecord is the size in bytes at which a record is cut. What is cut still
// comes out, shortened, so that the next stage reports it.
const MaxRecord = 16 << 20

// ReadFile calls yield for every record of the named file, "-" being standard
// input. It stops at the first error of yield.
func ReadFile(name string, yield func(raw []byte) error) error {
	if name == "-" {
		return Read(os.Stdin, yield)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := Read(f, yield); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Read calls yield for every record in r. The bytes given to yield are not
// used again. A part that is not what the file began as comes out as a record
// of its own, so nothing is left out in silence.
func Read(r io.Reader, yield func(raw []byte) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("gzip: %w", err)
		}
		defer z.Close()
		in = bufio.NewReaderSize(z, 1<<16)
	}
	first, err := firstByte(in)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	case first == '[':
		return readJSON(in, yield)
	case first == '<':
		return readXML(in, yield)
	case first == '#':
		return readTable(in, yield)
	case first == '{':
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if json.Valid(line) || closed(line) {
			if err := yield(line); err != nil {
				return err
			}
			return readLines(in, yield)
		}
		return readJSON(io.MultiReader(bytes.NewReader(line), bytes.NewReader([]byte{'\n'}), in), yield)
	}
	return readLines(in, yield)
}

// readTable reads Zeek's tab-separated logs, whose header says what the columns
// are. Lines that are no row come out as they are.
func readTable(in *bufio.Reader, yield func([]byte) error) error {
	var table document.ZeekTSV
	return readLines(in, func(line []byte) error {
		record, err := table.Line(string(line))
		switch {
		case err != nil:
			return yield(line)
		case record == "":
			return nil // a header line
		}
		return yield([]byte(record))
	})
}

// closed tells whether a line that is not valid JSON still looks like one
// whole record: a broken line of a newline-delimited file, not the first line
// of an indented document.
func closed(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 1 && (line[len(line)-1] == '}' || len(line) > 200)
}

// firstByte skips blanks and a byte order mark.
func firstByte(in *bufio.Reader) (byte, error) {
	if bom, _ := in.Peek(3); bytes.Equal(bom, []byte{0xef, 0xbb, 0xbf}) {
		if _, err := in.Discard(3); err != nil {
			return 0, err
		}
	}
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, in.UnreadByte()
		}
	}
}

func readLines(in *bufio.Reader, yield func([]byte) error) error {
	for {
		line, err := readLine(in)
		if len(bytes.TrimSpace(line)) > 0 {
			if err := yield(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readLine returns one line without its end, cut at MaxRecord. It returns
// io.EOF together with the last line.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if room := MaxRecord - len(line); len(part) > room {
			part = part[:room]
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return bytes.TrimRight(line, "\r\n"), err
	}
}

// readJSON reads arrays and concatenated documents. Elements of a top-level
// array are records; documents that wrap records in a member are left to the
// mappings, which know the vendors' envelopes.
func readJSON(in io.Reader, yield func([]byte) error) error {
	buffered := bufio.NewReaderSize(in, 1<<16)
	dec := json.NewDecoder(buffered)
	inArray := false
	for {
		if inArray && !dec.More() {
			if _, err := dec.Token(); err != nil {
				return rest(dec, buffered, yield)
			}
			inArray = false
		}
		if !inArray {
			first, err := peekJSON(dec, buffered)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if first == '[' {
				if _, err := dec.Token(); err != nil {
					return rest(dec, buffered, yield)
				}
				inArray = true
				continue
			}
		}
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return rest(dec, buffered, yield)
		}
		if err := yield(compact(raw)); err != nil {
			return err
		}
	}
}

// peekJSON returns the next significant byte that dec will read.
func peekJSON(dec *json.Decoder, in *bufio.Reader) (byte, error) {
	seen, err := io.ReadAll(dec.Buffered())
	if err != nil {
		return 0, err
	}
	for _, b := range seen {
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, nil
		}
	}
	for n := 1; ; n++ {
		ahead, err := in.Peek(n)
		if err != nil {
			return 0, err
		}
		if b := ahead[n-1]; b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b, nil
		}
	}
}

// rest hands on what follows a syntax error as lines, bounded in size.
func rest(dec *json.Decoder, in io.Reader, yield func([]byte) error) error {
	return readLines(bufio.NewReaderSize(io.MultiReader(dec.Buffered(), in), 1<<16), yield)
}

func compact(raw []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return raw
	}
	return b.Bytes()
}

// readXML cuts at </Event>; whatever wraps the events is left out.
func readXML(in *bufio.Reader, yield func([]byte) error) error {
	var buf []byte
	for {
		part, err := in.ReadSlice('>')
		buf = append(buf, part...)
		if bytes.HasSuffix(buf, []byte("</Event>")) || len(buf) >= MaxRecord {
			if err := yieldEvent(buf, yield); err != nil {
				return err
			}
			buf = nil
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			if bytes.Contains(buf, []byte("<Event ")) || bytes.Contains(buf, []byte("<Event>")) {
				return yieldEvent(buf, yield) // cut short: the next stage reports it
			}
			return nil
		case err != nil:
			return err
		}
	}
}

func yieldEvent(buf []byte, yield func([]byte) error) error {
	start := bytes.Index(buf, []byte("<Event "))
	if bare := bytes.Index(buf, []byte("<Event>")); bare >= 0 && (start < 0 || bare < start) {
		start = bare
	}
	return yield(buf[max(start, 0):])
}
