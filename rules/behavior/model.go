package behavior

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"gopkg.in/yaml.v3"
)

// Model says what to learn and what novelty is worth.
type Model struct {
	ID          string `yaml:"id"` // stable: signal ids and state hang on it
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// When and Unless choose the events: all of When must hold and none of
	// Unless. A value is a text or a list of texts, of which one must be
	// among the field's values; case is ignored; a final * stands for any rest.
	When   map[string]Texts `yaml:"when"`
	Unless map[string]Texts `yaml:"unless"`
	// Entity is whose habits are learned: the first acting one of the type.
	Entity   entity.Type `yaml:"entity"`
	Verb     string      `yaml:"verb"` // "signed in"
	Features []Feature   `yaml:"features"`
	// Learn is for how long a feature of an entity is only watched; Forget is
	// how long a value is remembered after it was last seen.
	Learn  Duration `yaml:"learn"`
	Forget Duration `yaml:"forget"`
	// Threshold is the sum of Feature.Points from which a signal is emitted.
	Threshold float64 `yaml:"threshold"`
	// Levels give the signal its severity and confidence, by points: the last
	// level that is reached counts.
	Levels     []Level  `yaml:"levels"`
	Domain     string   `yaml:"domain"`
	Tactics    []string `yaml:"tactics"`
	Techniques []string `yaml:"techniques"`
	Tags       []string `yaml:"tags"`
	File       string   `yaml:"-"` // where it was loaded from
}

// Feature is one thing about an event that can be new.
type Feature struct {
	Name string `yaml:"name"` // lower case; "network"
	Kind Kind   `yaml:"kind"`
	// Fields are read in order; the first that has a value counts.
	Fields []string `yaml:"fields"`
	// Phrase says the novelty within the reason: "from a new network".
	Phrase string  `yaml:"phrase"`
	Points float64 `yaml:"points"` // 0 to 1,000
}

// Kind says how a feature's value is read from its fields.
type Kind string

// The kinds of features.
const (
	Text      Kind = "text"       // the value in lower case
	Network   Kind = "network"    // AS number, else organization, else the /24 or /64 of an address
	UserAgent Kind = "user_agent" // program and operating system without versions
)

// Level is what a sum of points means.
type Level struct {
	Points     float64 `yaml:"points"`
	Severity   int     `yaml:"severity"`   // 0 to 100
	Confidence int     `yaml:"confidence"` // 0 to 100
}

// maxFeatures bounds the features of a model; the set of new ones is a bit set.
const maxFeatures = 16

// Parse reads models, one YAML document each. name is used in errors.
func Parse(name string, data []byte) ([]*Model, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	var out []*Model
	for {
		m := &Model{File: name}
		err := d.Decode(m)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("behavior model %s: %w", name, err)
		}
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("behavior model %s: %w", name, err)
		}
		out = append(out, m)
	}
}

// Load reads every .yml file of a file system. A model that is broken is left
// out and named in the error; the others are returned all the same.
func Load(fsys fs.FS) ([]*Model, error) {
	var out []*Model
	var errs []error
	ids := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || path.Ext(p) != ".yml" {
			return nil
		}
		data, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		models, err := Parse(p, data)
		if err != nil {
			errs = append(errs, err)
		}
		for _, m := range models {
			if other, twice := ids[m.ID]; twice {
				errs = append(errs, fmt.Errorf("behavior model %s: id %s is used in %s already", p, m.ID, other))
				continue
			}
			ids[m.ID] = p
			out = append(out, m)
		}
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("behavior models: %w", err))
	}
	return out, errors.Join(errs...)
}

var (
	idForm        = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,99}$`)
	tacticForm    = regexp.MustCompile(`^TA\d{4}$`)
	techniqueForm = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
)

// Validate names everything that is wrong with a model.
func (m *Model) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: "+format, append([]any{m.ID}, args...)...))
		}
	}
	check(idForm.MatchString(m.ID), "id must be of the form %s", idForm)
	check(m.Name != "", "name is missing")
	check(m.Verb != "", "verb is missing; it is part of the reason, such as \"signed in\"")
	check(len(m.When) > 0, "when is missing; a model must not read every event")
	for f, texts := range m.When {
		check(len(texts) > 0, "when: %s has no value", f)
	}
	for f, texts := range m.Unless {
		check(len(texts) > 0, "unless: %s has no value", f)
	}
	check(slices.Contains(entity.Types, m.Entity), "entity is %q, want an entity type", m.Entity)
	learn, forget := time.Duration(m.Learn), time.Duration(m.Forget)
	check(learn > 0 && learn <= 366*24*time.Hour, "learn is %s, want more than 0 and at most 8784h", learn)
	check(forget > learn && forget <= 366*24*time.Hour, "forget is %s, want more than learn (%s) and at most 8784h", forget, learn)
	check(m.Threshold > 0, "threshold is %g, want more than 0", m.Threshold)
	check(len(m.Levels) > 0, "levels is missing")
	for i, l := range m.Levels {
		check(l.Severity >= 0 && l.Severity <= 100 && l.Confidence >= 0 && l.Confidence <= 100, "levels: severity and confidence are 0 to 100")
		check(i == 0 || l.Points > m.Levels[i-1].Points, "levels: points must grow")
	}
	if len(m.Levels) > 0 {
		check(m.Levels[0].Points <= m.Threshold, "levels: the first is at %g points, above the threshold %g", m.Levels[0].Points, m.Threshold)
	}
	check(slices.Contains([]string{"endpoint", "network", "cloud", "email", "identity", "saas"}, m.Domain), "domain is %q", m.Domain)
	for _, t := range m.Tactics {
		check(tacticForm.MatchString(t), "tactics: %q is not of the form TA0001", t)
	}
	for _, t := range m.Techniques {
		check(techniqueForm.MatchString(t), "techniques: %q is not of the form T1078.004", t)
	}
	check(len(m.Features) > 0 && len(m.Features) <= maxFeatures, "%d features, want 1 to %d", len(m.Features), maxFeatures)
	names := map[string]bool{}
	for _, f := range m.Features {
		check(f.Name != "" && !names[f.Name], "features: name %q is empty or used twice", f.Name)
		names[f.Name] = true
		check(f.Kind == Text || f.Kind == Network || f.Kind == UserAgent, "feature %s: kind is %q, want text, network or user_agent", f.Name, f.Kind)
		check(len(f.Fields) > 0, "feature %s: fields is missing", f.Name)
		check(f.Phrase != "", "feature %s: phrase is missing", f.Name)
		check(f.Points >= 0 && f.Points <= 1000, "feature %s: points is %g, want 0 to 1000", f.Name, f.Points)
	}
	return errors.Join(errs...)
}

// level returns what a sum of points means.
func (m *Model) level(points float64) Level {
	l := m.Levels[0]
	for _, x := range m.Levels {
		if points >= x.Points {
			l = x
		}
	}
	return l
}

// Texts is a list of texts; YAML may write a single one without brackets.
type Texts []string

// UnmarshalYAML reads a scalar or a list of scalars.
func (t *Texts) UnmarshalYAML(n *yaml.Node) error {
	switch n.Kind {
	case yaml.ScalarNode:
		*t = Texts{n.Value}
		return nil
	case yaml.SequenceNode:
		for _, x := range n.Content {
			if x.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: want a text", x.Line)
			}
			*t = append(*t, x.Value)
		}
		return nil
	}
	return fmt.Errorf("line %d: want a text or a list of texts", n.Line)
}

// matches tells whether s is one of the texts.
func (t Texts) matches(s string) bool {
	for _, x := range t {
		if p, ok := strings.CutSuffix(x, "*"); ok {
			if len(s) >= len(p) && strings.EqualFold(s[:len(p)], p) {
				return true
			}
		} else if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

// Duration is a time.Duration that YAML writes as "168h".
type Duration time.Duration

// UnmarshalYAML reads a Go duration.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %.40q is not a duration such as 168h", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}
