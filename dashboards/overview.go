package dashboards

// All lists every dashboard.
func All() []Dashboard { return []Dashboard{Overview()} }

// severityColors are Grafana's named colours, which keep their contrast in the
// light and in the dark theme.
var severityColors = map[string]string{"low": "blue", "medium": "dark-yellow", "high": "dark-orange", "critical": "red"}

// Overview answers at a glance what a shift asks first: what is open, how bad,
// who has it, what is coming in, and whether the data still flows.
func Overview() Dashboard {
	sum := map[string]any{
		"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "value",
		"reduceOptions": map[string]any{"calcs": []any{"sum"}, "fields": "", "values": false},
	}
	bars := map[string]any{"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "stacking": map[string]any{"mode": "normal", "group": "A"}}
	legend := map[string]any{
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []any{"sum"}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}
	ranking := map[string]any{
		"orientation": "horizontal", "xField": "", "barWidth": 0.8, "showValue": "always", "stacking": "none", "text": map[string]any{"valueSize": 12},
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []any{}},
		"tooltip": map[string]any{"mode": "single", "sort": "none"},
	}
	table := map[string]any{"showHeader": true, "cellHeight": "sm", "footer": map[string]any{"show": false, "reducer": []any{"sum"}, "countRows": false, "fields": ""}}
	stat := func(title, description string, x int, query map[string]any) Panel {
		q := map[string]any{"queryType": "metrics", "format": "table", "metric": "incidents", "by": "severity"}
		for k, v := range query {
			q[k] = v
		}
		return Panel{Title: title, Description: description, Type: "stat", X: x, Y: 0, W: 6, H: 4, Query: q, Unit: "short", NoValue: "0", FixedColor: "text", Options: sum}
	}
	untriaged := []string{"new", "in_progress"}
	return Dashboard{
		UID: "openmxdr-overview", Title: "OpenMXDR overview",
		Description: "Open incidents, what they are made of, and the signals and events behind them.",
		Tags:        []string{"openmxdr", "security"}, From: "now-7d", Refresh: "1m",
		Panels: []Panel{
			stat("Open incidents", "Incidents in the time range that nobody has resolved or closed.", 0, map[string]any{"statuses": untriaged}),
			stat("High and critical", "Of the open incidents, those of high or critical severity.", 6, map[string]any{"statuses": untriaged, "severities": []string{"high", "critical"}}),
			stat("Without an owner", "Open incidents that nobody has taken.", 12, map[string]any{"statuses": untriaged, "assignees": []string{""}}),
			stat("Signals", "Findings of detectors in the time range, in incidents or not.", 18, map[string]any{"metric": "signals", "by": "domain"}),
			{
				Title: "Incidents", Description: "Open incidents, the highest score first. The title opens the incident.", Type: "table",
				X: 0, Y: 4, W: 24, H: 9, Unit: "", Options: table, Colors: severityColors, NoValue: "–",
				Query:  map[string]any{"queryType": "incidents", "format": "table", "sort": "score", "statuses": untriaged, "limit": 50},
				Custom: map[string]any{"align": "auto", "cellOptions": map[string]any{"type": "auto"}, "filterable": true, "inspect": false},
				Overrides: []map[string]any{
					override("Severity", "custom.cellOptions", map[string]any{"type": "color-text"}),
					override("Title", "custom.width", 380), override("Last seen", "custom.width", 170), override("Entities", "custom.width", 360),
					override("First seen", "custom.hidden", true), override("Verdict", "custom.hidden", true),
					override("Tactics", "custom.hidden", true), override("Incident", "custom.hidden", true),
				},
			},
			{
				Title: "Incidents over time", Description: "Incidents by severity.", Type: "timeseries",
				X: 0, Y: 13, W: 12, H: 8, Unit: "short", Custom: bars, MaxPoints: 120, Options: legend, Colors: severityColors,
				Query: map[string]any{"queryType": "metrics", "format": "timeseries", "metric": "incidents", "by": "severity"},
			},
			{
				Title: "Signals over time", Description: "Signals by the domain that they come from.", Type: "timeseries",
				X: 12, Y: 13, W: 12, H: 8, Unit: "short", Custom: bars, MaxPoints: 120, Options: legend,
				Query: map[string]any{"queryType": "metrics", "format": "timeseries", "metric": "signals", "by": "domain"},
			},
			{
				Title: "Detectors", Description: "The detectors with the most signals. One far above the others may need tuning.", Type: "barchart",
				X: 0, Y: 21, W: 12, H: 9, Unit: "short", Options: ranking,
				Query: map[string]any{"queryType": "metrics", "format": "table", "metric": "signals", "by": "rule_name", "limit": 10},
			},
			{
				Title: "Techniques", Description: "ATT&CK techniques that signals point to.", Type: "barchart",
				X: 12, Y: 21, W: 12, H: 9, Unit: "short", Options: ranking,
				Query: map[string]any{"queryType": "metrics", "format": "table", "metric": "signals", "by": "technique", "limit": 10},
			},
			{
				Title: "Events over time", Description: "Events by data set. A source that stops shows here first.", Type: "timeseries",
				X: 0, Y: 30, W: 12, H: 9, Unit: "short", Custom: bars, MaxPoints: 120, Options: legend,
				Query: map[string]any{"queryType": "metrics", "format": "timeseries", "metric": "events", "by": "dataset"},
			},
			{
				Title: "Newest signals", Description: "The newest findings, whether in an incident or not.", Type: "logs",
				X: 12, Y: 30, W: 12, H: 9, Unit: "",
				Query:   map[string]any{"queryType": "signals", "format": "logs", "limit": 50},
				Options: map[string]any{"showTime": true, "showLabels": false, "wrapLogMessage": true, "sortOrder": "Descending", "enableLogDetails": true, "dedupStrategy": "none", "prettifyLogMessage": false, "showCommonLabels": false},
			},
		},
	}
}

// override sets one property of one column.
func override(column, property string, value any) map[string]any {
	return map[string]any{
		"matcher":    map[string]any{"id": "byName", "options": column},
		"properties": []any{map[string]any{"id": property, "value": value}},
	}
}
