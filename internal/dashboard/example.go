package dashboard

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/orderpipeline/orderpipeline/internal/contract"
)

// Example returns made-up data, the same for each call, for a picture of an incident: three hours
// of traffic in which the table fails for 25 minutes. Orders wait, none is lost, and then the queue
// drains.
func Example(d *Dashboard) Data {
	to := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	data := Data{
		From: to.Add(-minutes * time.Minute), To: to,
		States: map[string]string{}, Series: map[[2]int]Series{},
		Note: "Made-up datapoints: the table fails from 11:30 to 11:55; orders wait in the queue, " +
			"which drains from then on.",
	}
	story := tell()
	for i, w := range d.Widgets {
		for _, alarm := range w.Alarms {
			data.States[alarm] = "OK"
			if slices.Contains([]string{"QueueAge", "FailingOrders", "ProcessorErrors"}, alarm) {
				data.States[alarm] = "ALARM"
			}
		}
		for k, m := range w.Metrics {
			if m.Hidden {
				continue
			}
			step := max(1, m.Period/60)
			for t := 0; t < minutes; t += step {
				key := [2]int{i, k}
				at := data.From.Add(time.Duration(t) * time.Minute)
				data.Series[key] = append(data.Series[key], Point{At: at, Value: story[t].value(m, t)})
			}
		}
	}
	return data
}

// perMillionOrders is roughly what a million orders cost in USD, by the label of the graph.
var perMillionOrders = map[string]float64{
	"API Gateway": 3.5, "SQS": 1.2, "Lambda": 0.3, "DynamoDB": 0.65, "SNS": 0.5,
}

const (
	minutes       = 180
	outage, drain = 150, 175 // the minutes in which they begin
)

// minute is a minute of the story.
type minute struct{ posted, tried, stored, waiting, age float64 }

func tell() (story [minutes]minute) {
	waiting := 0.0
	for t := range story {
		posted := math.Round(300 + 120*math.Sin(float64(t)/25))
		m := minute{posted: posted, tried: posted, stored: posted, waiting: 2, age: 1}
		switch {
		case t >= drain:
			m.stored = posted + waiting/float64(minutes-t+2)
			m.tried = m.stored
			waiting += posted - m.stored
			left := float64(minutes-t+2) / float64(minutes-drain+2)
			m.waiting, m.age = waiting, 60*(drain-outage)*left
		case t >= outage:
			m.tried, m.stored = posted/4, 0
			waiting += posted
			m.waiting, m.age = waiting, 60*float64(t-outage+1)
		}
		story[t] = m
	}
	return story
}

// value returns the value of a metric in minute t.
func (m minute) value(of Metric, t int) float64 {
	broken := t >= outage && t < drain
	// Noise, the same for the same metric and minute.
	h := fnv.New32a()
	fmt.Fprint(h, of.Namespace, of.Name, of.Label, t)
	about := func(v float64) float64 { return v * (0.9 + 0.2*float64(h.Sum32()%1000)/1000) }
	during := func(then, otherwise float64) float64 {
		if broken {
			return about(then)
		}
		return about(otherwise)
	}
	switch of.Name + "/" + of.Label {
	case "OrdersReceived/received, with redeliveries":
		return m.tried
	case "OrdersStored/stored", "EventsPublished/published",
		"NumberOfMessagesPublished/published", "ConsumedWriteCapacityUnits/writes":
		return m.stored
	case "NumberOfNotificationsDelivered/delivered",
		"NumberOfNotificationsDelivered/delivered (all subscribers)":
		return 2 * m.stored
	case "/in the queue, not stored or refused":
		return m.waiting
	case "ApproximateNumberOfMessagesVisible/waiting":
		return m.waiting
	case "ApproximateNumberOfMessagesNotVisible/in flight":
		return during(80, 6)
	case "ApproximateAgeOfOldestMessage/received less than 3 times":
		return min(m.age, 360) // two visibility timeouts; SQS leaves older messages out
	case contract.MetricOldestFailureAge + "/failing":
		return during(m.age, 0)
	case "/time to drain":
		if m.stored == 0 {
			return 0
		}
		return 60 * m.waiting / m.stored
	case "Count/requests":
		return m.posted
	case "Latency/p99":
		return about(45)
	case "4XXError/4xx":
		return about(0.004)
	case "Duration/processor":
		return during(5500, 60)
	case "Duration/publisher":
		return about(40)
	case "Errors/processor":
		return during(8, 0)
	case "ConcurrentExecutions/processor":
		return math.Round(during(8, 3))
	case "IteratorAge/iterator age":
		return about(300)
	case "Invocations/publisher":
		return math.Round(about(3300))
	case "ConsumedReadCapacityUnits/reads":
		return about(25)
	case "SuccessfulRequestLatency/PutItem", "SuccessfulRequestLatency/BatchExecuteStatement":
		return during(0, 4.5)
	case "NumberOfEmptyReceives/empty receives":
		return math.Round(during(0, 15))
	}
	if strings.Contains(of.Expression, "/1000000") { // USD per hour
		return about(perMillionOrders[of.Label] * 60 * m.posted / 1e6)
	}
	return 0 // no errors
}
