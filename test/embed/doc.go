// Package embed uses this module as other teams do: from the module cache, vendored, in a workspace, with -trimpath, without
// Go at synth; and builds the apps in examples/.
//
//	go test -tags slow ./test/embed
//
// The module is packed as a Go proxy would, and served from a folder; everything else comes from this machine's module cache,
// and from the machine's GOPROXY only what was never downloaded here (the vendored consumer's). The apps of these tests have a module cache and folders of their own in .local/embed, since the
// CDK's bindings are compiled anew for each path that they lie at: a minute the first time, nothing later.
package embed
