package main

// mutant is one way to break the code: what stands once in a file is replaced.
type mutant struct {
	name, file, old, new string
	invariant            string // that it must violate
	imports              []string
}

const (
	handler = "lambdas/processor/handler.go"
	msg     = "lambdas/processor/message.go"
	store   = "lambdas/processor/store.go"
	step    = "lambdas/processor/step.go"
	refuse  = "lambdas/processor/refuse.go"
	publish = "internal/publishing/publish.go"
	pubHand = "lambdas/publisher/handler.go"
	event   = "internal/publishing/event.go"
	limits  = "lambdas/internal/function/function.go"
)

var mutants = []mutant{
	{"unconditional-put", store,
		"\n\t\tConditionExpression:                 aws.String(isNew),", "", "stored-once", nil},
	{"message-id-as-identity", store,
		`order.AttrOrderID:     text(o.ID),`, `order.AttrOrderID:     text(from.messageID),`, "stored-content", nil},
	{"no-partial-batch-answer", handler,
		`len(response.BatchItemFailures) == len(event.Records)`, `len(response.BatchItemFailures) > 0`, "neighbours", nil},
	{"partial-batch-answer-empty", handler,
		`events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})`, `events.SQSBatchItemFailure{})
			response.BatchItemFailures = response.BatchItemFailures[:0]`, "accounted", nil},
	{"success-after-failed-put", msg,
		"settle(ctx, from, o, output, refusal)\n	if err != nil {\n		return err", "settle(ctx, from, o, output, refusal)\n	if err != nil {\n		return nil", "accounted", nil},
	{"acknowledge-after-failed-put-aside", refuse,
		"	if err == nil {\n		t.refuse(refusal.Code)\n	}\n	return err", "	if err == nil {\n		t.refuse(refusal.Code)\n	}\n	return nil", "accounted", nil},
	{"put-aside-before-the-refusal-is-written", store,
		"	if err != nil {\n		return refused, nil, err\n	}\n	if refusedBefore", "	if err != nil {\n		return refused, refusal, nil\n	}\n	if refusedBefore", "accounted", nil},
	{"failed-entries-ignored", publish,
		`case published[e.id()]:`, `case true:`, "published", nil},
	{"last-failed-sequence-number", publish,
		"low = min(low, e.index)", "low = max(low, e.index)", "published", nil},
	{"conflict-taken-for-duplicate", store,
		"return h.settleRefusal(ctx, from, o, &order.Refusal{Code: order.Conflict})", "return duplicate, nil, nil", "accounted", nil},
	{"compare-by-id-only", store,
		"return hash == o.Hash, nil", "return true, nil", "accounted", nil},
	{"event-time-is-now", event,
		"Encode(stored.OrderID, stored.StoredAt,", "Encode(stored.OrderID, time.Now().Format(time.RFC3339Nano),", "event-bytes", []string{"time"}},
	{"event-id-is-new-each-time", event,
		"p.Format.Encode(stored.OrderID, stored.StoredAt, document)",
		`bytes.Replace(p.Format.Encode(stored.OrderID, stored.StoredAt, document), []byte(order.EventID(stored.OrderID)), fmt.Append(nil, time.Now().UnixNano()), 1)`, "event-bytes", []string{"bytes", "fmt", "time"}},
	{"document-re-encoded", store,
		"text(string(o.Document)),", `text(func() string { var v any; _ = json.Unmarshal(o.Document, &v); b, _ := json.Marshal(v); return string(b) }()),`, "stored-content", []string{"encoding/json"}},
	{"put-aside-on-access-denied", publish,
		`code == "InvalidParameter" ||`, `code == "InvalidParameter" || code == "AuthorizationError" ||`, "put-aside", nil},
	{"put-aside-on-throttling", publish,
		`code == "InvalidParameter" ||`, `code == "InvalidParameter" || code == "ThrottlingException" ||`, "put-aside", nil},
	{"deadline-ignored", limits,
		"ok && deadline.Sub(now) < CallBudget", "ok && deadline.Sub(now) < -CallBudget", "deadline", nil},
	{"rest-of-batch-dropped-after-refusal", msg,
		"		if errors.Is(err, function.ErrOutOfTime) {", "		if len(t.refused) > 0 || errors.Is(err, function.ErrOutOfTime) {", "accounted", nil},
	{"rest-of-batch-dropped-after-failure", msg,
		"err != nil && first == nil {", "err != nil && first == nil && i == 0 {", "accounted", nil},
	{"whole-batch-array-put-aside", refuse,
		"MessageBody:       aws.String(string(o.Document)),", `MessageBody:       aws.String(string(o.Document) + " "),`, "refused-content", nil},
	{"panic-in-a-call-is-a-refusal", msg,
		`			err = fmt.Errorf("panic: %T", p) // the type only: a panic's text may hold parts of the order`,
		`			_ = fmt.Sprint
			again, _ := h.Schema.Parse(document)
			err = h.putAside(ctx, from, again, &order.Refusal{Code: "boom"}, t)`, "refused-content", nil},
	{"no-refusal-in-the-table", store,
		`if o.ID == "" {`, `if o.ID != "?" {`, "accounted", nil},
	{"put-aside-not-awaited", publish,
		"if failErr := r.handOver(ctx, e); failErr != nil {", "if failErr := r.handOver(ctx, e); failErr != nil && r.Topic == nil {", "published", nil},
	{"publisher-error-swallowed", pubHand,
		`return response, fmt.Errorf("none of %d records could be published: %w", len(records), err)`, "_ = fmt.Sprint\n		return response, nil", "published", nil},
	{"every-item-of-the-table-is-an-order", pubHand,
		" ||\n				textOf(image, order.AttrKind) != order.KindOrder {", " {", "put-aside", nil},
	{"refusal-keyed-by-message", refuse,
		"order.RefusalItem(hash)", "order.RefusalItem(from.messageID)", "refused-once", nil},
	{"step-decides-anew-each-time", store,
		"	if h.Step == nil {", "	if refusal == nil {", "refused-and-stored", nil},
	{"refusal-of-what-is-stored", store,
		"	if err == nil && storedBefore != nil {", "	if err == nil && storedBefore != nil && h == nil {", "refused-reason", nil},
	{"a-call-larger-than-the-topic-takes", publish,
		"size+e.Size > r.MaxEventBytes", "size+e.Size < 0", "publish", nil},
	{"step-output-in-the-document", store,
		"text(string(o.Document)),", "text(string(append(o.Document[:len(o.Document):len(o.Document)], output...))),", "stored-content", nil},
	{"step-error-taken-for-a-refusal", step,
		`return nil, nil, fmt.Errorf("the step failed: %T", err)`, `return nil, &order.Refusal{Code: order.Internal}, nil`, "refused-content", nil},
	{"refused-for-another-reason-than-the-table-says", store,
		"		refusal = refusalOf(refusedBefore)", "		_ = refusalOf(refusedBefore)", "refused-reason", nil},
	{"empty-batch-acknowledged-silently", msg,
		"		t.unsplit++\n", "		t.unsplit++\n		if refusal.Code == order.EmptyBatch {\n			return nil\n		}\n", "accounted", nil},
}
