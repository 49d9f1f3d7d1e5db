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
	// Stack is the monitoring stack, whose name begins the names of its alarms.
	Stack string
	// NoMetricMath leaves out expressions, which the emulator does not evaluate.
	NoMetricMath bool
}

// Read fills in the states of the alarms, and the datapoints between data.From and data.To.
func (s *Source) Read(ctx context.Context, d *Dashboard, data *Data) error {
	data.States = map[string]string{}
	pages := cloudwatch.NewDescribeAlarmsPaginator(s.Client,
		&cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: &s.Stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the alarms: %w", err)
		}
		for _, alarm := range page.MetricAlarms {
			// STACK-LOGICALID-RANDOM
			name := strings.TrimPrefix(aws.ToString(alarm.AlarmName), s.Stack+"-")
			logicalID, _, _ := strings.Cut(name, "-")
			data.States[AlarmName(logicalID)] = string(alarm.StateValue)
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
