package cost

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/dashboard"
)

// System is an environment as far as the bill depends on it.
type System struct {
	pipelines []pipeline
	alarms    float64 // metrics
	composite float64
	boards    []float64 // metrics of each dashboard
	keys      float64
	missing   []string
}

// pipeline is one OrderPipeline with its API.
type pipeline struct {
	id          string // the logical id of its processor
	maxMessage  float64
	mapping     mapping
	processor   function
	table       table
	publication mapping
	publisher   function
	topicKey    bool
	topics      []subscription
	api         *api
	keyedQueue  bool
}

type mapping struct {
	batch, window, parallel float64
	maxConcurrency          bool
}

type function struct {
	memoryMiB     float64
	arm           bool
	traced        bool
	platformLines bool // platform.start and platform.report are written
	platformJSON  bool
	info          bool // the application's lines of level INFO are written
	metrics       bool
	retention     float64 // of the log, in days; 0 is forever
}

type table struct {
	indexes  []index
	replicas float64 // beside the table's own region
	recovery bool
	keyed    bool
}

// index is a secondary index: full when it holds the document.
type index struct{ full bool }

type subscription struct {
	protocol string
	ownQueue bool // the queue is in the templates
}

type api struct {
	status     *function
	accessLine float64 // bytes of an access log line's format; 0: no access logs
	traced     bool
}

// protocols are those of subscriptions that the bill has lines for.
var protocols = []string{"sqs", "lambda", "http", "https", "email", "email-json"}

type resource struct {
	Type       string
	Properties map[string]any
}

// Read reads the CloudFormation templates of an environment, in JSON.
func Read(templates ...[]byte) (*System, error) {
	resources := map[string]resource{}
	s := &System{}
	for i, t := range templates {
		var parsed struct{ Resources map[string]resource }
		if err := json.Unmarshal(t, &parsed); err != nil {
			return nil, fmt.Errorf("template %d: not JSON: %w", i+1, err)
		}
		if len(parsed.Resources) == 0 {
			return nil, fmt.Errorf("template %d: no Resources (not a CloudFormation template)", i+1)
		}
		for id, r := range parsed.Resources {
			// Two templates can have the same logical id; only the references within one count.
			for resources[id].Type != "" {
				id += "'"
			}
			resources[id] = r
		}
		if err := s.dashboards(t, parsed.Resources); err != nil {
			return nil, fmt.Errorf("template %d: %w", i+1, err)
		}
	}
	s.missing = missing(resources)
	for _, r := range resources {
		switch r.Type {
		case "AWS::CloudWatch::Alarm":
			s.alarms += alarmMetrics(r.Properties)
		case "AWS::CloudWatch::CompositeAlarm":
			s.composite++
		case "AWS::KMS::Key":
			s.keys++
		}
	}
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		if env := environment(resources[id]); env[contract.EnvRejectedQueueURL] != nil {
			s.pipelines = append(s.pipelines, newPipeline(resources, id))
		}
	}
	if len(s.pipelines) == 0 {
		return nil, errors.New("no OrderPipeline in the templates (a function with " +
			contract.EnvRejectedQueueURL + " in its environment)")
	}
	return s, nil
}

// dashboards counts the metrics of each dashboard of a template.
func (s *System) dashboards(template []byte, resources map[string]resource) error {
	for _, r := range resources {
		if r.Type != "AWS::CloudWatch::Dashboard" {
			continue
		}
		d, err := dashboard.FromTemplate(template, dashboard.Values{})
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, w := range d.Widgets {
			for _, m := range w.Metrics {
				if m.Expression == "" {
					seen[fmt.Sprint(m.Namespace, m.Name, m.Dimensions)] = true
				}
			}
		}
		s.boards = append(s.boards, float64(len(seen)))
	}
	return nil
}

// alarmMetrics is what an alarm is billed for: each metric in metric math, three for anomaly
// detection (the metric and its band) and for a period below a minute (high resolution).
func alarmMetrics(p map[string]any) float64 {
	metrics := list(p["Metrics"])
	if len(metrics) == 0 {
		if period := number(p["Period"], 60); period < 60 {
			return 3
		}
		return 1
	}
	n := 0.0
	for _, m := range metrics {
		if stat := object(object(m)["MetricStat"]); len(stat) > 0 {
			n++
			if number(stat["Period"], 60) < 60 {
				n += 2
			}
		}
	}
	if p["ThresholdMetricId"] != nil {
		n *= 3
	}
	return n
}

func newPipeline(all map[string]resource, processor string) pipeline {
	environ := environment(all[processor])
	p := pipeline{
		id: processor, processor: newFunction(all, processor),
		maxMessage: contract.MaxMessageBytes,
	}
	tableID := reference(environ[contract.EnvTableName])
	p.table = newTable(all[tableID].Properties)
	source, queueID := mappingOf(all, processor)
	p.mapping = newMapping(source, contract.QueueBatchSize)
	if queue, found := all[queueID]; found {
		p.maxMessage = number(queue.Properties["MaximumMessageSize"], contract.MaxMessageBytes)
		p.keyedQueue = queue.Properties["KmsMasterKeyId"] != nil
	}
	publisher := publisherOf(all, tableID)
	p.publisher = newFunction(all, publisher)
	source, _ = mappingOf(all, publisher)
	p.publication = newMapping(source, contract.StreamBatchSize)
	topicID := reference(environment(all[publisher])[contract.EnvTopicARN])
	p.topicKey = all[topicID].Properties["KmsMasterKeyId"] != nil
	p.topics = subscriptions(all, topicID)
	p.api = newAPI(all, queueID, tableID)
	return p
}

// publisherOf is the function that reads a table's stream: the one whose mapping says so, or the
// only one there is.
func publisherOf(all map[string]resource, tableID string) string {
	var found []string
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if environment(all[id])[contract.EnvOnFailureQueueURL] == nil {
			continue
		}
		if _, source := mappingOf(all, id); tableID != "" && source == tableID {
			return id
		}
		found = append(found, id)
	}
	if len(found) == 1 {
		return found[0]
	}
	return ""
}

// mappingOf is the event source mapping of a function, with the logical id of its source.
func mappingOf(all map[string]resource, functionID string) (map[string]any, string) {
	for _, id := range slices.Sorted(maps.Keys(all)) {
		p := all[id].Properties
		if all[id].Type == "AWS::Lambda::EventSourceMapping" &&
			reference(p["FunctionName"]) == functionID {
			return p, reference(p["EventSourceArn"])
		}
	}
	return nil, ""
}

func newMapping(p map[string]any, batch float64) mapping {
	return mapping{
		batch:          number(p["BatchSize"], batch),
		window:         number(p["MaximumBatchingWindowInSeconds"], 0),
		parallel:       number(p["ParallelizationFactor"], 1),
		maxConcurrency: object(p["ScalingConfig"])["MaximumConcurrency"] != nil,
	}
}

func newFunction(all map[string]resource, id string) function {
	p := all[id].Properties
	logging := object(p["LoggingConfig"])
	asJSON := text(logging["LogFormat"]) == "JSON"
	f := function{
		memoryMiB:    number(p["MemorySize"], 128),
		arm:          slices.Contains(list(p["Architectures"]), any("arm64")),
		traced:       text(object(p["TracingConfig"])["Mode"]) == "Active",
		platformJSON: asJSON,
		// In text format the platform's lines cannot be left out.
		platformLines: !asJSON || text(logging["SystemLogLevel"]) != "WARN",
		info: !asJSON || !slices.Contains([]string{"WARN", "ERROR", "FATAL"},
			text(logging["ApplicationLogLevel"])),
		metrics: text(environment(all[id])[contract.EnvMetrics]) != contract.MetricsOff,
	}
	if group := reference(logging["LogGroup"]); group != "" {
		f.retention = number(all[group].Properties["RetentionInDays"], 0)
	}
	return f
}

func newTable(p map[string]any) table {
	t := table{keyed: text(object(p["SSESpecification"])["SSEType"]) == "KMS"}
	for _, name := range []string{"GlobalSecondaryIndexes", "LocalSecondaryIndexes"} {
		for _, i := range list(p[name]) {
			projection := text(object(object(i)["Projection"])["ProjectionType"])
			t.indexes = append(t.indexes, index{full: projection == "ALL"})
		}
	}
	recovery := func(v any) bool {
		spec := object(object(v)["PointInTimeRecoverySpecification"])
		return truth(spec["PointInTimeRecoveryEnabled"])
	}
	t.recovery = recovery(p)
	for i, replica := range list(p["Replicas"]) {
		t.recovery = t.recovery || recovery(replica)
		if i > 0 {
			t.replicas++
		}
	}
	return t
}

func subscriptions(all map[string]resource, topicID string) (found []subscription) {
	for _, id := range slices.Sorted(maps.Keys(all)) {
		r := all[id]
		if r.Type == "AWS::SNS::Subscription" && topicID != "" &&
			reference(r.Properties["TopicArn"]) == topicID {
			queue := all[reference(r.Properties["Endpoint"])]
			found = append(found, subscription{
				protocol: text(r.Properties["Protocol"]), ownQueue: queue.Type == "AWS::SQS::Queue",
			})
		}
	}
	return found
}

// newAPI is the API whose methods send to a queue.
func newAPI(all map[string]resource, queueID, tableID string) *api {
	var rest string
	for _, id := range slices.Sorted(maps.Keys(all)) {
		r := all[id]
		if r.Type == "AWS::ApiGateway::Method" && queueID != "" &&
			slices.Contains(references(r.Properties["Integration"]), queueID) {
			rest = reference(r.Properties["RestApiId"])
		}
	}
	if rest == "" {
		return nil
	}
	a := &api{}
	for id, r := range all {
		switch {
		case r.Type == "AWS::ApiGateway::Stage" && reference(r.Properties["RestApiId"]) == rest:
			a.traced = truth(r.Properties["TracingEnabled"])
			a.accessLine = float64(len(text(object(r.Properties["AccessLogSetting"])["Format"])))
		case r.Type == "AWS::Lambda::Function":
			e := environment(r)
			if e[contract.EnvRejectedQueueURL] == nil && e[contract.EnvTableName] != nil &&
				reference(e[contract.EnvTableName]) == tableID {
				f := newFunction(all, id)
				a.status = &f
			}
		}
	}
	return a
}

// The following read values of a template. What has another type is as if it were not there.

func environment(r resource) map[string]any {
	if r.Type != "AWS::Lambda::Function" {
		return nil
	}
	return object(object(r.Properties["Environment"])["Variables"])
}

func object(v any) map[string]any { o, _ := v.(map[string]any); return o }
func list(v any) []any            { l, _ := v.([]any); return l }
func text(v any) string           { s, _ := v.(string); return s }
func truth(v any) bool            { b, _ := v.(bool); return b }

func number(v any, missing float64) float64 {
	if n, ok := v.(float64); ok {
		return n
	}
	return missing
}

// reference is the logical id that a Ref or a Fn::GetAtt names.
func reference(v any) string {
	o := object(v)
	if ref := text(o["Ref"]); ref != "" {
		return ref
	}
	if attribute := list(o["Fn::GetAtt"]); len(attribute) > 0 {
		return text(attribute[0])
	}
	name, _, _ := strings.Cut(text(o["Fn::GetAtt"]), ".")
	return name
}

// references are the logical ids that a value names anywhere in it.
func references(v any) (ids []string) {
	if id := reference(v); id != "" {
		return []string{id}
	}
	for _, child := range object(v) {
		ids = append(ids, references(child)...)
	}
	for _, child := range list(v) {
		ids = append(ids, references(child)...)
	}
	return ids
}
