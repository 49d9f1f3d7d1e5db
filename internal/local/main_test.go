package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// This test binary plays two more parts, in child processes of the tests.
func TestMain(m *testing.M) {
	switch os.Getenv("PLAY") {
	case "emulator":
		playEmulator()
	case "owner":
		playOwner()
	default:
		os.Exit(m.Run())
	}
}

// playEmulator is a stand-in for the emulator: it answers the health call, and has a child as the real one has Lambdas.
func playEmulator() {
	fmt.Println("starting")
	switch os.Getenv("MOOD") {
	case "broken":
		fmt.Println("ModuleNotFoundError: No module named 'ministack'")
		os.Exit(1)
	case "deaf": // neither answers nor ends when asked
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Hour)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	}
	if err := exec.Command("sleep", "3600").Start(); err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", os.Getenv("BIND_HOST")+":"+os.Getenv("GATEWAY_PORT"))
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"edition": os.Getenv("MINISTACK_EDITION"), "environ": os.Environ()})
	})))
}

// playOwner starts an emulator, says which, and waits to be killed.
func playOwner() {
	tools := &Tools{Root: os.Getenv("ROOT"), Python: os.Getenv("PYTHON")}
	var env []string
	if more := os.Getenv("EMULATOR_ENV"); more != "" {
		env = strings.Split(more, " ")
	}
	e, err := tools.Start(context.Background(), EmulatorOptions{Env: env})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(e.PID(), e.Endpoint())
	time.Sleep(time.Hour)
}
