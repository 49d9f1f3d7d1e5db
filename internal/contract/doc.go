// Package contract holds what the parts of OrderPipeline agree on and what each of them would
// otherwise write down for itself: names of environment variables, stack outputs, metrics and
// message attributes, the failure record, and the limits and timeouts that several parts derive
// their settings from. The constructs, the functions, the operator's command and the fault
// simulation take them from here. The package imports nothing of this module.
package contract
