package doctor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/ordersapi"
	"github.com/orderpipeline/orderpipeline/internal/queues"
)

// canaryOrder is a valid order of the default schema.
const canaryOrder = `{"orderId":%q,"currency":"EUR","channel":"web",` +
	`"items":[{"sku":"CANARY","quantity":1,"unitPrice":0}],"note":"posted by orders doctor --canary"}`

// followCanary posts an order, waits until it is stored, and until its event is on the demo
// subscribers' queues. Queues that hold messages are left out: each receive brings a message nearer
// to its dead-letter queue.
func (d *Doctor) followCanary(
	ctx context.Context, wait time.Duration,
) (found []Finding, err error) {
	id := "canary-" + strings.ToLower(rand.Text()[:12])
	client := sqs.NewFromConfig(d.Config)
	var watched []deployment.Subscriber
	for _, s := range d.Deployment.Subscribers {
		depth, err := queues.ReadDepth(ctx, client, s.QueueURL)
		if err == nil && depth.Total() == 0 {
			watched = append(watched, s)
		}
	}
	api := ordersapi.New(d.Config, d.Deployment.APIURL, wait)
	answer, err := api.Do(ctx, http.MethodPost, "/orders", []byte(fmt.Sprintf(canaryOrder, id)))
	if err != nil {
		return nil, err
	}
	if answer.Code != http.StatusAccepted {
		return []Finding{{
			Resource: "API", What: "it does not accept an order: " + answer.String(),
			Why: "it does not accept the clients' orders either", Do: answer.Next(d.Command),
		}}, nil
	}
	if problem, err := d.awaitStored(ctx, api, id, wait); err != nil || problem != nil {
		return problem, err
	}
	for _, s := range watched {
		arrived, err := awaitEvent(ctx, client, s, id, wait)
		if err != nil {
			return found, err
		}
		if !arrived {
			found = append(found, Finding{
				Resource: s.Name, What: fmt.Sprintf("the event of %s did not arrive within %v", id, wait),
				Why: "other events do not arrive either",
				Do:  d.Command("replay --to-subscriber " + s.Name + " --id " + id),
			})
		}
	}
	return found, nil
}

// awaitStored returns a finding when the order is not stored in time.
func (d *Doctor) awaitStored(
	ctx context.Context, api *ordersapi.Client, id string, wait time.Duration,
) ([]Finding, error) {
	deadline := time.Now().Add(wait)
	for {
		answer, err := api.Do(ctx, http.MethodGet, "/orders/"+id, nil)
		switch {
		case err != nil:
			return nil, err
		case answer.Status == "STORED":
			return nil, nil
		case answer.Status == "REFUSED":
			return []Finding{{
				Resource: id, What: "it was refused",
				Why: "the deployment has a schema or rule that the canary order does not meet, " +
					"or it refuses good orders",
				Do: d.Command("status " + id),
			}}, nil
		case time.Now().After(deadline):
			return []Finding{{
				Resource: id, What: fmt.Sprintf("it was accepted, but is not stored after %v", wait),
				Why: "the clients' orders are not stored either",
				Do:  d.Command("status " + id + " --wait 5m"),
			}}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// awaitEvent takes the event of an order from a queue.
func awaitEvent(
	ctx context.Context, client *sqs.Client, s deployment.Subscriber, id string, wait time.Duration,
) (arrived bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err = queues.Consume(ctx, client, s, 0, func(body string) bool {
		var e queues.Event
		if json.Unmarshal([]byte(body), &e) != nil || e.Subject != id {
			return false
		}
		arrived = true
		cancel()
		return true
	})
	if arrived || errors.Is(err, context.DeadlineExceeded) {
		return arrived, nil
	}
	return false, err
}
