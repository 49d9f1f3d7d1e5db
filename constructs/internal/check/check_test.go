package check

import (
	"math"
	"strings"
	"testing"
)

func TestErr(t *testing.T) {
	var errs Errors
	if err := errs.Err("Props"); err != nil {
		t.Errorf("no problems, but error %v", err)
	}
	errs.Range("Size", 20_000_000, 1, 10_000, "Lambda's limits")
	errs.Range("Size", 10_000, 1, 10_000, "not reported")
	want := "Props: Size: 20000000 is out of range 1 to 10000 (Lambda's limits)"
	if err := errs.Err("Props"); err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	errs.RangeFloat("Rate", math.NaN(), 0, 0.5, "a share")
	errs.Addf("Name", "%s is taken", Quote(strings.Repeat("a", 61)))
	want = "Props: 3 problems:" +
		"\n  - Size: 20000000 is out of range 1 to 10000 (Lambda's limits)" +
		"\n  - Rate: NaN is out of range 0 to 0.5 (a share)" +
		"\n  - Name: \"" + strings.Repeat("a", 60) + "…\" is taken"
	if err := errs.Err("Props"); err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0 s", 0.05: "0.05 s", 180: "180 s", 43_200: "43200 s", 86_400: "1 day", 90_000: "90000 s",
		1_209_600: "14 days", 3_153_600_000: "36500 days",
	} {
		if got := Duration(seconds); got != want {
			t.Errorf("%g seconds are %s, want %s", seconds, got, want)
		}
	}
}
