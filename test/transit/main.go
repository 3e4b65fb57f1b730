// Transit serves the transit engine of Vault, as it is, behind as much of Vault's HTTP as its paths encrypt and decrypt
// need, for the tests of package rootkey: a token, JSON, and statuses. It listens on a free port of loopback and prints its
// URL. The keys a and b are there, and d, which is derived. It ends with its standard input.
//
// The engine is the one of Vault 1.14.8, the last under the MPL 2.0.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	hclog "github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/logical"
)

// engine is the transit engine and what it keeps its keys in.
type engine struct {
	logical.Backend
	storage logical.Storage
	token   string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "transit:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx := context.Background()
	e := engine{storage: &logical.InmemStorage{}, token: os.Getenv("TRANSIT_TOKEN")}
	backend, err := transit.Factory(ctx, &logical.BackendConfig{
		StorageView: e.storage, Logger: hclog.NewNullLogger(), Config: map[string]string{},
		System: &logical.StaticSystemView{DefaultLeaseTTLVal: time.Hour, MaxLeaseTTLVal: time.Hour},
	})
	if err != nil {
		return err
	}
	e.Backend = backend
	for name, data := range map[string]map[string]any{"a": {}, "b": {}, "d": {"derived": true}} {
		if _, err := e.make(ctx, name, data); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		l.Close()
	}()
	s := http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	s.Serve(l)
	return nil
}

// make creates a key. At its first call the engine panics, because its framework finds fault with one of its paths, which
// is not one that is used here; afterwards it works.
func (e engine) make(ctx context.Context, name string, data map[string]any) (resp *logical.Response, err error) {
	defer func() {
		if recover() != nil {
			resp, err = e.make(ctx, name, data)
		}
	}()
	return e.HandleRequest(ctx, &logical.Request{Operation: logical.UpdateOperation, Path: "keys/" + name, Storage: e.storage, Data: data})
}

func (e engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v1/transit/")
	if !ok || r.Method != http.MethodPost {
		refuse(w, http.StatusNotFound)
		return
	}
	if e.token == "" || r.Header.Get("X-Vault-Token") != e.token {
		refuse(w, http.StatusForbidden, "permission denied")
		return
	}
	data := map[string]any{}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&data); err != nil {
		refuse(w, http.StatusBadRequest, "failed to parse JSON input")
		return
	}
	q := &logical.Request{Operation: logical.UpdateOperation, Path: path, Storage: e.storage, Data: data}
	answer, err := e.HandleRequest(r.Context(), q)
	if status, err := logical.RespondErrorCommon(q, answer, err); status != 0 || err != nil {
		logical.AdjustErrorStatusCode(&status, err)
		refuse(w, status, fmt.Sprint(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(logical.LogicalResponseToHTTPResponse(answer))
}

func refuse(w http.ResponseWriter, status int, errors ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string][]string{"errors": errors})
}
