package orderapi

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// AccessLogs is where a line for each call goes: [AccessLogsTo] or [AccessLogsKept]. A line is JSON, and holds neither
// order nor order id. API Gateway writes it with a role that is one an account and region (AWS::ApiGateway::Account): in an
// account that never set it, the deployment of a stage with access logs fails. A warning at synth says so.
type AccessLogs interface {
	validate(errs *check.Errors)
	group(api *OrderAPI) awslogs.ILogGroup
}

// AccessLogsTo writes to a log group that is there.
func AccessLogsTo(group awslogs.ILogGroup) AccessLogs { return accessLogsTo{group} }

type accessLogsTo struct{ to awslogs.ILogGroup }

func (l accessLogsTo) validate(errs *check.Errors) {
	if l.to == nil {
		errs.Addf("AccessLogs", check.Verbatim("AccessLogsTo(nil)"), "needs the log group")
	}
}
func (l accessLogsTo) group(*OrderAPI) awslogs.ILogGroup { return l.to }

// AccessLogsKept writes to a log group of the construct's, see [OrderAPI.AccessLogGroup], and keeps the lines for that long.
func AccessLogsKept(retention awslogs.RetentionDays) AccessLogs { return accessLogsKept(retention) }

type accessLogsKept awslogs.RetentionDays

func (l accessLogsKept) validate(errs *check.Errors) {
	if l == "" {
		errs.Addf("AccessLogs", check.Verbatim(`AccessLogsKept("")`), "needs a retention: lines with the callers' addresses are not kept for ever by oversight")
	}
}

func (l accessLogsKept) group(api *OrderAPI) awslogs.ILogGroup {
	return awslogs.NewLogGroup(api, jsii.String("AccessLogs"), &awslogs.LogGroupProps{
		Retention:     awslogs.RetentionDays(l),
		RemovalPolicy: api.settings.Pipeline.RemovalPolicy(),
	})
}

// accessLine names the resource, not the path, which may hold an order id; and the kind of an error, not its words, which
// may hold quotes.
const accessLine = `{"requestId":"$context.requestId","time":"$context.requestTimeEpoch","ip":"$context.identity.sourceIp","caller":"$context.identity.caller",` +
	`"method":"$context.httpMethod","resource":"$context.resourcePath","status":"$context.status","responseBytes":"$context.responseLength",` +
	`"milliseconds":"$context.responseLatency","integrationStatus":"$context.integration.status","integrationMilliseconds":"$context.integration.latency",` +
	`"error":"$context.error.responseType"}`

// logAccess completes the stage.
func (a *OrderAPI) logAccess(stage *awsapigateway.StageOptions) {
	if a.settings.AccessLogs == nil {
		return
	}
	a.accessLogs = a.settings.AccessLogs.group(a)
	stage.AccessLogDestination = awsapigateway.NewLogGroupLogDestination(a.accessLogs)
	stage.AccessLogFormat = awsapigateway.AccessLogFormat_Custom(jsii.String(accessLine))
	awscdk.Annotations_Of(a).AddWarningV2(jsii.String("orderapi:accessLogsRole"), jsii.String(
		"Access logs need the account's API Gateway role for CloudWatch (AWS::ApiGateway::Account, CloudWatchRoleArn), one an account and region; without it, the deployment of the stage fails. "+
			"Once it is set, take this warning away: Annotations_Of(api).AcknowledgeWarning."))
}
