package stateful

import (
	"context"

	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/openmxdr/openmxdr/internal/checkpoint"
)

// kv lets a journal write to a storage client.
type kv struct{ storage.Client }

// Batch runs the operations and copies back what Get found.
func (k kv) Batch(ctx context.Context, ops ...*checkpoint.Op) error {
	own := make([]*storage.Operation, len(ops))
	for i, op := range ops {
		switch op.Type {
		case checkpoint.Set:
			own[i] = storage.SetOperation(op.Key, op.Value)
		case checkpoint.Delete:
			own[i] = storage.DeleteOperation(op.Key)
		default:
			own[i] = storage.GetOperation(op.Key)
		}
	}
	if err := k.Client.Batch(ctx, own...); err != nil {
		return err
	}
	for i, op := range ops {
		if op.Type == checkpoint.Get {
			op.Value = own[i].Value
		}
	}
	return nil
}
