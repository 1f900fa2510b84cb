// Command bookledger is an event-sourced ledger of health-insurance consumers
// and of their delegation to agents, from which every agent's weekly Book of
// Business is made. Run it with --help.
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
