package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/signin"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// client returns a client as a program makes it, with the credentials and the headers of the call.
func (c call) client(cfg aws.Config) (*signin.Client, error) {
	base, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL_SIGNIN"))
	if err != nil {
		return nil, err
	}
	return signin.NewFromConfig(cfg, func(o *signin.Options) {
		o.Credentials = c.credentials()
		o.EndpointResolverV2 = controlPlane{signin.NewDefaultEndpointResolverV2(), *base}
		for name, value := range c.Headers {
			o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue(name, value))
		}
	}), nil
}

// controlPlane resolves endpoints as the SDK does, but for the scheme and host of control plane operations.
type controlPlane struct {
	signin.EndpointResolverV2
	base url.URL
}

func (r controlPlane) ResolveEndpoint(ctx context.Context, p signin.EndpointParameters) (smithyendpoints.Endpoint, error) {
	endpoint, err := r.EndpointResolverV2.ResolveEndpoint(ctx, p)
	if aws.ToBool(p.IsControlPlane) {
		endpoint.URI.Scheme, endpoint.URI.Host = r.base.Scheme, r.base.Host
	}
	return endpoint, err
}

// method calls one operation and returns its output, or the list of its pages.
type method func(ctx context.Context, client *signin.Client, c call) (output any, metadata middleware.Metadata, err error)

// methods are those of signin.Client.
var methods = map[string]method{
	"CreateBearerToken":                       plain((*signin.Client).CreateBearerToken),
	"CreateOAuth2Token":                       plain((*signin.Client).CreateOAuth2Token),
	"CreateOAuth2TokenWithIAM":                plain((*signin.Client).CreateOAuth2TokenWithIAM),
	"CreateOAuth2TokenWithTokenExchange":      plain((*signin.Client).CreateOAuth2TokenWithTokenExchange),
	"DeleteConsoleAuthorizationConfiguration": plain((*signin.Client).DeleteConsoleAuthorizationConfiguration),
	"DeleteResourcePermissionStatement":       plain((*signin.Client).DeleteResourcePermissionStatement),
	"GetConsoleAuthorizationConfiguration":    plain((*signin.Client).GetConsoleAuthorizationConfiguration),
	"GetResourcePolicy":                       plain((*signin.Client).GetResourcePolicy),
	"IntrospectOAuth2TokenWithIAM":            plain((*signin.Client).IntrospectOAuth2TokenWithIAM),
	"ListResourcePermissionStatements":        listed,
	"PutConsoleAuthorizationConfiguration":    plain((*signin.Client).PutConsoleAuthorizationConfiguration),
	"PutResourcePermissionStatement":          plain((*signin.Client).PutResourcePermissionStatement),
	"RevokeOAuth2TokenWithIAM":                plain((*signin.Client).RevokeOAuth2TokenWithIAM),
}

// operations returns the names of all operations that the client has.
func operations() []string {
	var all []string
	for m := range reflect.TypeFor[*signin.Client]().Methods() {
		if m.Name != "Options" {
			all = append(all, m.Name)
		}
	}
	return all
}

// plain makes a method of one of the client.
func plain[I, O any](send func(*signin.Client, context.Context, *I, ...func(*signin.Options)) (*O, error)) method {
	return func(ctx context.Context, client *signin.Client, c call) (any, middleware.Metadata, error) {
		var input I
		var metadata middleware.Metadata
		if err := json.Unmarshal(c.Input, &input); err != nil {
			return nil, metadata, err
		}
		// Metadata is a member of every output, and of no interface: it is taken on its way.
		output, err := send(client, ctx, &input, func(o *signin.Options) {
			o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
				return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("KeepMetadata",
					func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, _ middleware.Metadata, err error) {
						out, metadata, err = next.HandleInitialize(ctx, in)
						return out, metadata, err
					}), middleware.Before)
			})
		})
		return output, metadata, err
	}
}

// listed is ListResourcePermissionStatements, page by page where that is asked for.
func listed(ctx context.Context, client *signin.Client, c call) (any, middleware.Metadata, error) {
	if !c.Pages {
		return plain((*signin.Client).ListResourcePermissionStatements)(ctx, client, c)
	}
	var input signin.ListResourcePermissionStatementsInput
	var metadata middleware.Metadata
	if err := json.Unmarshal(c.Input, &input); err != nil {
		return nil, metadata, err
	}
	pages := []any{}
	for p := signin.NewListResourcePermissionStatementsPaginator(client, &input); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			return nil, metadata, err
		}
		pages, metadata = append(pages, page), page.ResultMetadata
	}
	return pages, metadata, nil
}

// requestID returns what the server called the request.
func requestID(metadata middleware.Metadata) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
	return id
}
