// Command driver gets credentials through the AWS SDK for Go v2, asks STS who they are for, and prints one line of JSON
// about it. The environment says everything, as it does for a user's program.
//
// With the argument wait it loads the SDK, prints "ready", and goes on when a line comes in, so that several processes
// can begin at one moment.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// result is what every driver prints. Name is the error code of the service where there is one, else empty.
type result struct {
	OK          bool   `json:"ok"`
	AccessKeyID string `json:"accessKeyId,omitempty"`
	Expires     string `json:"expires,omitempty"`
	ARN         string `json:"arn,omitempty"`
	Account     string `json:"account,omitempty"`
	Stage       string `json:"stage,omitempty"`
	Name        string `json:"name,omitempty"`
	Message     string `json:"message,omitempty"`
}

func main() {
	if err := json.NewEncoder(os.Stdout).Encode(run(context.Background())); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) result {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return failure("config", err)
	}
	if slices.Contains(os.Args[1:], "wait") {
		fmt.Println("ready")
		bufio.NewReader(os.Stdin).ReadString('\n')
	}
	credentials, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return failure("credentials", err)
	}
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return failure("sts", err)
	}
	return result{
		OK: true, AccessKeyID: credentials.AccessKeyID, Expires: credentials.Expires.UTC().Format("2006-01-02T15:04:05Z"),
		ARN: aws.ToString(identity.Arn), Account: aws.ToString(identity.Account),
	}
}

func failure(stage string, err error) result {
	r := result{Stage: stage, Message: err.Error()}
	var fault smithy.APIError
	if errors.As(err, &fault) {
		r.Name = fault.ErrorCode()
	}
	return r
}
