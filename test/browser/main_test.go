package browser

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// bin is the folder of what TestMain built; chromium is the one browser process, or nil when there is none to start.
var (
	bin      string
	chromium context.Context
)

// foreignName is a host name that the browser resolves to this computer, as a name server of a stranger would.
const foreignName = "foreign.test"

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	path, err := findChromium()
	if err != nil && os.Getenv("CI") == "true" {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err != nil {
		return m.Run() // needBrowser skips every test
	}
	if bin, err = os.MkdirTemp("", "latchkey-browser-"); err == nil {
		defer os.RemoveAll(bin)
		err = build()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stop, err := startChromium(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	// The tests wait for two other processes, so there is room for more of them at once than there are cores.
	if flag.Lookup("test.parallel").Value.String() == flag.Lookup("test.parallel").DefValue {
		flag.Set("test.parallel", "4")
	}
	return m.Run()
}

func findChromium() (string, error) {
	path := os.Getenv("LATCHKEY_CHROMIUM")
	if path == "" {
		path = "/usr/bin/chromium"
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no Chromium: %w; run test/browser/install.sh", err)
	}
	return path, nil
}

// needBrowser skips a test that there is no browser for.
func needBrowser(t *testing.T) {
	t.Helper()
	if chromium == nil {
		_, err := findChromium()
		t.Skip(err)
	}
}

// build builds the server, unless LATCHKEY names one that is built.
func build() error {
	program := filepath.Join(bin, "latchkey")
	if ready := os.Getenv("LATCHKEY"); ready != "" {
		return os.Symlink(ready, program)
	}
	command := exec.Command("go", "build", "-o", program, "./cmd/latchkey")
	command.Dir = "../.."
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build latchkey: %w\n%s", err, text)
	}
	return nil
}

// startChromium starts the browser with a profile folder of its own. The kernel ends it with this process, and stop
// before that.
func startChromium(path string) (stop func(), err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("headless", "new"),
		chromedp.DisableGPU,
		chromedp.Flag("no-sandbox", os.Getuid() == 0), // Chromium does not start as root with it
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		// No name is looked up, wherever a page or the browser itself wants to go.
		chromedp.Flag("host-resolver-rules", "MAP "+foreignName+" 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("lang", "en-US"),
		chromedp.WindowSize(1280, 800),
	)
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	stop = func() {
		cancel()
		cancelAllocator() // waits for the process
	}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, errors.Join(errors.New("start Chromium"), err)
	}
	chromium = ctx
	return stop, nil
}
