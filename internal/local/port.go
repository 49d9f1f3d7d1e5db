package local

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/orderpipeline/orderpipeline/internal/failure"
)

// CheckPort checks that an emulator can use the port. Its [*failure.Error] names the process that
// uses it, if that is visible.
func CheckPort(port int) error {
	if port < 1 || port > 65535 {
		return &failure.Error{
			What: fmt.Sprintf("%d is not a port", port),
			Next: "give one from 1024 to 65535 with --port (make local PORT=…)",
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err == nil {
		return listener.Close()
	}
	what := fmt.Sprintf("port %d is not available: %v", port, err)
	next := "choose another port with --port (make local PORT=14566)"
	if owner := portOwner(port); owner != "" {
		what = fmt.Sprintf("port %d is taken by %s", port, owner)
		next = "stop it, or " + next
	}
	return &failure.Error{What: what, Next: next, Err: err}
}

// portOwner returns the process that listens on a port, "" when that is not visible.
func portOwner(port int) string {
	if pid := listenerPID(port); pid != "" {
		name := strings.TrimSpace(strings.ReplaceAll(readString("/proc/"+pid+"/cmdline"), "\x00", " "))
		if runes := []rune(name); len(runes) > 80 {
			name = string(runes[:80]) + "…"
		}
		return fmt.Sprintf("process %s (%s)", pid, name)
	}
	lsof, err := exec.LookPath("lsof")
	if err != nil {
		return ""
	}
	out, err := exec.Command(lsof, "-nP", "-iTCP:"+strconv.Itoa(port), "-sTCP:LISTEN", "-Fpc").Output()
	if err != nil {
		return ""
	}
	var pid, name string
	for line := range strings.Lines(string(out)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "p") && pid == "":
			pid = line[1:]
		case strings.HasPrefix(line, "c") && name == "":
			name = line[1:]
		}
	}
	if pid == "" {
		return ""
	}
	return fmt.Sprintf("process %s (%s)", pid, name)
}

// listenerPID reads Linux's tables of sockets: the listener's inode, then the process that has it
// open.
func listenerPID(port int) string {
	const listening = "0A"
	address := fmt.Sprintf(":%04X", port)
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for line := range strings.Lines(readString(table)) {
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == listening && strings.HasSuffix(fields[1], address) {
				inodes["socket:["+fields[9]+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil && inodes[target] {
			return strings.Split(descriptor, "/")[2]
		}
	}
	return ""
}
