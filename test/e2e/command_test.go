//go:build emulator

package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/test/internal/pipeline"
)

// command prepares a run of the operator's command.
func command(t *testing.T, stdin string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := world.Command(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return cmd
}

// patience is a flag of commands that wait.
var patience = pipeline.Patience.String()

// runOrders runs the command, which must exit with a status and write some texts.
func runOrders(t *testing.T, status int, stdin string, args []string, texts ...string) pipeline.Output {
	t.Helper()
	return finish(t, status, command(t, stdin, args...), texts...)
}

func finish(t *testing.T, status int, cmd *exec.Cmd, texts ...string) pipeline.Output {
	t.Helper()
	out := pipeline.Finish(t, cmd)
	if err := out.Want(status, texts...); err != nil {
		t.Errorf("orders %q: %v", cmd.Args[1:], err)
	}
	return out
}

func TestCommandDescribe(t *testing.T) {
	t.Parallel()
	var got deployment.Deployment
	if err := json.Unmarshal([]byte(runOrders(t, 0, "", []string{"describe", "--json"}).Stdout), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*world.Deployment, got); diff != "" {
		t.Errorf("orders describe --json (-want +got):\n%s", diff)
	}
	runOrders(t, 0, "", []string{"describe", "--env", "local"}, world.APIURL, world.TableName, world.DeadLetterQueueURL, world.RejectedQueueURL, world.shipping.URL)
}

// TestCommandPost: the documents arrive as they stand in the input, whatever the way.
func TestCommandPost(t *testing.T) {
	t.Parallel()
	newDocuments := func() (ids, documents []string) {
		for _, own := range []string{`"a&b=c+d%20<>"`, `1.00`, `"\ud800"`, `[1 ,  2]`, `"\u0041é😀"`} {
			ids = append(ids, newID("posted"))
			documents = append(documents, newOrder(ids[len(ids)-1], `"own" : `+own))
		}
		return ids, documents
	}
	file := func(t *testing.T, content string) string {
		name := filepath.Join(t.TempDir(), "orders.json")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, c := range map[string]struct {
		separator string
		frame     [2]string
		flags     []string
	}{
		"JSON lines":        {separator: "\n"},
		"array":             {separator: " ,\n\t", frame: [2]string{" [ ", " ]\n"}},
		"JSON lines, batch": {separator: "\r\n", flags: []string{"--batch"}},
		"array, batch":      {separator: ",", frame: [2]string{"[", "]"}, flags: []string{"--batch", "--parallel", "1"}},
	} {
		for _, from := range []string{"file", "standard input"} {
			t.Run(name+" from "+from, func(t *testing.T) {
				t.Parallel()
				ids, documents := newDocuments()
				content := c.frame[0] + strings.Join(documents, c.separator) + c.frame[1]
				args, stdin := append([]string{"post"}, c.flags...), ""
				if from == "file" {
					args = append(args, file(t, content))
				} else {
					args, stdin = append(args, "-"), content
				}
				out := runOrders(t, 0, stdin, args)
				accepted := regexp.MustCompile(`(?m)^(\S+)\taccepted\tmessage \S+$`).FindAllStringSubmatch(out.Stdout, -1)
				var named []string
				for _, match := range accepted {
					named = append(named, match[1])
				}
				slices.Sort(named)
				if diff := cmp.Diff(slices.Sorted(slices.Values(ids)), named); diff != "" {
					t.Errorf("the accepted orders (-want +got):\n%s\n%s%s", diff, out.Stdout, out.Stderr)
				}
				for i, id := range ids {
					if got := awaitStored(t, id).document(); got != documents[i] {
						t.Errorf("order %s: stored is %q, the input had %q", id, got, documents[i])
					}
				}
			})
		}
	}

	t.Run("samples", func(t *testing.T) {
		t.Parallel()
		out := runOrders(t, 0, "", []string{"post", "--sample", "3"})
		for line := range strings.Lines(out.Stdout) {
			id, _, _ := strings.Cut(line, "\t")
			awaitStored(t, id)
		}
		if got := strings.Count(out.Stdout, "\n"); got != 3 {
			t.Errorf("%d lines, want 3:\n%s", got, out.Stdout)
		}
	})

	// With a bad order anywhere, nothing is sent.
	for name, c := range map[string]struct {
		bad  string // on the second line
		says []string
	}{
		"not JSON":           {"{nonsense", []string{"standard input:2: not JSON"}},
		"cut off":            {`{"orderId":`, []string{"standard input:2: not JSON"}},
		"bad order":          {newOrder(newID("bad"), `"currency":1`), []string{"standard input:2: order refused: duplicate-member at /currency"}},
		"two bad orders":     {"{}\n[]\n{}", []string{"standard input:2: ", "standard input:4: ", "invalid"}},
		"one id, two orders": {newOrder("same") + "\n" + newOrder("same", `"own":1`), []string{"standard input:3: ", `"same"`, "standard input:2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := newID("unsent")
			out := runOrders(t, 1, newOrder(id)+"\n"+c.bad, []string{"post", "-"}, append(c.says, "nothing was sent")...)
			if out.Stdout != "" {
				t.Errorf("it accepted:\n%s", out.Stdout)
			}
			if a := get(t, id); a.Status != "UNKNOWN" {
				t.Errorf("the good order was sent: %v", a)
			}
		})
	}
	t.Run("the API's own check", func(t *testing.T) {
		t.Parallel()
		good := newID("unchecked")
		runOrders(t, 1, newOrder(good)+`{"orderId":"a"}`, []string{"post", "--no-check", "-"}, "not accepted: 400 INVALID", "1 order not accepted", "\taccepted\t")
		awaitStored(t, good)
	})
	t.Run("no emulator", func(t *testing.T) {
		t.Parallel()
		cmd := command(t, newOrder(newID("nowhere")), "post", "--retry-for", "1s", "-")
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL=http://127.0.0.1:1") // nobody listens there
		finish(t, 1, cmd, "127.0.0.1:1")
	})
}

func TestCommandStatus(t *testing.T) {
	t.Parallel()
	t.Run("stored", func(t *testing.T) {
		t.Parallel()
		id := newID("status")
		document := newOrder(id, `"own":[1.00 , "\ud800"]`)
		post(t, document)
		runOrders(t, 0, "", []string{"status", id, "--wait", patience}, "order "+id+": STORED", document)
		if out := runOrders(t, 0, "", []string{"status", "--json", id}); out.Stdout != string(get(t, id).Body)+"\n" {
			t.Errorf("orders status --json gives %q, the API %q", out.Stdout, get(t, id).Body)
		}
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		id := newID("status")
		send(t, strings.Replace(newOrder(id), "EUR", "euro", 1))
		runOrders(t, 3, "", []string{"status", id, "--wait", patience}, "REFUSED", "invalid at /currency")
	})
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		runOrders(t, 4, "", []string{"status", newID("status")}, "unknown")
	})
}

// TestCommandEvents: the events of the chosen subscriber, byte for byte; Ctrl-C ends it well.
func TestCommandEvents(t *testing.T) { // alone: it takes the events away
	awaitSettled(t)
	world.shipping.pause.Lock()
	defer world.shipping.pause.Unlock()
	cmd := command(t, "", "events", "--subscriber", "shipping", "--json", "--timeout", patience)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	web, store := newID("web"), newID("store")
	document := newOrder(web, `"own":[1.00 , "<>&\ud800"]`)
	post(t, strings.Replace(newOrder(store), `"web"`, `"store"`, 1))
	awaitStored(t, store)
	post(t, document)
	var printed pipeline.Event
	lines := bufio.NewScanner(stdout)
	for printed.Subject != web && lines.Scan() {
		if strings.Contains(lines.Text(), store) {
			t.Errorf("Shipping got an event of channel store: %s", lines.Text())
		}
		_ = json.Unmarshal(lines.Bytes(), &printed)
	}
	// Billing gets the same bytes.
	if want := world.billing.awaitEvent(t, web).Body; lines.Text() != want {
		t.Errorf("orders events printed %q, want %q", lines.Text(), want)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("orders events, interrupted: %v", err)
	}

	post(t, newOrder(newID("shown")))
	out := runOrders(t, 0, "", []string{"events", "--subscriber", "Shipping", "--count", "1", "--timeout", patience}, "Shipping")
	if strings.Count(out.Stdout, "\n") != 1 {
		t.Errorf("orders events --count 1:\n%s", out.Stdout)
	}
	runOrders(t, 1, "", []string{"events", "--subscriber", "Shipping", "--count", "1000000", "--timeout", "1s"}, "of 1000000 within 1s")
}

// TestCommandMistakes: what a person mistypes gets a message and exit status 2, what is not there
// 1.
func TestCommandMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   string
		status int
		says   []string
	}{
		{"nonsense", 2, []string{"nonsense", "--help"}},
		{"describe --nonsense", 2, []string{"--nonsense"}},
		{"describe --env no_where", 2, []string{"no_where", "prod"}},
		{"describe --env dev", 1, []string{`"dev" is not deployed`, "orders up --env dev"}},
		{"describe --region eu-west-1", 1, []string{"--region"}},
		{"post", 2, []string{"--sample"}},
		{"post --sample 3 orders.json", 2, []string{"one of the two"}},
		{"post --sample 3 --env prod", 2, []string{"prod"}},
		{"post no-such-file.json", 1, []string{"no-such-file.json", "nothing was sent"}},
		{"status", 2, []string{"order-id"}},
		{"status a/b", 2, []string{`"a/b"`}},
		{"status ..", 2, []string{`".."`}},
		{"events --subscriber Nobody", 2, []string{"Nobody", "Billing, Shipping"}},
		{"events --count one", 2, []string{"--count"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			runOrders(t, c.status, "", strings.Fields(c.args), c.says...)
		})
	}
	for _, args := range []string{"--help", "post --help", "status --help", "events --help", "describe --help", "up --help", "down --help"} {
		runOrders(t, 0, "", strings.Fields(args), "Usage: orders")
	}
}
