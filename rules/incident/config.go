package incident

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/openmxdr/openmxdr/internal/entity"
	"gopkg.in/yaml.v3"
)

// Config says when signals join and when an incident opens.
type Config struct {
	// Window is the longest event time between two signals that a key joins
	// directly; 1 minute to 30 days.
	Window Duration `yaml:"window"`
	// MaxSpan is the longest event time from an incident's first to its last
	// signal; at least Window.
	MaxSpan Duration `yaml:"max_span"`
	// MaxFindings is how many findings one incident holds. Signals of one
	// rule about the same users, hosts and cloud principals with the same
	// outcome within one stretch of Window are one finding, so repetition
	// does not use up the limit. 2 to 10,000.
	MaxFindings int `yaml:"max_findings"`
	// MaxListed is how many signals of one finding are listed and take part in
	// joins, the earliest and the latest; all are counted. What only those
	// between name joins nothing. 2 to 1,000.
	MaxListed int `yaml:"max_listed"`
	// HalfLife is after how much event time a signal counts half.
	HalfLife Duration `yaml:"half_life"`
	// Threshold opens an incident; points. The default fits detectors whose
	// risk is 8, 25, 45 and 75 for low, medium, high and critical: two high
	// findings suffice, or three medium ones of three tactics or domains; two
	// medium ones or any number of low ones do not.
	Threshold float64 `yaml:"threshold"`
	// Lateness is how much later than others signals may arrive without a
	// change of the final result. State is kept that much longer.
	Lateness Duration `yaml:"lateness"`
	// MaxSignals bounds the signals in memory over all tenants. Beyond it the
	// incidents and lone signals whose last signal is oldest leave, from the
	// tenant that has most, and are counted.
	MaxSignals int `yaml:"max_signals"`
	// MaxBytes bounds the encoded size of those signals.
	MaxBytes int64 `yaml:"max_bytes"`
	// Keys overrides the weights of entity types; see Key.
	Keys map[entity.Type]Key `yaml:"keys"`
}

// Key says how an entity type joins. See the package comment for the formula.
type Key struct {
	// Strong keys join alone, weak ones by twos.
	Strong bool `yaml:"strong"`
	// Base is the weight while the key has few neighbours, 0 to 1.
	Base float64 `yaml:"base"`
	// Free is the number of neighbours up to which the weight is Base, 1 to 1,000.
	Free float64 `yaml:"free"`
}

const (
	joinStrong = 0.5  // weight from which a strong key joins
	joinWeak   = 0.25 // weight from which each of two weak keys does
)

// limit is the number of neighbours up to which the key joins.
func (k Key) limit() int {
	need := joinStrong
	if !k.Strong {
		need = joinWeak
	}
	if k.Base < need {
		return -1
	}
	return int(math.Floor(k.Base*k.Free/need + 1e-9))
}

func (k Key) weight(neighbours int) float64 {
	return k.Base * math.Min(1, k.Free/math.Max(1, float64(neighbours)))
}

// Default returns the configuration that is meant for production.
//
// The free numbers come from what the things are: a person has a few machines
// and deals with some others in an investigation's time; a workstation sees a
// few people; a session, a message or a process belongs to one person or one
// machine; an address may be a household or a small office.
func Default() Config {
	return Config{
		Window: Duration(24 * time.Hour), MaxSpan: Duration(14 * 24 * time.Hour),
		MaxFindings: 300, MaxListed: 20, HalfLife: Duration(48 * time.Hour),
		Threshold: 50, Lateness: Duration(24 * time.Hour),
		MaxSignals: 2_000_000, MaxBytes: 1 << 30,
		Keys: map[entity.Type]Key{
			entity.User:           {Strong: true, Base: 1, Free: 16},
			entity.CloudPrincipal: {Strong: true, Base: 1, Free: 16},
			entity.Session:        {Strong: true, Base: 1, Free: 4},
			entity.MailMessage:    {Strong: true, Base: 0.9, Free: 10},
			entity.Process:        {Strong: true, Base: 1, Free: 6},
			entity.FileHash:       {Strong: true, Base: 0.7, Free: 4},
			entity.Host:           {Strong: true, Base: 0.9, Free: 6},
			entity.IP:             {Base: 0.3, Free: 4},
			entity.Domain:         {Base: 0.3, Free: 4},
		},
	}
}

// Load reads YAML over the defaults. Unknown members are errors.
func Load(data []byte) (Config, error) {
	c := Default()
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("incident configuration: %w", err)
	}
	return c, c.Validate()
}

// Validate names everything that is out of range.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("incident configuration: "+format, args...))
		}
	}
	w := time.Duration(c.Window)
	check(w >= time.Minute && w <= 30*24*time.Hour, "window is %s, want 1m to 720h", w)
	check(c.MaxSpan >= c.Window && time.Duration(c.MaxSpan) <= 366*24*time.Hour, "max_span is %s, want window (%s) to 8784h", time.Duration(c.MaxSpan), w)
	check(c.MaxFindings >= 2 && c.MaxFindings <= 10_000, "max_findings is %d, want 2 to 10000", c.MaxFindings)
	check(c.MaxListed >= 2 && c.MaxListed <= 1000, "max_listed is %d, want 2 to 1000", c.MaxListed)
	check(time.Duration(c.HalfLife) >= time.Minute, "half_life is %s, want at least 1m", time.Duration(c.HalfLife))
	check(c.Threshold > 0 && c.Threshold <= 1e6, "threshold is %g, want more than 0", c.Threshold)
	check(c.Lateness >= 0 && time.Duration(c.Lateness) <= 366*24*time.Hour, "lateness is %s, want 0 to 8784h", time.Duration(c.Lateness))
	check(c.MaxSignals >= 1, "max_signals is %d, want at least 1", c.MaxSignals)
	check(c.MaxBytes >= 1<<10, "max_bytes is %d, want at least 1024", c.MaxBytes)
	known := Default().Keys
	for t, k := range c.Keys {
		_, ok := known[t]
		check(ok, "keys: %.40q is no entity type", t)
		check(k.Base >= 0 && k.Base <= 1, "keys: %s: base is %g, want 0 to 1", t, k.Base)
		check(k.Free >= 1 && k.Free <= 1000, "keys: %s: free is %g, want 1 to 1000", t, k.Free)
	}
	return errors.Join(errs...)
}

// Duration is a time.Duration that YAML writes as "24h".
type Duration time.Duration

// UnmarshalYAML reads a Go duration.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %.40q is not a duration such as 24h", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML writes a Go duration.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }
