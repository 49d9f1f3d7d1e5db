// Package publishing makes the events of stored orders and publishes them to the topic. The
// publisher function uses it for what the table's stream brings, the operator's replay for what it
// reads from the table: both publish the same bytes for the same order.
package publishing
