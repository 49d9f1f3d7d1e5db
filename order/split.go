package order

const (
	// MaxBatchOrders is the most orders in one API call.
	MaxBatchOrders = 25
	// MaxMessageOrders is the most orders in one array on the queue. A message is
	// processed or delivered again as a whole, so all its orders must fit into one
	// invocation of the processor even when the calls are slow: 100 orders with
	// three calls each, in 24 s, leave 80 ms per call.
	MaxMessageOrders = 100
)

// Split returns the order documents of a queue message: the body itself or, if it
// is an array, its elements, without the white space around them. They are slices
// of body; nothing is copied. batch reports whether body is an array.
//
// A refusal is of the whole message: [NotJSON], [EmptyBatch] or [BatchTooLong],
// without a pointer and without documents. Split does not check the documents.
func Split(body []byte) (documents [][]byte, batch bool, refusal *Refusal) {
	text := string(body)
	elements := 0
	_, ok := scan(text, func(name string, start, end int) {
		if name != "" {
			return
		}
		if elements++; elements <= MaxMessageOrders {
			documents = append(documents, body[start:end:end])
		}
	})
	switch {
	case !ok:
		return nil, false, &Refusal{Code: NotJSON}
	case text[skipSpace(text, 0)] != '[':
		return [][]byte{body}, false, nil
	case elements == 0:
		return nil, true, &Refusal{Code: EmptyBatch}
	case elements > MaxMessageOrders:
		return nil, true, &Refusal{Code: BatchTooLong}
	}
	return documents, true, nil
}
