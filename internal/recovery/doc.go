// Package recovery holds what brings an order that got stuck back on its way: Redrive moves messages from one queue to
// another, Replay publishes stored orders' events again. The operator's commands and the fault simulation run this code.
package recovery
