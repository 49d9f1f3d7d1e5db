package main

// mutant is one way to break the code. See mutate for how old and replacement are matched.
type mutant struct {
	name             string
	function         string // the import path below the module, then ".Type.Method" or ".Function"
	old, replacement string
	invariant        string   // that the mutant must violate
	imports          []string // that the replacement needs
}

const (
	processor  = "lambdas/processor"
	publisher  = "lambdas/publisher"
	publishing = "internal/publishing"
	function   = "lambdas/internal/function"
)

var mutants = []mutant{
	{"unconditional-put", processor + ".Handler.putNew",
		`ConditionExpression: aws.String(isNew),`, ``, "stored-once", nil},
	{"message-id-as-identity", processor + ".Handler.orderItem",
		`order.AttrOrderID: text($c.ID)`,
		`order.AttrOrderID: text($c.messageID)`, "stored-content", nil},
	{"no-partial-batch-answer", processor + ".Handler.Handle",
		`&& $failed == $messages`, `&& $failed > 0`, "neighbors", nil},
	{"partial-batch-answer-empty", processor + ".Handler.Handle",
		`$r.BatchItemFailures = append($r.BatchItemFailures,
			events.SQSBatchItemFailure{ItemIdentifier: $m.MessageId})`,
		`_ = $m`, "accounted", nil},
	{"success-after-failed-put", processor + ".Handler.order",
		`:= $h.commit($ctx, $c) if err != nil { return err }`,
		`:= $h.commit($ctx, $c); if err != nil { return nil }`, "accounted", nil},
	{"acknowledge-after-failed-reject", processor + ".Handler.reject",
		`if err != nil { return err } $total.refuse`,
		`if err != nil { return nil }; $total.refuse`, "accounted", nil},
	{"reject-before-the-refusal-is-written", processor + ".Handler.commitRefusal",
		`:= $h.putNewUnless($ctx, $i, $check) if err != nil { return outcome{}, err }`,
		`:= $h.putNewUnless($ctx, $i, $check); if err != nil { return refusedAs(refusal), nil }`,
		"accounted", nil},
	{"failed-entries-ignored", publishing + ".run.try",
		`case $published[$e.id()]:`, `case true:`, "published", nil},
	{"last-failed-sequence-number", publishing + ".lowest",
		`min(`, `max(`, "published", nil},
	{"conflict-taken-for-duplicate", processor + ".Handler.commitTaken",
		`return $h.commitRefusal($ctx, $c, &order.Refusal{Code: order.Conflict})`,
		`return outcome{verdict: duplicate}, nil`, "accounted", nil},
	{"compare-by-id-only", processor + ".Handler.sameDocument",
		`return $hash == $o.Hash, nil`, `return true, nil`, "accounted", nil},
	{"event-time-is-now", publishing + ".Publisher.Event",
		`.Encode($s.OrderID, $s.StoredAt,`,
		`.Encode($s.OrderID, time.Now().Format(time.RFC3339Nano),`,
		"event-bytes", []string{"time"}},
	{"event-id-is-new-each-time", publishing + ".Publisher.Event",
		`$p.Format.Encode($s.OrderID, $s.StoredAt, $document)`,
		`bytes.Replace($p.Format.Encode($s.OrderID, $s.StoredAt, $document),
			[]byte(order.EventID($s.OrderID)), fmt.Append(nil, time.Now().UnixNano()), 1)`,
		"event-bytes", []string{"bytes", "fmt", "time"}},
	{"document-re-encoded", processor + ".Handler.orderItem",
		`text(string($c.Document))`,
		`text(func() string {
			var v any
			_ = json.Unmarshal($c.Document, &v)
			b, _ := json.Marshal(v)
			return string(b)
		}())`, "stored-content", []string{"encoding/json"}},
	{"on-failure-after-access-denied", publishing + ".invalidCode",
		`return $code == "InvalidParameter"`,
		`return $code == "AuthorizationError" || $code == "InvalidParameter"`, "on-failure", nil},
	{"on-failure-after-throttling", publishing + ".invalidCode",
		`return $code == "InvalidParameter"`,
		`return $code == "ThrottlingException" || $code == "InvalidParameter"`, "on-failure", nil},
	{"deadline-ignored", function + ".TimeLeft",
		`< contract.CallBudget`, `< -contract.CallBudget`, "deadline", nil},
	{"rest-of-batch-dropped-after-refusal", processor + ".Handler.message",
		`if errors.Is(err, function.ErrOutOfTime)`,
		`if len(total.refused) > 0 || errors.Is(err, function.ErrOutOfTime)`, "accounted", nil},
	{"only-the-first-order-of-a-batch-can-fail", processor + ".Handler.message",
		`if err != nil && $first == nil`, `if err != nil && $first == nil && i == 0`,
		"accounted", nil},
	{"rejected-document-changed", processor + ".Handler.reject",
		`aws.String(string($c.Document))`, `aws.String(string($c.Document) + " ")`,
		"refused-content", nil},
	{"panic-in-a-call-is-a-refusal", processor + ".Handler.order",
		`err = fmt.Errorf("panic: %T", $p)`,
		`_ = fmt.Sprint
		err = h.reject(ctx, h.validate(from, document), &order.Refusal{Code: "boom"}, total)`,
		"refused-content", nil},
	{"no-refusal-in-the-table", processor + ".Handler.commitRefusal",
		`if $c.ID == ""`, `if $c.ID != "?"`, "accounted", nil},
	{"failure-record-not-awaited", publishing + ".run.chunk",
		`$err := $r.handOver($ctx, $e); $err != nil`,
		`$err := $r.handOver($ctx, $e); $err != nil && $r.Topic == nil`, "published", nil},
	{"publisher-error-swallowed", publisher + ".Handler.Handle",
		`return $response, fmt.Errorf("none of %d records could be published: %w", len($records), err)`,
		`_ = fmt.Sprint
		return $response, nil`, "published", nil},
	{"every-item-of-the-table-is-an-order", publisher + ".Handler.events",
		`|| textOf($image, order.AttrKind) != order.KindOrder`, ``, "on-failure", nil},
	{"refusal-keyed-by-message", processor + ".Handler.refusalItem",
		`order.RefusalItem($hash)`, `order.RefusalItem(c.messageID)`, "refused-once", nil},
	{"step-decides-anew-each-time", processor + ".Handler.commit",
		`case $h.Step != nil:`, `case false:`, "refused-and-stored", nil},
	{"refusal-of-what-is-stored", processor + ".Handler.commitRefusal",
		`if $found.other != nil`, `if $found.other != nil && h == nil`, "refused-reason", nil},
	{"a-call-larger-than-the-topic-takes", publishing + ".run.all",
		`$size+$e.Size > $r.MaxEventBytes`, `$size+$e.Size < 0`, "publish", nil},
	{"step-output-in-the-document", processor + ".Handler.orderItem",
		`text(string($c.Document))`,
		`text(string(append($c.Document[:len($c.Document):len($c.Document)], $c.output...)))`,
		"stored-content", nil},
	{"step-error-taken-for-a-refusal", processor + ".Handler.runStep",
		`return $c, fmt.Errorf("the step failed: %T", err)`,
		`$c.refusal = &order.Refusal{Code: order.Internal}
		return $c, nil`, "refused-content", nil},
	{"refused-for-another-reason-than-the-table-says", processor + ".Handler.commitRefusal",
		`return refusedAs(refusalOf($earlier)), nil`, `_ = refusalOf($earlier)`,
		"refused-reason", nil},
	{"empty-batch-acknowledged-silently", processor + ".Handler.message",
		`$total.malformed++`,
		`$total.malformed++
		if refusal.Code == order.EmptyBatch {
			return nil
		}`, "accounted", nil},
}
