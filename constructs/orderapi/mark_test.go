package orderapi_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/orderpipeline/orderpipeline/constructs/internal/synthtest"
	"github.com/orderpipeline/orderpipeline/constructs/orderapi"
	"github.com/orderpipeline/orderpipeline/constructs/orderpipeline"
	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// The operator's command finds an API by the metadata of a permission, which nothing depends on.
func TestMark(t *testing.T) {
	stack := synthtest.NewStack(t)
	pipeline := orderpipeline.NewOrderPipeline(stack, "P", nil)
	orderapi.NewOrderAPI(stack, "Own", &orderapi.OrderAPIProps{Pipeline: pipeline, StageName: "live"})
	imported := awsapigateway.RestApi_FromRestApiAttributes(stack, jsii.String("Imported"),
		&awsapigateway.RestApiAttributes{RestApiId: jsii.String("abc"), RootResourceId: jsii.String("root")})
	orderapi.NewOrderAPI(stack, "Mounted", &orderapi.OrderAPIProps{Pipeline: pipeline, API: imported, Path: "/shop"})
	template := synthtest.Synth(t, stack)

	ref := func(path string) any { return map[string]any{"Ref": template.ID(t, path)} }
	path := *pipeline.Node().Path()
	want := map[string]any{
		"Own": map[string]any{
			"pipeline": path, "statusFunction": ref("OwnStatus"), "apiId": ref("OwnRestApi"), "stage": "live",
			"apiName": template.Resources[template.ID(t, "OwnRestApi")].Properties["Name"],
		},
		"Mounted": map[string]any{
			"pipeline": path, "statusFunction": ref("MountedStatus"), "apiId": "abc", "apiName": "Imported", "path": "/shop",
		},
	}
	got := map[string]any{}
	for id, r := range template.Resources {
		if mark := r.Metadata[contract.MetadataKey]; mark != nil && r.Type == "AWS::Lambda::Permission" {
			name := "Own"
			if strings.HasPrefix(id, "Imported") || strings.HasPrefix(id, "Mounted") {
				name = "Mounted"
			}
			got[name] = mark
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
