// Package upgrade holds that a deployment of the last release becomes one of today without losing
// anything: what holds orders keeps its identity, and orders that are posted meanwhile are stored
// and told of.
//
//	go test -tags emulator ./test/upgrade
//
// testdata has a folder for each release: the templates' stateful resources in every environment,
// the assembly that the CDK deploys to the emulator, and the sources of its functions. A release
// adds one, and none is ever changed:
//
//	go test ./test/upgrade -freeze v0.2.0
package upgrade
