// Package awsregions knows which AWS regions lack a resource type of CloudFormation that the
// constructs use. CloudFormation refuses a whole template for one such type, even under a condition
// that is false.
package awsregions

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
)

// regionsJSON is written by tools/regions.py (make regions).
//
//go:embed regions.json
var regionsJSON []byte

var table struct {
	Source  string
	Regions []string
	Missing map[string][]string
}

func init() {
	if err := json.Unmarshal(regionsJSON, &table); err != nil {
		panic(err) // the file is part of the package
	}
}

// Source returns where the data are from, with their date.
func Source() string { return table.Source }

// Regions returns the regions that there are data about, in all partitions.
func Regions() []string { return slices.Clone(table.Regions) }

// Known returns whether there are data about a region.
func Known(region string) bool { return slices.Contains(table.Regions, region) }

// Types returns the resource types that there are data about.
func Types() []string {
	var types []string
	for kind := range table.Missing {
		types = append(types, kind)
	}
	slices.Sort(types)
	return types
}

// Without returns the regions that lack a resource type.
func Without(kind string) []string { return slices.Clone(table.Missing[kind]) }

// Lacks returns whether a region lacks a resource type. It is false for an unknown region.
func Lacks(region, kind string) bool { return slices.Contains(table.Missing[kind], region) }

// Commercial returns whether a region is in the partition aws, by its name.
func Commercial(region string) bool {
	for _, other := range []string{"cn-", "us-gov-", "us-iso", "eu-iso", "eusc-"} {
		if strings.HasPrefix(region, other) {
			return false
		}
	}
	return true
}
