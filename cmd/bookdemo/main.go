// Command bookdemo runs the whole of bookledger at once on made-up data, with a
// sign-in page of its own, and makes histories of made-up people.
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
