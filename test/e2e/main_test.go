//go:build emulator

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"testing"

	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// world is the deployment under test, and what comes out of it.
var world struct {
	*pipeline.System
	rejected, billing, shipping *collector
}

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "8") // the tests wait more than they work; -parallel overrides it
	flag.Parse()
	ctx, stop := context.WithCancel(context.Background())
	var collecting sync.WaitGroup
	pipeline.Run(m, func(s *pipeline.System) error {
		world.System = s
		billing, shipping := s.Subscriber("Billing"), s.Subscriber("Shipping")
		if billing == nil || shipping == nil {
			return fmt.Errorf("the deployment's subscribers are %v, want Billing and Shipping", s.Subscribers)
		}
		world.rejected = newCollector("the rejected queue", s.RejectedQueueURL)
		world.billing = newCollector("Billing", billing.QueueURL)
		world.shipping = newCollector("Shipping", shipping.QueueURL)
		for _, c := range []*collector{world.rejected, world.billing, world.shipping} {
			collecting.Go(func() { c.collect(ctx) })
		}
		return nil
	}, func() error {
		defer collecting.Wait()
		defer stop()
		return leftovers(ctx)
	})
}

// leftovers looks for messages that no test asked about: after all tests every order has its
// verdict, nothing is on its way to a dead-letter queue, nothing could not be published.
func leftovers(ctx context.Context) error {
	errs := []error{pipeline.Poll(func() error { return world.Empty(ctx, world.QueueURL) })}
	for _, url := range []string{world.DeadLetterQueueURL, world.OnFailureQueueURL} {
		errs = append(errs, world.Empty(ctx, url))
	}
	for _, s := range world.Subscribers {
		errs = append(errs, world.Empty(ctx, s.DeadLetterQueueURL))
	}
	return errors.Join(errs...)
}
