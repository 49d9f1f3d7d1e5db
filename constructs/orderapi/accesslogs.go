package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// AccessLogs is where API Gateway writes a line for each request: [AccessLogsTo] or
// [AccessLogsKept]. A line is JSON, and holds neither the order nor its id. API Gateway needs a
// role for it that is set once per account and region (AWS::ApiGateway::Account). Without the role,
// the deployment of a stage with access logs fails; a warning at synth says so.
type AccessLogs interface {
	validate(errs *check.Errors)
	group(api *OrderAPI) awslogs.ILogGroup
}

// AccessLogsTo writes access logs to an existing log group.
func AccessLogsTo(group awslogs.ILogGroup) AccessLogs { return accessLogsTo{group} }

type accessLogsTo struct{ to awslogs.ILogGroup }

func (l accessLogsTo) validate(errs *check.Errors) {
	if l.to == nil {
		errs.Addf("AccessLogs", "AccessLogsTo has no log group")
	}
}
func (l accessLogsTo) group(*OrderAPI) awslogs.ILogGroup { return l.to }

// AccessLogsKept writes access logs to a log group that the construct makes with this retention.
// See [OrderAPI.AccessLogGroup].
func AccessLogsKept(retention awslogs.RetentionDays) AccessLogs { return accessLogsKept(retention) }

type accessLogsKept awslogs.RetentionDays

func (l accessLogsKept) validate(errs *check.Errors) {
	if l == "" {
		errs.Addf("AccessLogs", "AccessLogsKept has no retention "+
			"(access logs hold the callers' addresses, so they must expire)")
	}
}

func (l accessLogsKept) group(api *OrderAPI) awslogs.ILogGroup {
	return awslogs.NewLogGroup(api, jsii.String("AccessLogs"), &awslogs.LogGroupProps{
		Retention:     awslogs.RetentionDays(l),
		RemovalPolicy: api.settings.Pipeline.RemovalPolicy(),
	})
}

// accessLine has the resource, not the path, which can hold an order id, and the type of an error,
// not its message, which can hold quotes.
const accessLine = `{"requestId":"$context.requestId","time":"$context.requestTimeEpoch",` +
	`"ip":"$context.identity.sourceIp","caller":"$context.identity.caller",` +
	`"method":"$context.httpMethod","resource":"$context.resourcePath",` +
	`"status":"$context.status","responseBytes":"$context.responseLength",` +
	`"milliseconds":"$context.responseLatency",` +
	`"integrationStatus":"$context.integration.status",` +
	`"integrationMilliseconds":"$context.integration.latency",` +
	`"error":"$context.error.responseType"}`

// logAccess adds the access logs to the options of the stage.
func (a *OrderAPI) logAccess(stage *awsapigateway.StageOptions) {
	if a.settings.AccessLogs == nil {
		return
	}
	a.accessLogs = a.settings.AccessLogs.group(a)
	stage.AccessLogDestination = awsapigateway.NewLogGroupLogDestination(a.accessLogs)
	stage.AccessLogFormat = awsapigateway.AccessLogFormat_Custom(jsii.String(accessLine))
	awscdk.Annotations_Of(a).AddWarningV2(jsii.String("orderapi:accessLogsRole"), jsii.String(
		"Access logs need the API Gateway role for CloudWatch (AWS::ApiGateway::Account, "+
			"CloudWatchRoleArn), which is set once per account and region. Without it, the "+
			"deployment of the stage fails. Once it is set, acknowledge this warning: "+
			"Annotations_Of(api).AcknowledgeWarning."))
}
