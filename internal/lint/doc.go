// Package lint holds what the project asks of its own source beyond what golangci-lint looks at.
// It is all tests.
package lint
