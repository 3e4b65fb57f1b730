// Command operations calls operations of the service through the client github.com/aws/aws-sdk-go-v2/service/signin. It
// reads one call as a line of JSON, prints what came of it as another, and ends when no more lines come in. A call without an
// operation is answered with the names of all that the client has.
//
// Like any program it finds the server in AWS_ENDPOINT_URL_SIGNIN. The operations of the control plane do not look there, so
// the client gets a resolver that differs from the SDK's own in the host of those alone.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// call is what comes in.
type call struct {
	Operation   string          `json:"operation"`
	Input       json.RawMessage `json:"input"` // with the member names of the model; Go's differ in the first letter alone
	Credentials *struct {
		AccessKeyID     string `json:"accessKeyId"`
		SecretAccessKey string `json:"secretAccessKey"`
		SessionToken    string `json:"sessionToken"`
	} `json:"credentials"` // none: the call is not signed
	Headers map[string]string `json:"headers"` // that are set beside those of the SDK
	Pages   bool              `json:"pages"`   // all pages, by the paginator of the SDK
}

func (c call) credentials() aws.CredentialsProvider {
	if c.Credentials == nil {
		return nil
	}
	keys := aws.Credentials{
		AccessKeyID: c.Credentials.AccessKeyID, SecretAccessKey: c.Credentials.SecretAccessKey, SessionToken: c.Credentials.SessionToken,
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil })
}

// reply is what is printed.
type reply struct {
	OK        bool   `json:"ok"`
	Output    any    `json:"output,omitempty"` // with Pages, a list of them
	RequestID string `json:"requestId"`
	fault
}

func main() {
	if err := serve(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	lines, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		r := reply{OK: true, Output: operations()}
		if c.Operation != "" {
			if r, err = c.make(ctx, cfg); err != nil {
				return err
			}
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return lines.Err()
}

// make calls the operation. An error is one of the call, not of the operation.
func (c call) make(ctx context.Context, cfg aws.Config) (reply, error) {
	method, there := methods[c.Operation]
	if !there {
		return reply{}, fmt.Errorf("the client has no operation %q", c.Operation)
	}
	client, err := c.client(cfg)
	if err != nil {
		return reply{}, err
	}
	output, metadata, err := method(ctx, client, c)
	if err != nil {
		return failed(err), nil
	}
	return reply{OK: true, Output: output, RequestID: requestID(metadata)}, nil
}
