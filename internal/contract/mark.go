package contract

import "encoding/json"

// MetadataKey is the name under which the constructs write a [Mark] into the metadata of a
// CloudFormation resource. The operator's command finds a pipeline in any stack by its marks.
const MetadataKey = "OrderPipeline"

// Mark describes a pipeline, an API or a subscriber. The constructs write it on resources that
// nothing depends on and that depend on these parts anyway: the publisher's event source mapping,
// the permission of API Gateway to call the status function, and the SNS subscription. So a mark
// adds no cycle to a template. CloudFormation resolves the references in it when it returns the
// metadata of a resource (DescribeStackResource).
type Mark struct {
	// Pipeline is the construct path of the pipeline. It connects the marks of a pipeline.
	Pipeline string `json:"pipeline"`

	// ID is the path of the pipeline below its stack, for the flag --pipeline. This field and the
	// next ones are set in the mark of a pipeline only.
	ID                 string `json:"id,omitempty"`
	QueueURL           string `json:"queueUrl,omitempty"`           // and that of a subscriber queue
	DeadLetterQueueURL string `json:"deadLetterQueueUrl,omitempty"` // of a subscriber too
	RejectedQueueURL   string `json:"rejectedQueueUrl,omitempty"`
	OnFailureQueueURL  string `json:"onFailureQueueUrl,omitempty"`
	TableName          string `json:"tableName,omitempty"`
	TopicARN           string `json:"topicArn,omitempty"`
	ProcessorFunction  string `json:"processorFunction,omitempty"`
	PublisherFunction  string `json:"publisherFunction,omitempty"`

	// Subscriber is the id of a subscriber.
	Subscriber string `json:"subscriber,omitempty"`

	// StatusFunction and the next fields are those of an API. Stage and APIName, which its metrics
	// have, are empty when the construct does not know them. Path is what stands between the stage
	// and /orders.
	StatusFunction string `json:"statusFunction,omitempty"`
	APIID          string `json:"apiId,omitempty"`
	APIName        string `json:"apiName,omitempty"`
	Stage          string `json:"stage,omitempty"`
	Path           string `json:"path,omitempty"`
}

// Metadata returns the mark as the CDK takes it.
func (m Mark) Metadata() map[string]any {
	text, err := json.Marshal(m)
	values := map[string]any{}
	if err == nil {
		err = json.Unmarshal(text, &values)
	}
	if err != nil { // a struct of strings always converts
		panic(err)
	}
	return values
}
