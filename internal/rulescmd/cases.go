package rulescmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// ruleCase is one case of a *.test.yml file: records in the vendor's raw
// format, and whether the rule beside it has to find something in them.
type ruleCase struct {
	Name  string      `yaml:"name"`
	Match bool        `yaml:"match"`
	Raw   yaml.Node   `yaml:"raw"`  // one record
	Raws  []yaml.Node `yaml:"raws"` // several, some of them repeated
	// Also names other rules that find something of their own in the records.
	Also []string `yaml:"also"`
}

// repeated is an entry of raws that stands for many records: Times of them,
// Every apart, the first at From.
type repeated struct {
	Times int       `yaml:"times"`
	Every string    `yaml:"every"`
	From  time.Time `yaml:"from"`
	Raw   yaml.Node `yaml:"raw"`
}

// maxTimes bounds the records that one entry stands for.
const maxTimes = 10_000

func readCases(name string) ([]ruleCase, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var cases []ruleCase
	if err := dec.Decode(&cases); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return cases, nil
}

// records returns the raw records of a case.
func (c *ruleCase) records() ([]string, error) {
	nodes := c.Raws
	if !c.Raw.IsZero() {
		if len(nodes) > 0 {
			return nil, errors.New("a case has raw or raws, not both")
		}
		nodes = []yaml.Node{c.Raw}
	}
	var out []string
	for i := range nodes {
		n := &nodes[i]
		list, err := expandRecord(n)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n.Line, err)
		}
		out = append(out, list...)
	}
	if len(out) == 0 {
		return nil, errors.New("the case has no records")
	}
	return out, nil
}

func expandRecord(n *yaml.Node) ([]string, error) {
	if !hasKeys(n, "times", "raw") {
		one, err := record(n)
		return []string{one}, err
	}
	var r repeated
	if err := n.Decode(&r); err != nil {
		return nil, err
	}
	every, err := time.ParseDuration(r.Every)
	if err != nil {
		return nil, fmt.Errorf("every: %w", err)
	}
	if r.Times < 1 || r.Times > maxTimes || r.From.IsZero() {
		return nil, fmt.Errorf("times must be from 1 to %d, and from must be a time", maxTimes)
	}
	template, err := record(&r.Raw)
	if err != nil {
		return nil, err
	}
	var out []string
	for i := range r.Times {
		at := r.From.Add(time.Duration(i) * every).UTC()
		unix := strconv.FormatFloat(float64(at.UnixMicro())/1e6, 'f', 6, 64)
		number := strconv.Itoa(i + 1)
		// A text that is nothing but a number becomes one.
		out = append(out, strings.NewReplacer(`"${unix}"`, unix, `"${number}"`, number, "${unix}", unix, "${number}", number,
			"${n}", fmt.Sprintf("%03d", i), "${time}", at.Format(time.RFC3339Nano)).Replace(template))
	}
	return out, nil
}

func hasKeys(n *yaml.Node, keys ...string) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	found := 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		for _, k := range keys {
			if n.Content[i].Value == k {
				found++
			}
		}
	}
	return found == len(keys)
}

// record turns YAML into what the vendor would send: JSON, or text as it is.
func record(n *yaml.Node) (string, error) {
	if n.Kind == yaml.ScalarNode {
		return n.Value, nil
	}
	var v map[string]any
	if err := n.Decode(&v); err != nil {
		return "", fmt.Errorf("a record is a map or text: %w", err)
	}
	raw, err := json.Marshal(v)
	return string(raw), err
}
