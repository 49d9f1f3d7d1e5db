package contract

// Environment variables of the functions. The constructs set them; the handlers' FromEnvironment
// functions and the operator's replay read them.
const (
	// EnvTableName is the table of orders and refusals (processor, status).
	EnvTableName = "TABLE_NAME"
	// EnvRejectedQueueURL is the queue for refused documents (processor).
	EnvRejectedQueueURL = "REJECTED_QUEUE_URL"
	// EnvMaxDocumentBytes is the size limit of an order document, in bytes (processor).
	EnvMaxDocumentBytes = "MAX_DOCUMENT_BYTES"
	// EnvOrderIDField is the field that holds the order id; set only with a custom schema (processor).
	EnvOrderIDField = "ORDER_ID_FIELD"
	// EnvIndexedFields lists the document fields that are copied to attributes of the item,
	// separated by commas; optional (processor).
	EnvIndexedFields = "INDEXED_FIELDS"
	// EnvOrderTTLSeconds is how long an order is kept, in seconds; optional (processor).
	EnvOrderTTLSeconds = "ORDER_TTL_SECONDS"

	// EnvTopicARN is the topic of the events (publisher).
	EnvTopicARN = "TOPIC_ARN"
	// EnvOnFailureQueueURL is the queue for failure records (publisher).
	EnvOnFailureQueueURL = "ON_FAILURE_QUEUE_URL"
	// EnvMaxEventBytes is the topic's message size limit, in bytes (publisher).
	EnvMaxEventBytes = "MAX_EVENT_BYTES"
	// EnvEventSource is the CloudEvents source of the events (publisher).
	EnvEventSource = "EVENT_SOURCE"
	// EnvEventType is the CloudEvents type of the events (publisher).
	EnvEventType = "EVENT_TYPE"
	// EnvEventAttributes lists the document fields that become message attributes, separated by
	// commas; optional (publisher).
	EnvEventAttributes = "EVENT_ATTRIBUTES"

	// EnvCORSAllowOrigins lists the origins whose pages may read the answers, separated by commas;
	// optional (status).
	EnvCORSAllowOrigins = "CORS_ALLOW_ORIGINS"

	// EnvMetrics turns the custom metrics off with the value [MetricsOff]; optional (all functions).
	EnvMetrics = "METRICS"
	// MetricsOff is the value of EnvMetrics that turns the custom metrics off.
	MetricsOff = "off"
)

// SchemaFile is the file beside the processor's binary that holds a custom schema.
const SchemaFile = "order.schema.json"
