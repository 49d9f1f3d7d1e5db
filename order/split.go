package order

const (
	// MaxBatchOrders is how many orders one API call may bring.
	MaxBatchOrders = 25
	// MaxMessageOrders is how many orders one array on the queue may hold. A
	// message is processed as a whole or delivered again as a whole, so all its
	// orders must fit one invocation of the processor on a slow day: 100 of
	// them, three calls each, in 24 s leave 80 ms for a call.
	MaxMessageOrders = 100
)

// Split gives the order documents of a queue message: the body itself, or, if
// it is an array, its elements: each from its first byte to its last, without
// the white space around it. They are slices of body; nothing is copied. batch
// says whether body is an array.
//
// A refusal is of the whole message: [NotJSON], [EmptyBatch] or [BatchTooLong],
// with no pointer and no documents. Whether a document is any good is for Parse to say.
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
