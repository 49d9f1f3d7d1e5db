//go:build emulator

package chaos

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	psnet "github.com/shirou/gopsutil/v4/net"
)

// proxy stands between the Lambda processes and the emulator, and lets calls fail.
type proxy struct {
	*http.Server
	port    int
	forward *httputil.ReverseProxy

	mu        sync.Mutex
	rng       *rand.Rand
	on        bool
	lastKill  map[string]time.Time
	kills     map[string]int // by the operation that the process was in
	fired     map[string]int // other faults, by operation and kind
	wantKills map[string]int
	spared    map[string]bool // connections whose next call gets through
}

// The operations by which the processor and the publisher hold a batch.
const (
	putItem      = "PutItem"
	publishBatch = "PublishBatch"
	sendMessage  = "SendMessage"
)

func startProxy(t *testing.T) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		port: listener.Addr().(*net.TCPAddr).Port,
		rng:  rand.New(rand.NewPCG(1, 2)), lastKill: map[string]time.Time{}, kills: map[string]int{}, fired: map[string]int{}, spared: map[string]bool{},
	}
	p.Server = &http.Server{Handler: p}
	go func() { _ = p.Serve(listener) }()
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// to says where calls go. The emulator is started after the proxy, whose address it gives to the
// Lambdas.
func (p *proxy) to(endpoint string) error {
	target, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	p.forward = httputil.NewSingleHostReverseProxy(target)
	p.forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	return nil
}

// begin lets calls fail and processes be killed, as many as kills says by operation.
func (p *proxy) begin(kills map[string]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on, p.wantKills = true, kills
}

// end stops all that, and gives the counts.
func (p *proxy) end() (kills, fired map[string]int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = false
	return maps.Clone(p.kills), maps.Clone(p.fired)
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the process is gone
	}
	again := func() { r.Body = io.NopCloser(bytes.NewReader(body)); r.ContentLength = int64(len(body)) }
	again()
	operation := operationOf(r, body)
	switch fault := p.choose(operation, r.RemoteAddr); fault {
	case "":
		p.forward.ServeHTTP(w, r)
	case "kill before":
		p.kill(r, operation)
	case "kill during":
		p.forward.ServeHTTP(discard{http.Header{}}, r)
		p.kill(r, operation)
	case "answer lost":
		p.forward.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler) // closes the connection
	case "slow":
		time.Sleep(2 * time.Second) // longer than an attempt of the function's clients may take
		p.forward.ServeHTTP(w, r)
	case "throttled":
		refuse(w, operation, http.StatusBadRequest, map[string]string{
			putItem: "ThrottlingException", publishBatch: "Throttling", sendMessage: "RequestThrottled"}[operation])
	case "server error":
		refuse(w, operation, http.StatusInternalServerError, "InternalServerError")
	case "access denied":
		refuse(w, operation, http.StatusForbidden, map[string]string{
			putItem: "AccessDeniedException", publishBatch: "AuthorizationError", sendMessage: "AccessDenied"}[operation])
	case "entry fails":
		p.failEntry(w, r, body)
	}
}

// operationOf names the AWS call: DynamoDB and SQS say it in a header, SNS in the form.
func operationOf(r *http.Request, body []byte) string {
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return operation
	}
	form, _ := url.ParseQuery(string(body))
	return form.Get("Action")
}

// choose draws the fault of a call, "" for none.
func (p *proxy) choose(operation, connection string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	chance, handlers := map[string]float64{putItem: 0.02, publishBatch: 0.1, sendMessage: 0.05}[operation]
	if !p.on || !handlers {
		return ""
	}
	if p.spared[connection] {
		// The publisher's own retry of an entry: were it to fail too, the answer would be a partial one.
		delete(p.spared, connection)
		return ""
	}
	if p.kills[operation] < p.wantKills[operation] && time.Since(p.lastKill[operation]) > 250*time.Millisecond {
		p.lastKill[operation] = time.Now()
		return []string{"kill before", "kill during"}[p.rng.IntN(2)]
	}
	if p.rng.Float64() > chance {
		return ""
	}
	faults := []string{"throttled", "server error", "access denied", "answer lost", "slow"}
	if operation == publishBatch {
		faults = append(faults, "entry fails")
	}
	fault := faults[p.rng.IntN(len(faults))]
	p.fired[operation+" "+fault]++
	p.spared[connection] = fault == "entry fails"
	return fault
}

// kill ends the process whose call this is, so that a kill never meets an idle one.
func (p *proxy) kill(r *http.Request, operation string) {
	_, port, _ := net.SplitHostPort(r.RemoteAddr)
	connections, err := psnet.Connections("tcp")
	if err != nil {
		panic(fmt.Sprintf("list the connections of this machine: %v", err))
	}
	for _, c := range connections {
		if strconv.Itoa(int(c.Laddr.Port)) == port && int(c.Raddr.Port) == p.port && c.Pid > 0 {
			if err := syscall.Kill(int(c.Pid), syscall.SIGKILL); err == nil {
				p.mu.Lock()
				p.kills[operation]++
				p.mu.Unlock()
			}
		}
	}
	panic(http.ErrAbortHandler)
}

// failEntry forwards a PublishBatch without its first entry, which the answer then names as failed.
func (p *proxy) failEntry(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		panic(err)
	}
	const entry = "PublishBatchRequestEntries.member."
	rest := url.Values{}
	for name, values := range form {
		if !strings.HasPrefix(name, entry) {
			rest[name] = values
			continue
		}
		number, field, _ := strings.Cut(strings.TrimPrefix(name, entry), ".")
		n, err := strconv.Atoi(number)
		if err != nil {
			panic(err)
		}
		if n > 1 {
			rest[fmt.Sprintf("%s%d.%s", entry, n-1, field)] = values
		}
	}
	failed := `<Failed><member><Id>` + form.Get(entry+"1.Id") + `</Id><Code>InternalError</Code><SenderFault>false</SenderFault></member></Failed>`
	if rest.Get(entry+"1.Id") == "" { // it was the only one
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Successful/>%s</PublishBatchResult></PublishBatchResponse>`, failed)
		return
	}
	encoded := rest.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(encoded)), int64(len(encoded))
	answer := &recorder{header: http.Header{}}
	p.forward.ServeHTTP(answer, r)
	text := strings.NewReplacer("<Failed/>", "", "<Failed></Failed>", "", "<Failed />", "").Replace(answer.String())
	text = strings.Replace(text, "</PublishBatchResult>", failed+"</PublishBatchResult>", 1)
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, text)
}

// refuse answers with an error as the service would.
func refuse(w http.ResponseWriter, operation string, status int, code string) {
	if operation == publishBatch {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>%s</Code><Message>injected</Message></Error></ErrorResponse>`, code)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"__type":"com.amazonaws#%s","message":"injected"}`, code)
}

// discard is the answer that nobody gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// recorder keeps an answer, to change it.
type recorder struct {
	bytes.Buffer
	header http.Header
	status int
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }
