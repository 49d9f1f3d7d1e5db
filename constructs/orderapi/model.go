package orderapi

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ascii writes a JSON text in ASCII alone, because CloudFormation replaces other characters with
// "?". The value stays the same, and so do the bytes of a text that is ASCII.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
