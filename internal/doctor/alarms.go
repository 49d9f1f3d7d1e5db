package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/orderpipeline/orderpipeline/internal/contract"
	"github.com/orderpipeline/orderpipeline/internal/deployment"
	"github.com/orderpipeline/orderpipeline/internal/queues"
	"github.com/orderpipeline/orderpipeline/internal/terminal"
)

// alarms are the deployed alarms, listed once for all checks.
type alarms struct {
	once      sync.Once
	metric    []types.MetricAlarm
	composite []types.CompositeAlarm
	err       error
}

// listAlarms lists the alarms whose names begin with the name of one of the stacks.
func (d *Doctor) listAlarms(ctx context.Context) (*alarms, error) {
	a := &d.alarms
	a.once.Do(func() {
		for _, stack := range d.Deployment.Stacks {
			pages := cloudwatch.NewDescribeAlarmsPaginator(deployment.CloudWatch(d.Config),
				&cloudwatch.DescribeAlarmsInput{
					AlarmNamePrefix: aws.String(stack + "-"),
					AlarmTypes: []types.AlarmType{
						types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm,
					},
				})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					a.err = fmt.Errorf("list the alarms: %w", err)
					return
				}
				for _, m := range page.MetricAlarms {
					if d.isOurs(m) {
						a.metric = append(a.metric, m)
					}
				}
				for _, c := range page.CompositeAlarms {
					isOurs := func(m types.MetricAlarm) bool {
						return strings.Contains(aws.ToString(c.AlarmRule), aws.ToString(m.AlarmName))
					}
					if d.Deployment.Env != "" || slices.ContainsFunc(a.metric, isOurs) {
						a.composite = append(a.composite, c)
					}
				}
			}
		}
	})
	return a, a.err
}

// isOurs reports whether an alarm is about this pipeline. The stack of another app can hold other
// alarms, and several pipelines.
func (d *Doctor) isOurs(m types.MetricAlarm) bool {
	p := d.Deployment
	if p.Env != "" {
		return true
	}
	parts := []string{
		p.ProcessorFunction, p.PublisherFunction, p.StatusFunction, p.TableName, p.APIName,
		queues.NameOf(p.QueueURL), queues.NameOf(p.TopicARN),
	}
	for _, q := range queues.All(p) {
		parts = append(parts, queues.NameOf(q.URL))
	}
	for _, s := range p.Subscribers {
		parts = append(parts, queues.NameOf(s.QueueURL))
	}
	dimensions := m.Dimensions
	for _, q := range m.Metrics {
		if q.MetricStat != nil && q.MetricStat.Metric != nil {
			dimensions = append(dimensions, q.MetricStat.Metric.Dimensions...)
		}
	}
	return slices.ContainsFunc(dimensions, func(dimension types.Dimension) bool {
		value := aws.ToString(dimension.Value)
		return value != "" && slices.Contains(parts, value)
	})
}

// threshold returns the lowest threshold of the alarms on a metric. ok is false when there is none.
func (a *alarms) threshold(metric *types.Metric) (threshold float64, ok bool) {
	sameDimension := func(x, y types.Dimension) bool {
		return aws.ToString(x.Name) == aws.ToString(y.Name) &&
			aws.ToString(x.Value) == aws.ToString(y.Value)
	}
	for _, m := range a.metric {
		if aws.ToString(m.Namespace) != aws.ToString(metric.Namespace) ||
			aws.ToString(m.MetricName) != aws.ToString(metric.MetricName) ||
			!slices.EqualFunc(m.Dimensions, metric.Dimensions, sameDimension) || m.Threshold == nil {
			continue
		}
		if !ok || *m.Threshold < threshold {
			threshold, ok = *m.Threshold, true
		}
	}
	return threshold, ok
}

// silent is why an alarm without a working action matters.
const silent = "it notifies no one"

// checkAlarms: no alarm is in ALARM, and each one has a working action.
func (d *Doctor) checkAlarms(ctx context.Context) (found []Finding, err error) {
	all, err := d.listAlarms(ctx)
	if err != nil {
		return nil, err
	}
	if len(all.metric)+len(all.composite) == 0 {
		if d.Deployment.Env == "" { // the alarms of another app may be anywhere
			return nil, nil
		}
		stack := contract.MonitoringStackName(d.Deployment.Env)
		outputs, err := deployment.Outputs(ctx, d.Config, stack)
		if err != nil || outputs[contract.OutputAlarmProfile] == "none" { // as configured
			return nil, err
		}
		return []Finding{{
			Resource: stack, What: "there is no alarm", Why: "no one is notified when orders are stuck",
			Do: "deploy the monitoring stack: " + d.Command("up"),
		}}, nil
	}
	var rules strings.Builder
	targets := map[string]int{} // how many alarms notify a target
	for _, c := range all.composite {
		rules.WriteString(aws.ToString(c.AlarmRule))
		found = append(found, d.checkAlarm(types.MetricAlarm{
			AlarmName: c.AlarmName, StateValue: c.StateValue, StateReason: c.StateReason,
			AlarmDescription: c.AlarmDescription, ActionsEnabled: c.ActionsEnabled,
			AlarmActions: c.AlarmActions,
		}, false, targets)...)
	}
	for _, m := range all.metric {
		// The composite alarm that watches an alarm notifies for it.
		watched := strings.Contains(rules.String(), aws.ToString(m.AlarmName))
		found = append(found, d.checkAlarm(m, watched, targets)...)
	}
	for _, action := range slices.Sorted(maps.Keys(targets)) {
		wrong, do, err := d.checkAction(ctx, action)
		if err != nil {
			return found, err
		}
		if wrong != "" {
			found = append(found, Finding{
				Resource: action,
				What:     fmt.Sprintf("%s; the target of %s", wrong, terminal.Count(targets[action], "alarm")),
				Why:      silent, Do: do,
			})
		}
	}
	return found, nil
}

func (d *Doctor) checkAlarm(
	m types.MetricAlarm, watched bool, targets map[string]int,
) (found []Finding) {
	name := aws.ToString(m.AlarmName)
	if m.StateValue == types.StateValueAlarm {
		found = append(found, Finding{
			Resource: name,
			What:     "it is in ALARM: " + terminal.OneLine(aws.ToString(m.StateReason)),
			Why:      "its threshold is crossed",
			Do: cmp.Or(terminal.OneLine(aws.ToString(m.AlarmDescription)),
				"follow its runbook in docs/operations.md"),
		})
	}
	switch {
	case watched:
	case len(m.AlarmActions) == 0:
		found = append(found, Finding{
			Resource: name, What: "it has no action", Why: silent,
			Do: "set a contact for the monitoring stack, then deploy it: " + d.Command("up"),
		})
	case m.ActionsEnabled != nil && !*m.ActionsEnabled:
		found = append(found, Finding{
			Resource: name, What: "its actions are disabled", Why: silent,
			Do: d.aws("cloudwatch enable-alarm-actions --alarm-names %s", name),
		})
	}
	for _, action := range m.AlarmActions {
		targets[action]++
	}
	return found
}

// checkAction returns what is wrong with the target of alarms and what to do about it, "" for
// nothing. Only topics can be checked.
func (d *Doctor) checkAction(ctx context.Context, action string) (wrong, do string, err error) {
	if parsed, err := arn.Parse(action); err != nil || parsed.Service != "sns" {
		return "", "", nil
	}
	all, err := queues.ListSubscriptions(ctx, d.Config, action, false)
	if deployment.IsNotFound(err) {
		return "this topic does not exist", "deploy the monitoring stack again: " + d.Command("up"), nil
	}
	if err != nil {
		return "", "", err
	}
	isConfirmed := func(s queues.Subscription) bool { return !s.Pending() }
	// On the emulator, which sends no e-mail, a topic without subscriptions is normal.
	if d.Deployment.Endpoint != "" || slices.ContainsFunc(all, isConfirmed) {
		return "", "", nil
	}
	return "this topic has no confirmed subscription",
		d.aws("sns subscribe --protocol email --notification-endpoint ADDRESS --topic-arn %s", action) +
			"\nthen confirm it with the link in the e-mail", nil
}
