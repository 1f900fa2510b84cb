// Command bookdemo runs the whole bookledger system on made-up data, with its own
// sign-in page. It also generates made-up histories.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"bookledger/cmd/bookdemo/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
