package sts

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// namespace is that of the answers in XML.
const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

type identityXML struct {
	XMLName xml.Name `xml:"GetCallerIdentityResponse"`
	NS      string   `xml:"xmlns,attr"`
	Result  identity `xml:"GetCallerIdentityResult"`
	Meta    metadata `xml:"ResponseMetadata"`
}

type identityJSON struct {
	Response struct {
		Result identity `json:"GetCallerIdentityResult"`
		Meta   metadata `json:"ResponseMetadata"`
	} `json:"GetCallerIdentityResponse"`
}

type identity struct {
	Arn     string
	UserID  string `xml:"UserId" json:"UserId"`
	Account string
}

type metadata struct {
	RequestID string `xml:"RequestId" json:"RequestId"`
}

type errorXML struct {
	XMLName   xml.Name    `xml:"ErrorResponse" json:"-"`
	NS        string      `xml:"xmlns,attr" json:"-"`
	Error     errorDetail `xml:"Error"`
	RequestID string      `xml:"RequestId" json:"RequestId"`
}

type errorDetail struct {
	Type    string
	Code    string
	Message string
}

func writeIdentity(w http.ResponseWriter, c *wire.Call, who caller.Caller) {
	result := identity{Arn: who.ARN, UserID: who.UserID, Account: who.Account}
	if wantsJSON(c) {
		var v identityJSON
		v.Response.Result, v.Response.Meta.RequestID = result, c.ID
		write(w, c, http.StatusOK, v)
		return
	}
	write(w, c, http.StatusOK, identityXML{NS: namespace, Result: result, Meta: metadata{c.ID}})
}

func writeError(w http.ResponseWriter, c *wire.Call, err error) {
	c.Record.Err = err
	r := refusalOf(c, err)
	kind := "Sender"
	if r.Status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	write(w, c, r.Status, errorXML{NS: namespace, Error: errorDetail{kind, r.Code, r.Message}, RequestID: c.ID})
}

// wantsJSON tells whether the caller's first choice is JSON.
func wantsJSON(c *wire.Call) bool {
	first, _, _ := strings.Cut(c.Header.Get("Accept"), ",")
	first, _, _ = strings.Cut(first, ";")
	return strings.EqualFold(strings.TrimSpace(first), "application/json")
}

func write(w http.ResponseWriter, c *wire.Call, status int, v any) {
	if wantsJSON(c) {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // strings always marshal
		}
		wire.WriteJSON(w, c, status, b)
		return
	}
	b, err := xml.Marshal(v)
	if err != nil {
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	if c.Method != http.MethodHead {
		w.Write(b)
	}
}
