package schema

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/openmxdr/openmxdr/es-ingest/client"
)

// Version counts the changes of mappings and settings in this package. A
// cluster whose templates have a higher one is left alone.
const Version = 1

// Priority of the index templates. It is above that of Elasticsearch's own
// and of integrations, whose ingest pipelines our events must not go through.
// The patterns match only OpenMXDR's names and the data streams of its tenants.
const Priority = 260

// Options are what a cluster's owner decides.
type Options struct {
	// Shards of each data stream's backing index; 0 leaves Elasticsearch's
	// default.
	Shards int
	// Replicas; nil means one as soon as there is a second node.
	Replicas *int
	// Retention is how long events are kept, through the data stream
	// lifecycle; 0 keeps them for good. Whole days.
	Retention time.Duration
}

// Setup brings templates and indices into place. Safe for concurrent use,
// also by several collectors at once: everything it does, it does again
// without harm.
type Setup struct {
	client  *client.Client
	options Options

	mu      sync.Mutex
	shared  bool
	tenants map[string]bool
	streams map[string]bool
}

// NewSetup makes a Setup; it does not connect yet.
func NewSetup(c *client.Client, o Options) *Setup {
	return &Setup{client: c, options: o, tenants: map[string]bool{}, streams: map[string]bool{}}
}

// EnsureShared brings what all tenants share into place. Like the other
// Ensure methods it asks Elasticsearch once a process; Forget makes it ask again.
func (s *Setup) EnsureShared(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sharedOnce(ctx)
}

// EnsureTenant makes a cluster ready for a tenant's signals and incidents, and
// for records that are refused.
func (s *Setup) EnsureTenant(ctx context.Context, tenant string) error {
	if err := CheckTenant(tenant); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sharedOnce(ctx); err != nil || s.tenants[tenant] {
		return err
	}
	if err := s.ensureTenant(ctx, tenant); err != nil {
		return fmt.Errorf("set up tenant %s: %w", tenant, err)
	}
	s.tenants[tenant] = true
	return nil
}

// EnsureLogs makes a cluster ready for a tenant's events of one dataset. The
// template's pattern is the name of this one data stream, so that nobody
// else's data streams come under it.
func (s *Setup) EnsureLogs(ctx context.Context, dataset, tenant string) error {
	if err := CheckTenant(tenant); err != nil {
		return err
	}
	if !ValidDataset(dataset) {
		return fmt.Errorf("event.dataset %.120q cannot be part of a data stream's name", dataset)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := Logs(dataset, tenant)
	if err := s.sharedOnce(ctx); err != nil || s.streams[name] {
		return err
	}
	if err := s.put(ctx, "index_template", "mxdr-"+name, s.indexTemplate(name, eventsComponent, true)); err != nil {
		return fmt.Errorf("set up data stream %s: %w", name, err)
	}
	s.streams[name] = true
	return nil
}

// Forget makes the Ensure methods look again, after a sign that somebody has
// removed templates or indices.
func (s *Setup) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shared = false
	clear(s.tenants)
	clear(s.streams)
}

func (s *Setup) sharedOnce(ctx context.Context) error {
	if s.shared {
		return nil
	}
	if err := s.ensureShared(ctx); err != nil {
		return fmt.Errorf("set up index templates: %w", err)
	}
	s.shared = true
	return nil
}

const (
	eventsComponent    = "mxdr-events"
	signalsComponent   = "mxdr-signals"
	incidentsComponent = "mxdr-incidents"
	deadComponent      = "mxdr-dead"
)

func (s *Setup) ensureShared(ctx context.Context) error {
	events := EventMappings()
	settings := eventSettings(len(events["properties"].(object)))
	if s.options.Shards > 0 {
		settings["index.number_of_shards"] = s.options.Shards
	}
	for _, c := range []struct {
		name               string
		settings, mappings object
	}{
		{eventsComponent, settings, events},
		{signalsComponent, findingSettings(), SignalMappings()},
		{incidentsComponent, findingSettings(), IncidentMappings()},
		{deadComponent, findingSettings(), DeadMappings()},
	} {
		s.replicas(c.settings)
		body := object{"template": object{"settings": c.settings, "mappings": c.mappings}}
		if err := s.put(ctx, "component_template", c.name, body); err != nil {
			return err
		}
	}
	for _, t := range []struct {
		name   string
		stream bool
	}{{signalsComponent, false}, {incidentsComponent, false}, {deadComponent, true}} {
		if err := s.put(ctx, "index_template", t.name, s.indexTemplate(t.name+"-*", t.name, t.stream)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Setup) replicas(settings object) {
	if s.options.Replicas != nil {
		settings["index.number_of_replicas"] = *s.options.Replicas
	} else {
		settings["index.auto_expand_replicas"] = "0-1"
	}
}

func (s *Setup) indexTemplate(pattern, component string, stream bool) object {
	t := object{"index_patterns": []string{pattern}, "priority": Priority, "composed_of": []string{component}}
	if stream {
		t["data_stream"] = object{}
		lifecycle := object{"enabled": true}
		if days := int(s.options.Retention / (24 * time.Hour)); days > 0 {
			lifecycle["data_retention"] = fmt.Sprintf("%dd", days)
		}
		t["template"] = object{"lifecycle": lifecycle}
	}
	return t
}

func (s *Setup) ensureTenant(ctx context.Context, tenant string) error {
	for index, mappings := range map[string]object{
		Signals(tenant): SignalMappings(), Incidents(tenant): IncidentMappings(),
	} {
		err := s.client.DoJSON(ctx, http.MethodPut, "/"+index, nil, nil, nil)
		if client.StatusOf(err) == http.StatusBadRequest && client.TypeOf(err) == "resource_already_exists_exception" {
			// Fields that this version adds; what is there stays.
			delete(mappings, "date_detection")
			err = s.client.DoJSON(ctx, http.MethodPut, "/"+index+"/_mapping", nil, mappings, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type meta struct {
	Version int64 `json:"version"`
	Meta    struct {
		ManagedBy string `json:"managed_by"`
		Content   string `json:"content"`
	} `json:"_meta"`
}

// put writes a template unless the cluster has the same or a later version.
func (s *Setup) put(ctx context.Context, kind, name string, body object) error {
	there, found, err := s.get(ctx, kind, name)
	if err != nil {
		return err
	}
	content, err := json.Marshal(body) // map keys are sorted: same content, same bytes
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:8])
	if found && (there.Version > Version || there.Version == Version && there.Meta.Content == hash) {
		return nil
	}
	if found && there.Meta.ManagedBy != managedBy {
		return fmt.Errorf("%s %q exists and is not OpenMXDR's: rename or remove it", kind, name)
	}
	body = maps.Clone(body)
	body["version"] = Version
	body["_meta"] = object{"managed_by": managedBy, "content": hash}
	return s.client.DoJSON(ctx, http.MethodPut, "/_"+kind+"/"+name, nil, body, nil)
}

const managedBy = "openmxdr"

func (s *Setup) get(ctx context.Context, kind, name string) (meta, bool, error) {
	var answer struct {
		Components []struct {
			Template meta `json:"component_template"`
		} `json:"component_templates"`
		Indices []struct {
			Template meta `json:"index_template"`
		} `json:"index_templates"`
	}
	err := s.client.DoJSON(ctx, http.MethodGet, "/_"+kind+"/"+name, nil, nil, &answer)
	switch {
	case client.StatusOf(err) == http.StatusNotFound:
		return meta{}, false, nil
	case err != nil:
		return meta{}, false, err
	case len(answer.Components) == 1:
		return answer.Components[0].Template, true, nil
	case len(answer.Indices) == 1:
		return answer.Indices[0].Template, true, nil
	}
	return meta{}, false, nil
}
