// Package cost computes the monthly bill of an environment from its CloudFormation templates, a
// workload, a price list and measurements of the functions.
package cost
