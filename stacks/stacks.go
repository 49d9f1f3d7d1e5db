package stacks

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// New makes the stacks of an environment: orders, monitoring, and a stack for the costs where the
// environment's region has no budgets. The account stack is made where the context asks for it (-c
// account=true).
func New(scope constructs.Construct, env Environment) (*OrdersStack, *MonitoringStack) {
	orders := NewOrdersStack(scope, "Orders", env)
	monitoring := NewMonitoringStack(scope, "Monitoring", env, orders)
	if region := env.costRegion(); region != "" {
		NewCostsStack(scope, "Costs", env, region)
	}
	switch scope.Node().TryGetContext(jsii.String("account")) {
	case true, "true":
		NewAccountStack(scope, "Account", env)
	}
	return orders, monitoring
}
