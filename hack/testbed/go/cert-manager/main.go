// Command cert-manager runs cert-manager's controller or its webhook as a plain process.
//
// cert-manager's own mains live in Go modules that have no tags and cannot be required; all that
// they call is in the main module. What is here does the same as they do for the controllers that
// Signet's tests and benchmarks meet, and leaves out what needs the internet (ACME, Venafi, Vault).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/cert-manager/cert-manager/pkg/logs"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

const usage = "usage: cert-manager controller|webhook [flags]; --help after either lists the flags"

func main() {
	logs.InitLogs()
	defer logs.FlushLogs()
	ctrl.SetLogger(klog.Background())

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx = klog.NewContext(ctx, logs.Log)

	if err := run(ctx, os.Args[1:]); err != nil {
		logs.FlushLogs()
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch args[0] {
	case "controller":
		return runController(ctx, args[1:])
	case "webhook":
		return runWebhook(ctx, args[1:])
	default:
		return fmt.Errorf("unknown command %q: %s", args[0], usage)
	}
}
