// Package schema is everything that Elasticsearch must know before the first
// document arrives: names of indices, mappings, templates and their set-up.
package schema

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	tenantPattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,39}$`)
	datasetPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_.]{0,99}$`)
)

// ValidTenant tells whether s may be a tenant's name: lower-case letters,
// digits and underscores, at most 40 bytes. It has no hyphen, so a tenant
// cannot be mistaken for a part of another index name.
func ValidTenant(s string) bool { return tenantPattern.MatchString(s) }

// ValidDataset tells whether s may be the dataset part of a data stream's
// name: lower-case letters, digits, dots and underscores, at most 100 bytes.
func ValidDataset(s string) bool {
	return datasetPattern.MatchString(s) && !strings.Contains(s, "..") && !strings.HasSuffix(s, ".")
}

// CheckTenant returns an error that names s if it is not a valid tenant.
func CheckTenant(s string) error {
	if !ValidTenant(s) {
		return fmt.Errorf("organization.id %.60q is not a tenant's name: want %s", s, tenantPattern)
	}
	return nil
}

// Logs returns the data stream of one dataset of one tenant.
func Logs(dataset, tenant string) string { return "logs-" + dataset + "-" + tenant }

// AllLogs returns the pattern of all event data streams of a tenant.
func AllLogs(tenant string) string { return "logs-*-" + tenant }

// Signals returns the index of a tenant's signals.
func Signals(tenant string) string { return "mxdr-signals-" + tenant }

// Incidents returns the index of a tenant's incidents.
func Incidents(tenant string) string { return "mxdr-incidents-" + tenant }

// Dead returns the data stream of records that Elasticsearch refused.
func Dead(tenant string) string { return "mxdr-dead-" + tenant }

// UnknownDataset is the dataset of records that name none, or one that
// cannot be part of a data stream's name.
const UnknownDataset = "mxdr.unknown"
