// Package order defines the order document: its schema, its validation, its hash
// and its event. It imports nothing of AWS.
//
//	schema := order.DefaultSchema()
//	documents, _, refusal := order.Split(message)
//	if refusal != nil {
//		return refusal
//	}
//	for _, document := range documents {
//		o, refusal := schema.Parse(document)
//		if refusal != nil {
//			log.Print(refusal) // "order refused: invalid at /items/0/quantity"
//			continue
//		}
//		store(o.ID, o.Hash, o.Document)
//	}
//
// A document is never decoded and encoded again: [Order.Document] and the data
// of an event are the bytes that were received. The id, the hash and the schema's
// verdict come from one parse, so that they cannot disagree.
//
// A document is refused, in this order of checks, when it is not JSON
// ([NotJSON]), nested deeper than [MaxDepth] ([TooDeep]), has two members of one
// name in an object ([DuplicateMember]), or has a number beyond the limits or
// does not fit the schema ([Invalid]). A [Refusal] never holds any content of the
// document.
package order
