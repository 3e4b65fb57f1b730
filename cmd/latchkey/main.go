// Latchkey is a sign-in service that speaks the AWS Sign-In protocol: a person signs in at a browser, and the AWS CLI and
// SDKs get short-lived credentials and refresh them.
//
// `latchkey dev` starts a complete server with nothing to configure; `latchkey --help` lists the rest.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

// cli is the commands and their flags.
type cli struct {
	Dev       devCmd       `cmd:"" help:"Start a complete server for development, with a sample account and nothing to configure."`
	Init      initCmd      `cmd:"" help:"Write a configuration file and a root key for a new installation."`
	Serve     serveCmd     `cmd:"" help:"Start the server."`
	Account   accountCmd   `cmd:"" help:"Accounts, which roles and service users belong to."`
	User      userCmd      `cmd:"" help:"People who can sign in."`
	Group     groupCmd     `cmd:"" help:"Groups of people, to attach policies to."`
	Role      roleCmd      `cmd:"" help:"Roles, and who may act as them."`
	Policy    policyCmd    `cmd:"" help:"Policies that can be attached, and what they decide."`
	Client    clientCmd    `cmd:"" help:"Confidential clients, and those that registered themselves."`
	Key       keyCmd       `cmd:"" help:"Access keys of service users."`
	Perimeter perimeterCmd `cmd:"" help:"Permission statements, which say from where people may sign in to an account."`
	Audit     auditCmd     `cmd:"" help:"What happened that an auditor wants to know of."`
	Ring      ringCmd      `cmd:"" help:"The keys that seal sessions and sign id tokens, and the root key around them."`
	Store     storeCmd     `cmd:"" help:"The database as a whole: back it up, or move it to another one."`
	Version   versionCmd   `cmd:"" help:"Print the version."`

	Resource resourceCmd `cmd:"" help:"Services that access tokens are made for."`
	Issuer   issuerCmd   `cmd:"" help:"Identity providers of others whose tokens are taken in exchange."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

type versionCmd struct{}

func (versionCmd) Run(o *output) error {
	o.line("latchkey %s", version)
	return nil
}

func main() {
	// Whoever reads the log may go away; the server stays.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs one command and returns its exit code: 0, 1 when it failed, 2 when it was called wrongly.
func run(ctx context.Context, args []string, stdin *os.File, stdout, stderr *os.File) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("latchkey"),
		kong.Description("A sign-in service that speaks the AWS Sign-In protocol. Start with: latchkey dev"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"version": "latchkey " + version},
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&output{stdin: stdin, stdout: stdout, stderr: stderr}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "latchkey:", err)
		return 1
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // --help was printed
		return exit
	}
	if err != nil {
		fmt.Fprintln(stderr, "latchkey:", err)
		fmt.Fprintf(stderr, "Try: %s --help\n", called(err))
		return 2
	}
	if err := k.Run(); errors.Is(err, errNotAllowed) {
		return 1
	} else if err != nil {
		fmt.Fprintln(stderr, "latchkey:", err)
		if _, ok := errors.AsType[usageError](err); ok {
			return 2
		}
		return 1
	}
	return 0
}

// called returns the command that a wrong call got as far as, like "latchkey policy add".
func called(err error) string {
	name := "latchkey"
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok && wrong.Context != nil {
		for _, p := range wrong.Context.Path {
			if p.Command != nil {
				name = p.Command.FullPath()
			}
		}
	}
	return name
}

// usageError is a wrong call that only the command itself could notice.
type usageError string

func (e usageError) Error() string { return string(e) }
