package orderapi

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

// validateMount checks the API that is brought along, and that nothing is asked of it which is not ours to change.
func (s *settings) validateMount(errs *check.Errors, scope constructs.Construct) {
	if !mountPath.MatchString(s.Path) {
		errs.Addf("Path", s.Path, "needs to begin with / and not to end with it, such as /shop: it goes in front of /orders")
	}
	if s.API == nil {
		if s.GatewayResponses {
			errs.Addf("GatewayResponses", true, "needs API: the construct's own API has them anyway")
		}
		return
	}
	const why = "needs to be left out with API: the stage is not the construct's"
	if s.StageName != "" {
		errs.Addf("StageName", s.StageName, why)
	}
	if s.Throttle != (ThrottleProps{}) {
		errs.Addf("Throttle", check.Verbatim("set"), why)
	}
	if s.AccessLogs != nil {
		errs.Addf("AccessLogs", check.Verbatim("set"), why)
	}
	path := *s.API.Node().Path()
	if !hasRoot(s.API) {
		errs.Addf("API", path, "needs RestApi_FromRestApiAttributes with the RootResourceId: else nobody knows what to mount on")
	}
	if !imported(s.API) {
		if _, ok := s.API.(awsapigateway.RestApi); !ok {
			errs.Addf("API", path, "needs a RestApi, or an imported API: what another offers stands in its definition")
			return
		}
		if *awscdk.Stack_Of(s.API).Node().Path() != *awscdk.Stack_Of(scope).Node().Path() {
			errs.Addf("API", path, "needs to be in the same stack, or to be imported (RestApi_FromRestApiAttributes): the API's deployment would need this stack, and this stack the API")
		}
		if at := resourceAt(s.API.Root(), s.Path+ordersPath); at != nil {
			errs.Addf("API", path, "needs a Path without %s: something is there already", ordersPath)
		}
	}
	if _, ok := s.Auth.(authAPIKey); ok && stageOf(s.API) == nil {
		errs.Addf("Auth", check.Verbatim("AuthAPIKey()"), "needs an API with a stage that is made in this app: a usage plan is for a stage")
	}
}

// imported is whether an API is made elsewhere.
func imported(api awsapigateway.IRestApi) bool {
	_, made := api.Node().DefaultChild().(awsapigateway.CfnRestApi)
	return !made
}

// hasRoot is whether CDK knows an API's root; it panics with its own words when it does not.
func hasRoot(api awsapigateway.IRestApi) (known bool) {
	defer func() { known = recover() == nil }()
	api.Root()
	return
}

// deploymentOf an API, which follows its methods; nil when somebody else deploys it.
func deploymentOf(api awsapigateway.IRestApi) awsapigateway.Deployment {
	if imported(api) {
		return nil
	}
	return api.LatestDeployment()
}

// stageOf an API; nil when CDK does not know any.
func stageOf(api awsapigateway.IRestApi) awsapigateway.Stage {
	if deploymentOf(api) == nil {
		return nil // it would panic
	}
	return api.DeploymentStage()
}

// resourceAt is the resource at a path, nil when there is none.
func resourceAt(root awsapigateway.IResource, path string) awsapigateway.IResource {
	for _, part := range strings.Split(path, "/")[1:] {
		if root = root.GetResource(&part); root == nil {
			return nil
		}
	}
	return root
}
