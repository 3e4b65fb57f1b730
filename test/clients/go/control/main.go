// Command control calls the control plane operations of the server in ENDPOINT through the AWS SDK for Go v2. Each line of its
// input is one call, as {"operation": …, "input": {…}}; each line of its output says what the SDK made of the answer.
//
// The SDK looks for these operations at AWS, whatever endpoint it is given, so its resolver is replaced.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/signin"
	"github.com/aws/aws-sdk-go-v2/service/signin/types"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

type call struct {
	Operation string          `json:"operation"`
	Input     json.RawMessage `json:"input"`
}

// result is what is printed of a call. Exception is the type of the model that the SDK recognised.
type result struct {
	Output    any    `json:"output,omitempty"`
	Exception string `json:"exception,omitempty"`
	Code      string `json:"code,omitempty"`
	Status    int    `json:"status,omitempty"`
	Message   string `json:"message,omitempty"`
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	to, err := url.Parse(os.Getenv("ENDPOINT"))
	if err != nil {
		return err
	}
	client := signin.NewFromConfig(cfg, func(o *signin.Options) {
		o.EndpointResolverV2 = fixed{*to}
		o.RetryMaxAttempts = 1
	})
	lines, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var c call
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return err
		}
		output, err := do(ctx, client, c)
		if err := out.Encode(describe(output, err)); err != nil {
			return err
		}
	}
	return lines.Err()
}

// fixed resolves every endpoint to one URL.
type fixed struct{ to url.URL }

func (f fixed) ResolveEndpoint(context.Context, signin.EndpointParameters) (smithyendpoints.Endpoint, error) {
	return smithyendpoints.Endpoint{URI: f.to}, nil
}

func do(ctx context.Context, c *signin.Client, of call) (any, error) {
	switch of.Operation {
	case "PutResourcePermissionStatement":
		return with(ctx, of, c.PutResourcePermissionStatement)
	case "DeleteResourcePermissionStatement":
		return with(ctx, of, c.DeleteResourcePermissionStatement)
	case "ListResourcePermissionStatements":
		return with(ctx, of, c.ListResourcePermissionStatements)
	case "GetResourcePolicy":
		return with(ctx, of, c.GetResourcePolicy)
	case "PutConsoleAuthorizationConfiguration":
		return with(ctx, of, c.PutConsoleAuthorizationConfiguration)
	case "GetConsoleAuthorizationConfiguration":
		return with(ctx, of, c.GetConsoleAuthorizationConfiguration)
	case "DeleteConsoleAuthorizationConfiguration":
		return with(ctx, of, c.DeleteConsoleAuthorizationConfiguration)
	}
	return nil, fmt.Errorf("no operation %s", of.Operation)
}

// with calls an operation. Members are matched to the fields of its input without regard to case.
func with[In, Out any](ctx context.Context, of call, operation func(context.Context, *In, ...func(*signin.Options)) (*Out, error)) (any, error) {
	in := new(In)
	if len(of.Input) > 0 {
		if err := json.Unmarshal(of.Input, in); err != nil {
			return nil, err
		}
	}
	out, err := operation(ctx, in)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func describe(output any, err error) result {
	if err == nil {
		return result{Output: output}
	}
	r := result{Message: err.Error()}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		r.Status = response.HTTPStatusCode()
	}
	var (
		denied      *types.AccessDeniedException
		conflict    *types.ConflictException
		internal    *types.InternalServerException
		notFound    *types.ResourceNotFoundException
		quota       *types.ServiceQuotaExceededException
		tooMany     *types.TooManyRequestsError
		validation  *types.ValidationException
		unavailable *types.ServiceUnavailableException
	)
	set := func(code types.OAuth2ErrorCode, name string, message *string) {
		r.Exception, r.Code, r.Message = name, string(code), aws.ToString(message)
	}
	switch {
	case errors.As(err, &denied):
		set(denied.Error_, "AccessDeniedException", denied.Message)
	case errors.As(err, &conflict):
		set(conflict.Error_, "ConflictException", conflict.Message)
	case errors.As(err, &internal):
		set(internal.Error_, "InternalServerException", internal.Message)
	case errors.As(err, &notFound):
		set(notFound.Error_, "ResourceNotFoundException", notFound.Message)
	case errors.As(err, &quota):
		set(quota.Error_, "ServiceQuotaExceededException", quota.Message)
	case errors.As(err, &tooMany):
		set(tooMany.Error_, "TooManyRequestsError", tooMany.Message)
	case errors.As(err, &validation):
		set(validation.Error_, "ValidationException", validation.Message)
	case errors.As(err, &unavailable):
		set(unavailable.Error_, "ServiceUnavailableException", unavailable.Message)
	}
	return r
}
