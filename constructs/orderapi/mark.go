package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// mark lets the operator's command find the API of a pipeline; see [contract.Mark]. It is on the
// permission that API Gateway has for a method of the status function.
func (a *OrderAPI) mark(method awsapigateway.Method) {
	m := contract.Mark{
		Pipeline:       *a.settings.Pipeline.Node().Path(),
		StatusFunction: *a.status.FunctionName(),
		APIID:          *a.api.RestApiId(),
		APIName:        *a.api.RestApiName(),
		Path:           a.settings.Path,
	}
	if stage := a.stageName(); stage != nil {
		m.Stage = *stage
	}
	for _, child := range *method.Node().Children() {
		if permission, ok := child.(awslambda.CfnPermission); ok {
			permission.AddMetadata(jsii.String(contract.MetadataKey), m.Metadata())
			return
		}
	}
}
