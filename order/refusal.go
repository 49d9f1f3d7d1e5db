package order

// Code says why a document was refused. Codes never change: they are kept in the
// table and sent along with the document.
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

// Refusal says why a document is not an order. It is safe to log and to send as a
// message attribute: it holds no content of the document.
type Refusal struct {
	// Code is the reason.
	Code Code
	// Pointer is the JSON pointer (RFC 6901) of the first problem. For a missing
	// member it is the place where the member should be; for the whole document it
	// is empty. It consists of indexes and of member names that the schema names.
	// The name of an unknown member is content, so the pointer ends before it. It
	// also ends before it would be longer than [MaxPointerLength].
	Pointer string
}

// Error returns the code and the pointer.
func (r *Refusal) Error() string {
	if r.Pointer == "" {
		return "order refused: " + string(r.Code)
	}
	return "order refused: " + string(r.Code) + " at " + r.Pointer
}
