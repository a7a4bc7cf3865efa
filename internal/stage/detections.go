package stage

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/internal/overlay"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/sigma"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation"
	"github.com/openmxdr/openmxdr/rules/sigma/correlation/fromsigma"
)

// DetectionSources says where rules and field maps come from.
type DetectionSources struct {
	Shipped      bool     // the detections that come with the product
	Rules        []string // files and folders
	FieldMaps    []string // folders that lie over the shipped field maps
	Placeholders map[string][]string
}

// Load reads and compiles everything. A rule that cannot be used is left out
// and listed in Problems; the error says that nothing can be used.
func (s DetectionSources) Load(fields *event.Fields) (*Detections, error) {
	maps, err := overlay.Over(content.FieldMaps(), s.FieldMaps)
	if err != nil {
		return nil, fmt.Errorf("field maps: %w", err)
	}
	fieldMap, err := sigma.ParseFieldMap(maps, ".")
	if err != nil {
		return nil, fmt.Errorf("field maps: %w", err)
	}
	all := &sigma.Collection{}
	var problems []error
	add := func(c *sigma.Collection, found []sigma.Problem) {
		all.Merge(c)
		for _, p := range found {
			problems = append(problems, p)
		}
	}
	if s.Shipped {
		add(sigma.ParseFS(content.Sigma(), "."))
	}
	for _, name := range s.Rules {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("rules: %w", err)
		case info.IsDir():
			add(sigma.ParseFS(os.DirFS(name), "."))
		default:
			raw, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("rules: %w", err)
			}
			add(sigma.ParseFile(name, raw))
		}
	}
	engine, found := sigma.Compile(all, fields, sigma.Options{FieldMap: fieldMap, Routing: sigma.RouteDeclared, Placeholders: s.Placeholders})
	add(&sigma.Collection{}, found)
	usable := map[*sigma.Rule]bool{}
	for _, r := range engine.Rules() {
		usable[r] = true
	}
	correlations := fromsigma.New(all, fromsigma.Options{
		FieldMap: fieldMap, Usable: func(r *sigma.Rule) bool { return usable[r] }, Complete: complete,
	})
	add(&sigma.Collection{}, correlations.Problems)
	if len(engine.Rules()) == 0 {
		return nil, errors.Join(append([]error{errors.New("rules: not one rule can be used")}, problems...)...)
	}
	return &Detections{engine: engine, correlations: correlations, Problems: problems}, nil
}

// complete says in numbers what a correlation says in words.
func complete(x *sigma.Correlation, r *correlation.Rule) {
	level := LevelOf(x.Level)
	r.Severity, r.Risk, r.Confidence = level.Severity, level.Risk, confidenceOf(x.Status)
	r.Tactics, r.Techniques = TacticIDs(x.Tags), x.Techniques()
}

// Watched tells whether there are files that can change.
func (s DetectionSources) Watched() bool { return len(s.Rules)+len(s.FieldMaps) > 0 }

// Fingerprint changes when a file is added, removed or written.
func (s DetectionSources) Fingerprint() ([32]byte, error) {
	h := sha256.New()
	for _, root := range slices.Concat(s.Rules, s.FieldMaps) {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !isYAML(name) {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			h.Write([]byte(name))
			var b [16]byte
			binary.BigEndian.PutUint64(b[:8], uint64(info.Size()))
			binary.BigEndian.PutUint64(b[8:], uint64(info.ModTime().UnixNano()))
			h.Write(b[:])
			return nil
		})
		if err != nil {
			return [32]byte{}, err
		}
	}
	return [32]byte(h.Sum(nil)), nil
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")
}
