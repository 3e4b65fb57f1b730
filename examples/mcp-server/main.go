// Command mcp-server is an MCP server that Latchkey protects: whoever calls its tool has signed in there.
//
// It is a protected resource in the sense of RFC 9728. A client without a token is answered 401 with the address of its
// metadata, which names Latchkey as the authorization server; the client registers there, sends the person to sign in, and
// comes back with an access token for this resource. The server asks Latchkey about each token
// (IntrospectOAuth2TokenWithIAM, RFC 7662), signed with an access key of its own.
//
// The README beside this file says how to try it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// metadataPath is where RFC 9728 section 3.1 puts the metadata of the resource at /mcp.
const metadataPath = "/.well-known/oauth-protected-resource/mcp"

func main() {
	listen := flag.String("listen", "127.0.0.1:9000", "address to serve on")
	base := flag.String("base", "", "URL under which clients reach this server; default http:// and the address")
	issuer := flag.String("issuer", "http://127.0.0.1:8080", "the Latchkey server")
	region := flag.String("region", "us-east-1", "the region that Latchkey is configured with")
	flag.Parse()
	if *base == "" {
		*base = "http://" + *listen
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *base, *issuer, *region); err != nil {
		fmt.Fprintln(os.Stderr, "mcp-server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, base, issuer, region string) error {
	key := accessKey{id: os.Getenv("AWS_ACCESS_KEY_ID"), secret: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	if key.id == "" || key.secret == "" {
		return errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must hold an access key of a Latchkey service user that may introspect tokens; see the README")
	}
	if _, err := url.ParseRequestURI(base); err != nil {
		return fmt.Errorf("-base: %w", err)
	}
	resource := base + "/mcp"
	tokens := &introspector{endpoint: issuer, region: region, key: key, resource: resource, client: &http.Client{Timeout: 10 * time.Second}}

	server := mcp.NewServer(&mcp.Implementation{Name: "latchkey-example", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Says who is calling."}, whoami)
	protect := auth.RequireBearerToken(tokens.verify, &auth.RequireBearerTokenOptions{ResourceMetadataURL: base + metadataPath})

	mux := http.NewServeMux()
	mux.Handle("/mcp", protect(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)))
	metadata := auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
		Resource: resource, AuthorizationServers: []string{issuer}, ScopesSupported: []string{"openid"}, BearerMethodsSupported: []string{"header"},
	})
	mux.Handle(metadataPath, metadata)
	mux.Handle("/.well-known/oauth-protected-resource", metadata) // where older clients look

	web := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { web.Close() })
	log.Printf("serving %s, protected by %s", resource, issuer)
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// caller is what the tool answers with.
type caller struct {
	Principal string `json:"principal" jsonschema:"ARN of who signed in"`
	Client    string `json:"client" jsonschema:"id of the client that they let in"`
	Expires   string `json:"expires" jsonschema:"when the token ends"`
}

func whoami(_ context.Context, request *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, caller, error) {
	info := request.Extra.TokenInfo
	client, _ := info.Extra["client_id"].(string)
	return nil, caller{Principal: info.UserID, Client: client, Expires: info.Expiration.UTC().Format(time.RFC3339)}, nil
}
