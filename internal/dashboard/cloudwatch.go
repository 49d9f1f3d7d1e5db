package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Source reads what CloudWatch holds for a dashboard.
type Source struct {
	// Client is the CloudWatch client.
	Client *cloudwatch.Client
	// Stacks are the stacks of the alarms, whose names begin the names of their alarms.
	Stacks []string
	// NoMetricMath leaves out expressions, which the emulator does not evaluate.
	NoMetricMath bool
}

// Read fills in the states of the alarms, and the datapoints between data.From and data.To.
func (s *Source) Read(ctx context.Context, d *Dashboard, data *Data) error {
	data.States = map[string]string{}
	for _, stack := range s.Stacks {
		pages := cloudwatch.NewDescribeAlarmsPaginator(s.Client,
			&cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String(stack + "-")})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list the alarms: %w", err)
			}
			for _, alarm := range page.MetricAlarms {
				data.States[deployedAlarmName(aws.ToString(alarm.AlarmName), stack)] =
					string(alarm.StateValue)
			}
		}
	}
	data.Series = map[[2]int]Series{}
	for i, w := range d.Widgets {
		if err := s.readWidget(ctx, i, w, data); err != nil {
			return fmt.Errorf("datapoints of %q: %w", w.Title, err)
		}
	}
	return nil
}

// Deployed reads the deployed dashboard of a pipeline: of the dashboards with these names, the one
// that shows the processor function. It returns nil when there is none.
func (s *Source) Deployed(
	ctx context.Context, names []string, processor string,
) (*Dashboard, error) {
	for _, name := range names {
		out, err := s.Client.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: &name})
		if err != nil {
			return nil, fmt.Errorf("read dashboard %s: %w", name, err)
		}
		if !strings.Contains(aws.ToString(out.DashboardBody), `"`+processor+`"`) {
			continue
		}
		d, err := Parse([]byte(aws.ToString(out.DashboardBody)))
		if err != nil {
			return nil, err
		}
		for _, w := range d.Widgets {
			for i, arn := range w.Alarms {
				name := arn[strings.LastIndex(arn, ":")+1:]
				for _, stack := range s.Stacks {
					if strings.HasPrefix(name, stack+"-") {
						w.Alarms[i] = deployedAlarmName(name, stack)
					}
				}
			}
		}
		return d, nil
	}
	return nil, nil
}

// deployedAlarmName returns the name in the construct of an alarm STACK-LOGICALID-RANDOM.
func deployedAlarmName(name, stack string) string {
	logicalID, _, _ := strings.Cut(strings.TrimPrefix(name, stack+"-"), "-")
	return AlarmName(logicalID)
}

func (s *Source) readWidget(ctx context.Context, widget int, w Widget, data *Data) error {
	var queries []types.MetricDataQuery
	at := map[string]int{}
	for i, m := range w.Metrics {
		id := m.ID
		if id == "" {
			id = fmt.Sprintf("auto%d", i)
		}
		at[id] = i
		q := types.MetricDataQuery{Id: &id, ReturnData: aws.Bool(!m.Hidden)}
		period := aws.Int32(int32(m.Period))
		if m.Expression != "" {
			if s.NoMetricMath {
				continue
			}
			q.Expression, q.Period = &m.Expression, period
		} else {
			metric := &types.Metric{Namespace: &m.Namespace, MetricName: &m.Name}
			for name, value := range m.Dimensions {
				metric.Dimensions = append(metric.Dimensions,
					types.Dimension{Name: &name, Value: &value})
			}
			q.MetricStat = &types.MetricStat{Metric: metric, Stat: &m.Statistic, Period: period}
		}
		queries = append(queries, q)
	}
	isShown := func(q types.MetricDataQuery) bool { return aws.ToBool(q.ReturnData) }
	if !slices.ContainsFunc(queries, isShown) {
		return nil
	}
	pages := cloudwatch.NewGetMetricDataPaginator(s.Client, &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: &data.From, EndTime: &data.To,
		ScanBy: types.ScanByTimestampAscending,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, result := range page.MetricDataResults {
			key := [2]int{widget, at[aws.ToString(result.Id)]}
			for i, t := range result.Timestamps {
				data.Series[key] = append(data.Series[key], Point{At: t.UTC(), Value: result.Values[i]})
			}
		}
	}
	return nil
}
