package stateful

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/openmxdr/openmxdr/collector-components/internal/records"
	"github.com/openmxdr/openmxdr/internal/event"
)

// scopeName is the instrumentation scope of records that stages add.
const scopeName = "github.com/openmxdr/openmxdr"

// Append adds events as records of their own to logs, one resource per tenant.
func Append(logs plog.Logs, events []*event.Event) {
	if len(events) == 0 {
		return
	}
	now := pcommon.NewTimestampFromTime(time.Now())
	byTenant := map[string]plog.LogRecordSlice{}
	for _, ev := range events {
		tenant := ev.Text(records.TenantAttribute)
		slice, ok := byTenant[tenant]
		if !ok {
			rl := logs.ResourceLogs().AppendEmpty()
			if tenant != "" {
				rl.Resource().Attributes().PutStr(records.TenantAttribute, tenant)
			}
			sl := rl.ScopeLogs().AppendEmpty()
			sl.Scope().SetName(scopeName)
			slice = sl.LogRecords()
			byTenant[tenant] = slice
		}
		lr := slice.AppendEmpty()
		lr.SetObservedTimestamp(now)
		records.Write(ev, lr)
	}
}
