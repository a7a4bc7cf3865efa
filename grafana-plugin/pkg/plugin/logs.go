package plugin

import (
	"encoding/json"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// logs builds a frame of log lines, as Grafana's data plane describes it
// (log-lines: timestamp, body, severity, id, labels).
type logs struct {
	at                 []time.Time
	body, severity, id []string
	labels             []json.RawMessage
}

func newLogs(n int) *logs {
	return &logs{make([]time.Time, n), make([]string, n), make([]string, n), make([]string, n), make([]json.RawMessage, n)}
}

// set fills line k.
func (l *logs) set(k int, at time.Time, body, severity, id string, labels map[string]any) {
	encoded, err := json.Marshal(labels)
	if err != nil { // texts only: cannot fail
		encoded = []byte("{}")
	}
	l.at[k], l.body[k], l.severity[k], l.id[k], l.labels[k] = at, body, logLevel(severity), id, encoded
}

// logLevel turns a severity into one of the levels that Grafana colours.
func logLevel(severity string) string {
	switch severity {
	case "critical":
		return "critical"
	case "high":
		return "error"
	case "medium":
		return "warning"
	}
	return "info"
}

func (l *logs) frame(name string, notices []data.Notice) *data.Frame {
	f := data.NewFrame(name,
		data.NewField("timestamp", nil, l.at), data.NewField("body", nil, l.body), data.NewField("severity", nil, l.severity),
		data.NewField("id", nil, l.id), data.NewField("labels", nil, l.labels),
	)
	f.Meta = &data.FrameMeta{Type: data.FrameTypeLogLines, TypeVersion: data.FrameTypeVersion{0, 0}, PreferredVisualization: data.VisTypeLogs, Notices: notices}
	return f
}
