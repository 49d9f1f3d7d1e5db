package contract

// WriteOperations lists the operations of DynamoDB by which the processor writes orders and
// refusals. DynamoDB keeps its error and latency metrics per operation (Amazon DynamoDB, "DynamoDB
// metrics and dimensions").
func WriteOperations() []string {
	return []string{"PutItem", "TransactWriteItems", "BatchExecuteStatement"}
}
