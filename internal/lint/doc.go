// Package lint holds what the project asks of its own source beyond what go vet and staticcheck look at. It is all tests.
package lint
