package order

// Code is why a document was refused. Codes never change: they are kept in the
// table and travel with the document.
type Code string

const (
	// NotJSON: not one JSON value in valid UTF-8 (RFC 8259).
	NotJSON Code = "not-json"
	// EmptyBatch: an array without elements.
	EmptyBatch Code = "empty-batch"
	// BatchTooLong: an array of more than [MaxMessageOrders] elements.
	BatchTooLong Code = "batch-too-long"
	// DuplicateMember: an object has two members of one name.
	DuplicateMember Code = "duplicate-member"
	// TooDeep: nested deeper than [MaxDepth].
	TooDeep Code = "too-deep"
	// Invalid: it does not fit the schema, or has a number beyond
	// [MaxNumberLength] or [MaxExponent].
	Invalid Code = "invalid"
	// TooLarge: larger than what the topic could publish.
	TooLarge Code = "too-large"
	// Conflict: another document is stored under this order id.
	Conflict Code = "conflict"
	// Internal: a fault in the processing, not in the document.
	Internal Code = "internal"
)

// MaxPointerLength bounds [Refusal.Pointer], in bytes.
const MaxPointerLength = 256

// Refusal is why a document is not an order. It is safe to log and to send as a
// message attribute: it holds no text that was chosen by whoever wrote the document.
type Refusal struct {
	Code Code
	// Pointer is the JSON pointer (RFC 6901) of the first problem; of a missing
	// member, where it should be; "" is the whole document. It consists of indexes and of
	// member names that the schema itself has. An unknown member's name is
	// content: the pointer ends before it, and before it is longer than
	// [MaxPointerLength], and so leads to what is around the problem.
	Pointer string
}

// Error names the code and the pointer.
func (r *Refusal) Error() string {
	if r.Pointer == "" {
		return "order refused: " + string(r.Code)
	}
	return "order refused: " + string(r.Code) + " at " + r.Pointer
}
