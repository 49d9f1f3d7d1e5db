package orderapi

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/orderpipeline/orderpipeline/constructs/internal/check"
)

const ordersPath = "/orders"

var mountPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// checkMount checks an existing API, and the props that are not allowed with it.
func (s *settings) checkMount(errs *check.Errors, scope constructs.Construct) {
	if !mountPath.MatchString(s.Path) {
		errs.Addf("Path", "%s is not valid (it begins with / and does not end with it, such as /shop)",
			check.Quote(s.Path))
	}
	if s.API == nil {
		if s.GatewayResponses {
			errs.Addf("GatewayResponses", "set without API (the construct's own API always has them)")
		}
		return
	}
	for _, prop := range []struct {
		name string
		set  bool
	}{
		{"StageName", s.StageName != ""},
		{"Throttle", s.Throttle != (ThrottleProps{})},
		{"AccessLogs", s.AccessLogs != nil},
	} {
		if prop.set {
			errs.Addf(prop.name, "set with API (configure it on that API's stage)")
		}
	}
	path := *s.API.Node().Path()
	if !hasRoot(s.API) {
		errs.Addf("API", "%s has no root resource (import it with RestApi_FromRestApiAttributes "+
			"and its RootResourceId)", path)
	}
	if !imported(s.API) {
		if _, ok := s.API.(awsapigateway.RestApi); !ok {
			errs.Addf("API", "%s is neither a RestApi nor imported (the resources of other APIs come "+
				"from their definition)", path)
			return
		}
		if *awscdk.Stack_Of(s.API).Node().Path() != *awscdk.Stack_Of(scope).Node().Path() {
			errs.Addf("API", "%s is in another stack (the two stacks would depend on each other; "+
				"import it with RestApi_FromRestApiAttributes)", path)
		}
	}
	if at := s.Path + ordersPath; hasRoot(s.API) && resourceAt(s.API.Root(), at) != nil {
		errs.Addf("API", "%s already has a resource %s (set another Path)", path, at)
	}
	if s.GatewayResponses {
		if types := responsesOf(s.API); len(types) > 0 {
			errs.Addf("GatewayResponses", "%s already has gateway responses: %s (an API has one of each "+
				"type; leave it unset where another OrderAPI made them, or remove them)",
				path, strings.Join(types, ", "))
		}
	}
	if _, ok := s.Auth.(authAPIKey); ok && stageOf(s.API) == nil {
		errs.Addf("Auth", "AuthAPIKey needs a stage that is made in this app "+
			"(a usage plan belongs to a stage)")
	}
}

// imported is whether an API is made outside this app.
func imported(api awsapigateway.IRestApi) bool {
	_, made := api.Node().DefaultChild().(awsapigateway.CfnRestApi)
	return !made
}

// hasRoot is whether CDK knows an API's root resource. CDK panics when it does not.
func hasRoot(api awsapigateway.IRestApi) (known bool) {
	defer func() { known = recover() == nil }()
	api.Root()
	return
}

// deploymentOf is the deployment that follows the methods of an API, nil for an imported API.
func deploymentOf(api awsapigateway.IRestApi) awsapigateway.Deployment {
	if imported(api) {
		return nil
	}
	return api.LatestDeployment()
}

// stageOf is the stage of an API, nil when CDK does not know it.
func stageOf(api awsapigateway.IRestApi) awsapigateway.Stage {
	if deploymentOf(api) == nil {
		return nil // DeploymentStage would panic
	}
	return api.DeploymentStage()
}

// responsesOf are the types of the gateway responses that the app gives an API so far.
func responsesOf(api awsapigateway.IRestApi) (types []string) {
	stack := awscdk.Stack_Of(api)
	id := stack.Resolve(api.RestApiId())
	for _, node := range *api.Node().Root().Node().FindAll(constructs.ConstructOrder_PREORDER) {
		response, ok := node.(awsapigateway.CfnGatewayResponse)
		if ok && reflect.DeepEqual(stack.Resolve(response.RestApiId()), id) {
			types = append(types, *response.ResponseType())
		}
	}
	return types
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
