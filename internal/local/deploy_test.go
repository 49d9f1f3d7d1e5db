//go:build emulator

package local

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// A stack that is synthesized already, through the real CDK command line to the real emulator.
func TestDeploy(t *testing.T) {
	tools := realTools(t)
	e := start(t, tools, EmulatorOptions{})
	assembly, err := filepath.Abs("testdata/assembly")
	if err != nil {
		t.Fatal(err)
	}
	deploy := func() string {
		t.Helper()
		var out bytes.Buffer
		if err := tools.Deploy(t.Context(), e, DeployOptions{App: assembly, Stdout: &out}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	deploy()
	cfg, err := e.Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := apigateway.NewFromConfig(cfg)
	apis, err := client.GetRestApis(t.Context(), &apigateway.GetRestApisInput{})
	if err != nil || len(apis.Items) != 1 {
		t.Fatalf("%+v, %v", apis, err)
	}
	api := *apis.Items[0].Id
	post := func(body string, want int) {
		t.Helper()
		response, err := http.Post(e.Endpoint()+"/restapis/"+api+"/v1/_user_request_/orders", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("POST %s: %d, want %d", body, response.StatusCode, want)
		}
	}
	post(`{"orderId":"A"}`, 200)
	post(`{}`, 400) // the emulator drops validators: without WireValidators it passes

	// Again: nothing is deployed, nothing is wired twice.
	if out := deploy(); !strings.Contains(out, "no changes") {
		t.Errorf("a second deployment changes something:\n%s", out)
	}
	validators, err := client.GetRequestValidators(t.Context(), &apigateway.GetRequestValidatorsInput{RestApiId: &api})
	if err != nil || len(validators.Items) != 1 {
		t.Errorf("%d validators, %v", len(validators.Items), err)
	}
	post(`{}`, 400)
	if tools.Deployed(e, "local") {
		t.Error("a deployment of another app counts as the project's")
	}

	err = tools.Deploy(t.Context(), e, DeployOptions{App: "false"})
	wantError(t, err, "cdk deploy failed", "cdk.log")
}
