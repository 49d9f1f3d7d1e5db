package awsregions

import (
	"slices"
	"strings"
	"testing"
)

// Budgets are missing where CloudFormation's roadmap says so (coverage-roadmap 2177).
func TestBudgets(t *testing.T) {
	want := strings.Fields("af-south-1 ap-east-1 ap-east-2 ap-northeast-3 ap-south-2 ap-southeast-3 " +
		"ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-west-1 eu-central-2 " +
		"eu-north-1 eu-south-1 eu-south-2 il-central-1 me-central-1 mx-central-1 us-gov-east-1 " +
		"us-gov-west-1")
	if got := Without("AWS::Budgets::Budget"); !slices.Equal(got, want) {
		t.Errorf("regions without budgets: %s, want %s", got, want)
	}
	for _, region := range want {
		if !Lacks(region, "AWS::Budgets::Budget") {
			t.Errorf("%s has budgets", region)
		}
	}
	if Lacks("us-east-1", "AWS::Budgets::Budget") || Lacks("mars-north-1", "AWS::Budgets::Budget") {
		t.Error("budgets are missing in us-east-1 or in an unknown region")
	}
}

// Every other type of the constructs is everywhere.
func TestOtherTypes(t *testing.T) {
	for _, kind := range Types() {
		costs := strings.HasPrefix(kind, "AWS::CE::") || kind == "AWS::Budgets::Budget"
		if missing := Without(kind); len(missing) > 0 && !costs {
			t.Errorf("%s is missing in %s", kind, missing)
		}
	}
	if len(Types()) < 25 || len(Regions()) < 35 || !strings.Contains(Source(), "schemas of 20") {
		t.Errorf("%d types in %d regions (%s)", len(Types()), len(Regions()), Source())
	}
}

func TestCommercial(t *testing.T) {
	commercial := 0
	for _, region := range Regions() {
		if Commercial(region) {
			commercial++
		}
	}
	if commercial < 33 || Commercial("cn-north-1") || Commercial("us-gov-west-1") ||
		!Commercial("eu-north-1") || !Known("eu-north-1") || Known("us-iso-east-1") {
		t.Errorf("%d commercial regions of %s", commercial, Regions())
	}
}
