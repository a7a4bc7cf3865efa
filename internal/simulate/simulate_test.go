package simulate

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

var options = Options{Seed: 7, End: time.Date(2026, 3, 20, 16, 0, 0, 0, time.UTC), Days: 15, Staff: 12, Attack: true}

func TestSameOptionsSameRecords(t *testing.T) {
	a, err := Company(options)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Company(options)
	if len(a) != len(b) {
		t.Fatalf("%d and %d records", len(a), len(b))
	}
	for i := range a {
		if !bytes.Equal(a[i].Raw, b[i].Raw) {
			t.Fatalf("record %d differs:\n%s\n%s", i, a[i].Raw, b[i].Raw)
		}
	}
}

func TestRecordsAreOrderedUniqueAndPlanted(t *testing.T) {
	records, err := Company(options)
	if err != nil {
		t.Fatal(err)
	}
	planted, sources := 0, map[Source]int{}
	seen := map[string]bool{}
	for i, r := range records {
		if i > 0 && r.Time.Before(records[i-1].Time) {
			t.Fatalf("record %d is before its predecessor", i)
		}
		if r.Time.After(options.End) {
			t.Fatalf("record %d is after the end", i)
		}
		if seen[string(r.Raw)] || !json.Valid(r.Raw) {
			t.Fatalf("record %d repeats another or is not JSON: %s", i, r.Raw)
		}
		seen[string(r.Raw)] = true
		sources[r.Source]++
		if r.Chain != "" {
			planted++
		}
	}
	if planted != 64 {
		t.Errorf("%d planted records, want 64", planted)
	}
	for _, s := range []Source{Okta, M365, CloudTrail, Windows, Zeek} {
		if sources[s] == 0 {
			t.Errorf("no record of %s", s)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{Days: 0, Staff: 5}, {Days: 5, Staff: 2}, {Days: 401, Staff: 5}, {Days: 5, Staff: 201}} {
		if _, err := Company(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
