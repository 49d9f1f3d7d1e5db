package shopify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxUnitDigits keeps amounts exact for subscribers that read numbers as float64, as JavaScript
// does.
const maxUnitDigits = 15

// decimals holds the currencies of ISO 4217 whose minor unit is not a hundredth.
var decimals = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
	"RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"CLF": 4, "UYW": 4,
}

// MinorUnits converts a decimal amount to the minor unit of its currency: "19.9" EUR is 1990. The
// conversion is exact: it moves the decimal point in the text, and an amount that is not a whole
// number of minor units is an error. So are a sign, an exponent and more than 15 digits.
func MinorUnits(amount, currency string) (json.Number, error) {
	places, ok := decimals[currency]
	if !ok {
		places = 2
	}
	whole, fraction, point := strings.Cut(amount, ".")
	if !allDigits(whole) || point && !allDigits(fraction) {
		return "", errors.New(`not a decimal amount such as "1.50"`)
	}
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > places {
		return "", fmt.Errorf("more than the %d decimals of the currency", places)
	}
	units := whole + fraction + strings.Repeat("0", places-len(fraction))
	units = strings.TrimLeft(units, "0")
	if len(units) > maxUnitDigits {
		return "", fmt.Errorf("more than %d digits", maxUnitDigits)
	}
	if units == "" {
		units = "0"
	}
	return json.Number(units), nil
}

// allDigits reports whether text is one or more ASCII digits.
func allDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
