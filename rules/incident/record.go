package incident

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/openmxdr/openmxdr/internal/event"
)

// Dataset is the event.dataset of every incident record.
const Dataset = "mxdr.incident"

const prefix = "mxdr.incident."

// Encode writes a revision as the record that docs/schema.md describes. Its
// time is that of the incident's latest event.
func Encode(inc *Incident, fields *event.Fields) (*event.Event, error) {
	data, err := json.Marshal(inc)
	if err != nil {
		return nil, fmt.Errorf("incident %s: %w", inc.ID, err)
	}
	v, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("incident %s: %w", inc.ID, err)
	}
	e := event.New(fields)
	e.Time = inc.LastSeen
	e.Set("event.kind", event.StringValue("state"))
	e.Set("event.dataset", event.StringValue(Dataset))
	e.Set("event.id", event.StringValue(inc.ID))
	e.Set("event.sequence", event.IntValue(inc.Revision))
	e.Set("event.severity", event.IntValue(severityNumber(inc.Severity)))
	e.Set("organization.id", event.StringValue(inc.Tenant))
	for _, f := range v.Object() {
		switch f.Name {
		case "tenant", "revision": // organization.id and event.sequence
		default:
			e.Set(prefix+f.Name, f.Value)
		}
	}
	return e, nil
}

// severityNumber says a severity on the scale of ECS event.severity, as
// Elastic's detection rules number it.
func severityNumber(s string) int64 {
	switch s {
	case Critical:
		return 99
	case High:
		return 73
	case Medium:
		return 47
	}
	return 21
}

// maxRecord bounds the record that Decode reads, in bytes of JSON.
const maxRecord = 64 << 20

// Decode reads a revision from a record that Encode wrote. What does not fit
// the schema is an error; it never panics.
func Decode(e *event.Event) (*Incident, error) {
	if e.Text("event.kind") != "state" || e.Text("event.dataset") != Dataset {
		return nil, errors.New("incident record: event.kind is not state or event.dataset is not " + Dataset)
	}
	data := []byte{'{'}
	for f := range e.All {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			continue
		}
		if len(data) > 1 {
			data = append(data, ',')
		}
		data = event.StringValue(name).AppendJSON(data)
		data = f.Value.AppendJSON(append(data, ':'))
		if len(data) > maxRecord {
			return nil, fmt.Errorf("incident record %.64q: larger than %d bytes", e.Text("event.id"), maxRecord)
		}
	}
	inc := &Incident{}
	if err := json.Unmarshal(append(data, '}'), inc); err != nil {
		return nil, fmt.Errorf("incident record %.64q: %w", e.Text("event.id"), err)
	}
	inc.Tenant = e.Text("organization.id")
	sequence, _ := e.Lookup("event.sequence")
	inc.Revision = sequence.Int()
	switch {
	case inc.ID == "" || inc.ID != e.Text("event.id"):
		return nil, fmt.Errorf("incident record: mxdr.incident.id %.64q is not event.id %.64q", inc.ID, e.Text("event.id"))
	case inc.Tenant == "":
		return nil, fmt.Errorf("incident record %.64q: organization.id is missing", inc.ID)
	case inc.Revision < 1:
		return nil, fmt.Errorf("incident record %.64q: event.sequence is %d, want 1 or more", inc.ID, inc.Revision)
	case inc.State != Open && inc.State != Merged && inc.State != Dissolved:
		return nil, fmt.Errorf("incident record %.64q: mxdr.incident.state is %.40q", inc.ID, inc.State)
	}
	return inc, nil
}

// parse reads JSON into event values, keeping the order of members.
func parse(data []byte) (event.Value, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return event.Value{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return event.Value{}, errors.New("text after the end")
	}
	return v, nil
}

func parseValue(d *json.Decoder) (event.Value, error) {
	t, err := d.Token()
	if err != nil {
		return event.Value{}, err
	}
	switch t := t.(type) {
	case bool:
		return event.BoolValue(t), nil
	case string:
		return event.StringValue(t), nil
	case json.Number:
		if i, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			return event.IntValue(i), nil
		}
		f, err := t.Float64()
		return event.FloatValue(f), err
	case json.Delim:
		if t == '[' {
			list := []event.Value{}
			for d.More() {
				v, err := parseValue(d)
				if err != nil {
					return event.Value{}, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return event.ListValue(list), err
		}
		var fields []event.Field
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return event.Value{}, err
			}
			v, err := parseValue(d)
			if err != nil {
				return event.Value{}, err
			}
			s, _ := name.(string)
			fields = append(fields, event.Field{Name: s, Value: v})
		}
		_, err := d.Token()
		return event.ObjectValue(fields), err
	}
	return event.Value{}, nil
}
