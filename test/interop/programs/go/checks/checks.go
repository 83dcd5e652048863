// Package checks prints the lines that test/clients/checks.mjs describes.
package checks

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"
)

// WaitMax is how long a check waits for anything: what has not come by then never will.
const WaitMax = 40 * time.Second

// Codecs are Kafka's, by the names of compression.type.
var Codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// Broker is the address that the program was given.
func Broker() string {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "Usage: program HOST:PORT")
		os.Exit(2)
	}
	return os.Args[1]
}

// Check runs one check and prints how it went; a panic is a failure too.
func Check(capability, what string, run func() error) {
	err := func() (err error) {
		defer func() {
			if caught := recover(); caught != nil {
				err = fmt.Errorf("panic: %v", caught)
			}
		}()
		return run()
	}()
	if err == nil {
		fmt.Printf("ok %s: %s\n", capability, what)
		return
	}
	reason := strings.Join(strings.Fields(err.Error()), " ")
	fmt.Printf("failed %s: %s: %s\n", capability, what, reason[:min(len(reason), 500)])
}

// Cannot prints that the client has no means for something.
func Cannot(capability, what, reason string) {
	fmt.Printf("none %s: %s: %s\n", capability, what, reason)
}

// Equal compares by what both print.
func Equal(found, wanted any, what string) error {
	left, right := fmt.Sprintf("%v", found), fmt.Sprintf("%v", wanted)
	if left == right {
		return nil
	}
	return fmt.Errorf("%s is %s, not %s", what, left[:min(len(left), 200)], right[:min(len(right), 200)])
}

// Until polls until done says so.
func Until(done func() bool, what func() string) error {
	for end := time.Now().Add(WaitMax); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("not after %v: %s", WaitMax, what())
		}
	}
	return nil
}

// Fresh is a name that no run before has used.
func Fresh(name string) string {
	random := make([]byte, 4)
	_, _ = rand.Read(random)
	return name + "-" + hex.EncodeToString(random)
}

// Numbered are the values of counted records.
func Numbered(count, from int) []string {
	values := make([]string, count)
	for index := range values {
		values[index] = fmt.Sprintf("record %d", from+index)
	}
	return values
}
