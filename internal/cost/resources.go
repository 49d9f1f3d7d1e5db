package cost

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The resource types that the bill has lines for.
var priced = map[string]string{
	"AWS::ApiGateway::RestApi":        "requests",
	"AWS::ApiGateway::Stage":          "access logs, traces",
	"AWS::ApiGateway::Method":         "which queue the requests go to",
	"AWS::SQS::Queue":                 "requests, key requests",
	"AWS::Lambda::EventSourceMapping": "polls, batch sizes",
	"AWS::Lambda::Function":           "requests, duration, logs, traces, custom metrics",
	"AWS::Logs::LogGroup":             "stored log data",
	"AWS::DynamoDB::GlobalTable":      "writes, reads, storage, recovery",
	"AWS::DynamoDB::Table":            "writes, reads, storage, recovery",
	"AWS::SNS::Topic":                 "publishes, key requests",
	"AWS::SNS::Subscription":          "deliveries",
	"AWS::CloudWatch::Alarm":          "alarm metrics",
	"AWS::CloudWatch::CompositeAlarm": "alarms",
	"AWS::CloudWatch::Dashboard":      "dashboards",
	"AWS::KMS::Key":                   "keys",
}

// The resource types that cost nothing, with the page that says so.
var free = map[string]string{
	"AWS::ApiGateway::Account":          apiPricing,
	"AWS::ApiGateway::ApiKey":           apiPricing,
	"AWS::ApiGateway::Authorizer":       apiPricing,
	"AWS::ApiGateway::Deployment":       apiPricing,
	"AWS::ApiGateway::GatewayResponse":  apiPricing,
	"AWS::ApiGateway::Model":            apiPricing,
	"AWS::ApiGateway::RequestValidator": apiPricing,
	"AWS::ApiGateway::Resource":         apiPricing,
	"AWS::ApiGateway::UsagePlan":        apiPricing,
	"AWS::ApiGateway::UsagePlanKey":     apiPricing,
	"AWS::Budgets::Budget":              budgetPricing,
	"AWS::CDK::Metadata":                "https://docs.aws.amazon.com/cdk/v2/guide/usage-data.html",
	"AWS::CE::AnomalyMonitor":           anomalyPricing,
	"AWS::CE::AnomalySubscription":      anomalyPricing,
	"AWS::EC2::SecurityGroup":           "https://aws.amazon.com/vpc/pricing/",
	"AWS::IAM::ManagedPolicy":           iamPricing,
	"AWS::IAM::Policy":                  iamPricing,
	"AWS::IAM::Role":                    iamPricing,
	"AWS::KMS::Alias":                   "https://aws.amazon.com/kms/pricing/",
	"AWS::Lambda::Alias":                lambdaPricing,
	"AWS::Lambda::Permission":           lambdaPricing,
	"AWS::Lambda::Version":              lambdaPricing,
	"AWS::Logs::ResourcePolicy":         "https://aws.amazon.com/cloudwatch/pricing/",
	"AWS::SNS::TopicPolicy":             "https://aws.amazon.com/sns/pricing/",
	"AWS::SQS::QueuePolicy":             "https://aws.amazon.com/sqs/pricing/",
}

const (
	apiPricing     = "https://aws.amazon.com/api-gateway/pricing/"
	anomalyPricing = "https://aws.amazon.com/aws-cost-management/aws-cost-anomaly-detection/pricing/"
	budgetPricing  = "https://aws.amazon.com/aws-cost-management/aws-budgets/pricing/"
	iamPricing     = "https://aws.amazon.com/iam/"
	lambdaPricing  = "https://aws.amazon.com/lambda/pricing/"
)

// missing lists what the templates hold that the bill says nothing about.
func missing(resources map[string]resource) []string {
	counts := map[string]int{}
	for _, r := range resources {
		if priced[r.Type] == "" && free[r.Type] == "" {
			counts[r.Type]++
		}
	}
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%d × %s", counts[kind], kind))
	}
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		if setting := resources[id].unpriced(); setting != "" {
			all = append(all, id+": "+setting)
		}
	}
	return all
}

// unpriced names a setting that costs money and has no line.
func (r resource) unpriced() string {
	switch p := r.Properties; r.Type {
	case "AWS::ApiGateway::Stage":
		if truth(p["CacheClusterEnabled"]) {
			return "CacheClusterEnabled"
		}
	case "AWS::Lambda::EventSourceMapping":
		if p["ProvisionedPollerConfig"] != nil {
			return "ProvisionedPollerConfig"
		}
	case "AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table":
		if mode := text(p["BillingMode"]); mode != "PAY_PER_REQUEST" {
			return "BillingMode PROVISIONED"
		}
		if strings.HasSuffix(text(p["TableClass"]), "INFREQUENT_ACCESS") {
			return "TableClass"
		}
	case "AWS::SNS::Subscription":
		if protocol := text(p["Protocol"]); !slices.Contains(protocols, protocol) {
			return "Protocol " + protocol
		}
	case "AWS::SQS::Queue":
		if truth(p["FifoQueue"]) {
			return "FifoQueue"
		}
	}
	return ""
}
