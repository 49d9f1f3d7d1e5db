// The CDK app of OrderPipeline makes the stacks of an environment
// (-c env=dev|staging|prod|local).
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/orderpipeline/orderpipeline/stacks"
)

func main() {
	err := synth()
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // before jsii ends, which can write messages of its own
	}
	jsii.Close()
	if err != nil {
		os.Exit(1)
	}
}

// synth writes the stacks into the folder that the CDK CLI names.
func synth() (err error) {
	// Constructs panic with invalid props, as CDK does. The user can fix these, so print no stack
	// trace.
	defer func() {
		switch r := recover().(type) {
		case nil:
		case runtime.Error:
			panic(r)
		case error:
			err = r
		default:
			err = fmt.Errorf("%v", r)
		}
	}()

	app := awscdk.NewApp(nil)
	name, _ := app.Node().TryGetContext(jsii.String("env")).(string)
	env, err := stacks.Lookup(stacks.Environments(), name)
	if err != nil {
		return err
	}
	stacks.New(app, env)
	app.Synth(nil)
	return nil
}
