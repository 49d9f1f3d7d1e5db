package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/local"
)

// An environment without alarms is a finding, unless it is meant to have none.
func TestDoctorOnAnEnvironmentWithoutAlarms(t *testing.T) {
	for profile, want := range map[string]int{"none": 0, "core": 1, "": 1} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "DescribeAlarms") {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				_, _ = io.WriteString(w, `{"MetricAlarms":[],"CompositeAlarms":[]}`)
				return
			}
			if name := r.FormValue("StackName"); name != "OrderPipeline-dev-Monitoring" {
				t.Errorf("asks for stack %q", name)
			}
			fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>m</StackName><Outputs><member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>`+
				`</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, contract.OutputAlarmProfile, profile)
		}))
		d := &doctor{app: &app{}, cfg: local.Config(server.URL), d: &deployment.Deployment{Env: "dev", Endpoint: server.URL}}
		found, err := d.alarms(t.Context())
		if err != nil || len(found) != want {
			t.Errorf("profile %q: %+v, %v; want %d", profile, found, err, want)
		}
		if len(found) == 1 && (found[0].What != "there is no alarm" || !strings.Contains(found[0].Do, "up")) {
			t.Errorf("says %+v", found[0])
		}
		server.Close()
	}
}
