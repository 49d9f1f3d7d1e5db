package prices

import (
	"reflect"
	"testing"
	"time"
)

func TestCurrent(t *testing.T) {
	list := Current()
	if _, err := time.Parse("2006-01", list.Date); err != nil {
		t.Error(err)
	}
	v := reflect.ValueOf(list)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is missing in the file", v.Type().Field(i).Name)
		}
	}
}
