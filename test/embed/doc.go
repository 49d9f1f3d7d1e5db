// Package embed uses this module as other teams do: from the module cache, vendored, in a
// workspace, with -trimpath, offline, and without Go at synth. It also builds the apps in
// examples/.
//
//	go test -tags slow ./test/embed
//
// The module is packed as a Go proxy would pack it, and served from a folder. Everything else comes
// from the machine's module cache; only what was never downloaded (for the vendored consumer) comes
// from the machine's GOPROXY. The apps of these tests have their own folders in .local/embed.
package embed
