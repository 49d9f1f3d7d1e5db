package shopify

import "testing"

func TestMinorUnits(t *testing.T) {
	for _, test := range []struct {
		amount, currency, want string // want "" is an error
	}{
		{"199.00", "USD", "19900"},
		{"19.9", "EUR", "1990"},
		{"19.99", "EUR", "1999"},
		{"0.29", "EUR", "29"}, // 0.29*100 is 28.999999999999996 in float64
		{"1.15", "EUR", "115"},
		{"4.35", "EUR", "435"},
		{"19", "EUR", "1900"},
		{"0.00", "EUR", "0"},
		{"007.50", "EUR", "750"},
		{"19.9900", "EUR", "1999"}, // BigCommerce writes four decimals
		{"19.999", "EUR", ""},
		{"1999", "JPY", "1999"},
		{"1999.00", "JPY", "1999"},
		{"1999.5", "JPY", ""},
		{"1.234", "KWD", "1234"},
		{"1.2345", "KWD", ""},
		{"9999999999999.99", "EUR", "999999999999999"},
		{"10000000000000.00", "EUR", ""},
		{"-1.00", "EUR", ""},
		{"+1.00", "EUR", ""},
		{"1e3", "EUR", ""},
		{"1,99", "EUR", ""},
		{"1.", "EUR", ""},
		{".5", "EUR", ""},
		{".", "EUR", ""},
		{"", "EUR", ""},
		{" 1.00", "EUR", ""},
		{"1.2.3", "EUR", ""},
		{"٣.00", "EUR", ""}, // a digit, but not an ASCII one
	} {
		got, err := MinorUnits(test.amount, test.currency)
		if string(got) != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%q %s: got %q (%v), want %q", test.amount, test.currency, got, err, test.want)
		}
	}
}
