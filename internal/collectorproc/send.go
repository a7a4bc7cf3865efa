package collectorproc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// batchSize is how many records one request carries.
const batchSize = 500

// Send delivers raw records as log bodies to an OTLP/HTTP receiver, in order,
// and returns when all are acknowledged. A refusal that the receiver calls
// temporary (429, 502, 503, 504) is tried again until ctx ends.
func Send(ctx context.Context, endpoint string, raw [][]byte) error {
	for len(raw) > 0 {
		n := min(batchSize, len(raw))
		if err := sendBatch(ctx, endpoint, raw[:n]); err != nil {
			return err
		}
		raw = raw[n:]
	}
	return nil
}

func sendBatch(ctx context.Context, endpoint string, raw [][]byte) error {
	logs := plog.NewLogs()
	records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	records.EnsureCapacity(len(raw))
	now := pcommon.NewTimestampFromTime(time.Now())
	for _, r := range raw {
		lr := records.AppendEmpty()
		lr.SetObservedTimestamp(now)
		lr.Body().SetStr(string(r))
	}
	body, err := plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
	if err != nil {
		return fmt.Errorf("encode %d records: %w", len(raw), err)
	}
	for {
		status, answer, err := post(ctx, endpoint+"/v1/logs", body)
		switch {
		case err == nil && status < 300:
			return nil
		case err == nil && status != http.StatusTooManyRequests && status < 502:
			return fmt.Errorf("%s refused %d records: HTTP %d: %s", endpoint, len(raw), status, answer)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s took no records until the time limit (last answer: HTTP %d, %v): %w", endpoint, status, err, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func post(ctx context.Context, url string, body []byte) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 2048))
	return res.StatusCode, string(answer), err
}
