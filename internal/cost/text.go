package cost

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Print writes the bill line by line, and next to it the reference design and the floor.
func (b *Bill) Print(w io.Writer) {
	reference, floor := Reference(b.Workload.Orders, b.prices), Floor(b.Workload, b.prices)
	sources := &sources{}
	fmt.Fprintf(w, "%s\n%s\n", b.Name, b.Workload)
	fmt.Fprintf(w, "Prices: %s, %s, %s per month\n", b.Region, b.Date, b.Currency)
	b.printLines(w, sources)
	fmt.Fprintf(w, "\n%s\n", row("", "list", "with free tier"))
	for _, group := range []string{DataPath, StatusChecks, Standing} {
		list, withFree := b.Group(group)
		fmt.Fprintln(w, row(group, money(list), money(withFree)))
	}
	fmt.Fprintln(w, row("Total", money(b.List), money(b.WithFree)))
	claim := fmt.Sprintf("Reference design (claims %.2f for 100,000)", ReferenceClaim)
	fmt.Fprintln(w, row(claim, money(reference.List), money(reference.WithFree)))
	fmt.Fprintln(w, row("Floor of this chain", money(floor.List), money(floor.WithFree)))
	if above := b.above(floor); above != "" {
		fmt.Fprintf(w, "\nAbove the floor, with the free tier: %s\n", above)
	}
	fmt.Fprint(w, "\nReference design, line by line\n")
	reference.printLines(w, sources)
	fmt.Fprintln(w)
	for i, page := range sources.pages {
		fmt.Fprintf(w, "[%d] %s\n", i+1, page)
	}
	m := b.measured
	fmt.Fprintf(w, "Calls, log lines and processor time of an order: measured %s on %s (%s)\n",
		m.Date, m.Machine, m.Command)
	for _, service := range []string{"dynamodb", "sns"} {
		l := m.Latency[service]
		fmt.Fprintf(w, "A call to %s takes %g ms: %s\n", service, l.Milliseconds, l.Source)
	}
	if b.unverified() {
		fmt.Fprintln(w, "?  no source for this price could be read again: look it up before you use it")
	}
	if len(b.Missing) > 0 {
		fmt.Fprintf(w, "Not in the bill: %s\n", strings.Join(b.Missing, "; "))
	}
}

func row(name, list, withFree string) string {
	return fmt.Sprintf("%-46s %14s %15s", name, list, withFree)
}

// printLines writes the lines, group by group.
func (b *Bill) printLines(w io.Writer, sources *sources) {
	group := ""
	for _, line := range b.Lines {
		if line.Group != group {
			group = line.Group
			fmt.Fprintf(w, "\n%-36s %15s %-11s %12s %10s %10s\n",
				group, "quantity", "unit", "price", "list", "with free")
		}
		mark := ""
		if line.Unverified {
			mark = "?"
		}
		text := fmt.Sprintf("  %-34s %15s %-11s %12s %10s %10s  [%d] %s",
			line.Name, quantity(line.Quantity), line.Unit, unitPrice(line)+mark,
			money(line.List), money(line.WithFree), sources.number(line.Source), line.Quantify)
		fmt.Fprintln(w, strings.TrimRight(text, " "))
	}
}

func (b *Bill) unverified() bool {
	return slices.ContainsFunc(b.Lines, func(l Line) bool { return l.Unverified })
}

// above lists the lines that cost more than at the floor, the largest first.
func (b *Bill) above(floor *Bill) string {
	least := map[string]float64{}
	for _, line := range floor.Lines {
		least[line.Name] = line.WithFree
	}
	type excess struct {
		name   string
		amount float64
	}
	var all []excess
	for _, line := range b.Lines {
		if more := line.WithFree - least[line.Name]; more >= 0.005 {
			all = append(all, excess{line.Name, more})
		}
	}
	slices.SortStableFunc(all, func(x, y excess) int { return cmp.Compare(y.amount, x.amount) })
	var texts []string
	for _, e := range all {
		texts = append(texts, fmt.Sprintf("%s %s", e.name, money(e.amount)))
	}
	return strings.Join(texts, "; ")
}

// Compare writes several bills side by side.
func Compare(w io.Writer, bills []*Bill) {
	fmt.Fprintf(w, "%s\nPrices: %s, %s, %s per month; list / with free tier\n\n",
		bills[0].Workload, bills[0].Region, bills[0].Date, bills[0].Currency)
	type key struct{ group, name string }
	amounts := map[key][]string{}
	var order []key
	put := func(k key, i int, list, withFree float64) {
		if amounts[k] == nil {
			amounts[k] = slices.Repeat([]string{"-"}, len(bills))
			order = append(order, k)
		}
		amounts[k][i] = money(list) + " / " + money(withFree)
	}
	for i, b := range bills {
		for _, line := range b.Lines {
			put(key{line.Group, line.Name}, i, line.List, line.WithFree)
		}
	}
	slices.SortStableFunc(order, func(x, y key) int {
		return cmp.Compare(groupOrder(x.group), groupOrder(y.group))
	})
	for i, b := range bills {
		put(key{"", "Total"}, i, b.List, b.WithFree)
	}
	line := func(name string, cells []string) {
		fmt.Fprintf(w, "%-36s", name)
		for _, cell := range cells {
			fmt.Fprintf(w, " %22s", cell)
		}
		fmt.Fprintln(w)
	}
	var names []string
	for _, b := range bills {
		names = append(names, b.Name)
	}
	line("", names)
	for _, k := range order {
		line(k.name, amounts[k])
	}
	for _, b := range bills {
		if len(b.Missing) > 0 {
			fmt.Fprintf(w, "Not in the bill of %s: %s\n", b.Name, strings.Join(b.Missing, "; "))
		}
	}
}

// String describes the workload.
func (w Workload) String() string {
	return fmt.Sprintf("%s orders of %s bytes per month, %d per call, subscribers %d, status checks "+
		"%g,\nduplicates %.4g %%, refused %.4g %%, peak %gx, months in the table %g",
		quantity(float64(w.Orders)), quantity(float64(w.Size)), w.Batch, w.Subscribers, w.StatusChecks,
		100*float64(w.Duplicates), 100*float64(w.Refused), float64(w.Peak), w.Months)
}

// sources numbers the pages.
type sources struct{ pages []string }

func (s *sources) number(page string) int {
	if i := slices.Index(s.pages, page); i >= 0 {
		return i + 1
	}
	s.pages = append(s.pages, page)
	return len(s.pages)
}

// unitPrice shows a price with what it is for: "3.50 / M".
func unitPrice(l Line) string {
	price := strconv.FormatFloat(l.Price, 'f', -1, 64)
	if _, decimals, _ := strings.Cut(price, "."); len(decimals) < 2 {
		price = fmt.Sprintf("%.2f", l.Price)
	}
	switch l.Per {
	case 1e6:
		return price + " / M"
	case 1:
		return price
	}
	return fmt.Sprintf("%s / %s", price, quantity(l.Per))
}

// money shows an amount: four decimals where cents would hide it.
func money(amount float64) string {
	if amount < 10 {
		return fmt.Sprintf("%.4f", amount)
	}
	cents := fmt.Sprintf("%.2f", amount)
	return thousands(cents[:len(cents)-3]) + cents[len(cents)-3:]
}

// quantity shows whole numbers in groups of three, and small ones with decimals.
func quantity(n float64) string {
	if n < 100 && n != math.Trunc(n) {
		return fmt.Sprintf("%.3f", n)
	}
	return thousands(fmt.Sprintf("%.0f", n))
}

func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
