package order

// Code says why a document was refused. Codes never change: they are kept in the
// table and sent along with the document.
type Code string

const (
	// NotJSON is a document that is not one JSON value in valid UTF-8 (RFC 8259).
	NotJSON Code = "not-json"
	// EmptyBatch is an array without elements.
	EmptyBatch Code = "empty-batch"
	// BatchTooLong is an array of more than [MaxMessageOrders] elements.
	BatchTooLong Code = "batch-too-long"
	// DuplicateMember is an object that has two members with the same name.
	DuplicateMember Code = "duplicate-member"
	// TooDeep is a document that is nested deeper than [MaxDepth].
	TooDeep Code = "too-deep"
	// Invalid is a document that does not fit the schema, or has a number beyond
	// [MaxNumberLength] or [MaxExponent].
	Invalid Code = "invalid"
	// TooLarge is a document whose event would exceed the topic's message size limit.
	TooLarge Code = "too-large"
	// Conflict is a document under whose order id another one is stored.
	Conflict Code = "conflict"
	// Internal is a document on which the processor, or a step, panicked.
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
