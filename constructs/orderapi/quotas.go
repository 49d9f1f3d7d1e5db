package orderapi

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// The quotas of an account that was never raised, for all of its APIs in a region together (Amazon
// API Gateway, "Quotas", read in November 2026). The burst quota cannot be raised by itself: AWS
// derives it from the other.
var (
	usualQuota = ThrottleProps{RateLimit: 10_000, BurstLimit: 5_000}
	lowerQuota = ThrottleProps{RateLimit: 2_500, BurstLimit: 1_250}

	// regionsWithLowerQuota are, in the order of that page: Cape Town, Milan, Jakarta, UAE, Hyderabad,
	// Melbourne, Spain, Zurich, Tel Aviv, Calgary, Malaysia, Thailand and Mexico.
	regionsWithLowerQuota = []string{
		"af-south-1", "eu-south-1", "ap-southeast-3", "me-central-1", "ap-south-2",
		"ap-southeast-4", "eu-south-2", "eu-central-2", "il-central-1", "ca-west-1",
		"ap-southeast-5", "ap-southeast-7", "mx-central-1",
	}
)

// quotaOf returns the quota of a region, the usual one for "".
func quotaOf(region string) ThrottleProps {
	if slices.Contains(regionsWithLowerQuota, region) {
		return lowerQuota
	}
	return usualQuota
}

// regionOf returns the region of a construct, "" when it is not known at synth.
func regionOf(scope constructs.IConstruct) string {
	if region := *awscdk.Stack_Of(scope).Region(); !*awscdk.Token_IsUnresolved(region) {
		return region
	}
	return ""
}

// compareWithQuota adds a warning when the throttle is above the quota of the region.
func (a *OrderAPI) compareWithQuota() {
	region, t := regionOf(a), a.settings.Throttle
	quota := quotaOf(region)
	if region == "" || t.RateLimit <= quota.RateLimit && t.BurstLimit <= quota.BurstLimit {
		return
	}
	awscdk.Annotations_Of(a).AddWarningV2(jsii.String("orderapi:throttleQuota"),
		jsii.String(fmt.Sprintf("Throttle (%s requests per second, burst %d) is above the default "+
			"quota of an account in %s, which all of its APIs share: %s requests per second, burst %d. "+
			"Unless AWS has raised your quota, requests beyond it get a 429. "+
			"Once it is raised, acknowledge this warning: Annotations_Of(api).AcknowledgeWarning.",
			check.Number(t.RateLimit), t.BurstLimit, region,
			check.Number(quota.RateLimit), quota.BurstLimit)))
}
