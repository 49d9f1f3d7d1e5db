//go:build emulator

package operate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
	"github.com/orderpipeline/orderpipeline/order"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// A pipeline in the stack of a consumer, who has done nothing for the operator's command, is operated from end to end.
func TestStackOfAnotherApp(t *testing.T) {
	app := filepath.Join(t.TempDir(), "shop")
	if err := world.Tools.Deploy(t.Context(), world.Emulator, local.DeployOptions{
		App: "go run ./test/operate/shop", Output: app,
	}); err != nil {
		t.Fatal(err)
	}
	orders(t, 2, "describe --stack Shop", "stack Shop holds 2 pipelines", "--pipeline: Web, Wholesale")
	orders(t, 2, "doctor --stack Shop --pipeline Retail", `no pipeline "Retail"`, "Web, Wholesale")
	orders(t, 1, "redrive --stack Shops", "there is no stack Shops", "check --stack")
	orders(t, 1, "status A --stack OrderPipeline-local-Monitoring", "holds no OrderPipeline")
	orders(t, 2, "status A --stack Shop --env dev", "--env or --stack")
	orders(t, 2, "up --stack Shop", "orders up does not take --stack")
	orders(t, 2, "status A --pipeline Web", "--pipeline needs --stack")

	web := describe(t, "--stack Shop --pipeline Web")
	wholesale := describe(t, "--stack Shop --pipeline Wholesale")
	if web.TableName == wholesale.TableName || web.Subscriber("Billing") == nil || wholesale.Subscriber("ERP") == nil {
		t.Fatalf("the pipelines are %+v and %+v", web, wholesale)
	}

	// An order through the API, its status, its event.
	id := newID("shop")
	document := newOrder(id, "web")
	cmd := world.Command(t, "post", "--no-check", "-", "--stack", "Shop", "--pipeline", "Web")
	cmd.Stdin = strings.NewReader(document)
	finish(t, 0, cmd, "accepted", " status "+id+" --stack Shop --pipeline Web")
	wait := " --wait " + pipeline.Patience.String()
	orders(t, 0, "status "+id+wait+" --stack Shop --pipeline Web", "STORED", document)
	orders(t, 2, "events --stack Shop --pipeline Web", "refusing", "--yes")
	const take = " --count 1 --json --timeout 1m --stack Shop --pipeline Web"
	orders(t, 0, "events --subscriber Billing --yes"+take, order.EventID(id))

	// A pipeline without an API takes orders by its queue.
	orders(t, 1, "status "+id+" --stack Shop --pipeline Wholesale", "has no API")
	cmd = world.Command(t, "post", "-", "--stack", "Shop", "--pipeline", "Wholesale")
	cmd.Stdin = strings.NewReader(newOrder(id, "web"))
	finish(t, 1, cmd, "has no API", "send orders to its queue")
	send(t, wholesale.QueueURL, document, nil)
	const erp = " --count 1 --json --timeout 1m --env local --stack Shop --pipeline Wholesale"
	orders(t, 0, "events"+erp, order.EventID(id))
	orders(t, 0, "doctor --stack Shop --pipeline Wholesale", "stack Shop, pipeline Wholesale is healthy")

	// An order on the dead-letter queue: doctor names the command, which works as it is printed.
	stuck := newID("stuck")
	send(t, web.DeadLetterQueueURL, newOrder(stuck, "web"), nil)
	out := orders(t, 3, "doctor --stack Shop --pipeline Web", "dead-letter queue: has 1 message",
		"redrive dlq --yes --stack Shop --pipeline Web", "1 finding in stack Shop, pipeline Web")
	if strings.Contains(out.Stdout, "Wholesale") {
		t.Errorf("of another pipeline:\n%s", out.Stdout)
	}
	orders(t, 0, "redrive dlq --yes --stack Shop --pipeline Web", "1 message moved")
	orders(t, 0, "status "+stuck+wait+" --stack Shop --pipeline Web", "STORED")
	orders(t, 0, "events --subscriber Billing --yes"+take, order.EventID(stuck))
	orders(t, 0, "doctor --stack Shop --pipeline Web", "stack Shop, pipeline Web is healthy")

	orders(t, 0, "replay --yes --id "+id+" --stack Shop --pipeline Web", "1 event published")
	orders(t, 0, "events --subscriber Billing --yes"+take, order.EventID(id))

	picture := filepath.Join(t.TempDir(), "shop.svg")
	orders(t, 0, "dashboard --stack Shop --pipeline Web --out "+picture, picture)
	text, err := os.ReadFile(picture)
	if err != nil || !strings.Contains(string(text), "Stack Shop, as deployed.") || !strings.Contains(string(text), ">QueueAge</text>") {
		t.Errorf("the dashboard is %v, %.2000s", err, text)
	}
	orders(t, 1, "dashboard --stack Shop --pipeline Wholesale --out "+picture, "pipeline Wholesale has no dashboard")
}

// describe reads the parts of a deployment with the command.
func describe(t *testing.T, flags string) (d deployment.Deployment) {
	t.Helper()
	out := orders(t, 0, "describe --json "+flags)
	if err := json.Unmarshal([]byte(out.Stdout), &d); err != nil {
		t.Fatal(err)
	}
	return d
}
