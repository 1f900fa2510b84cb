// Command bookledger keeps an event-sourced ledger of health-insurance consumers and
// their delegation to agents, and exports each agent's weekly Book of Business. Run it
// with --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"bookledger/cmd/bookledger/internal/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
