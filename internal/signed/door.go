// Package signed is the way in of every operation that takes only signed requests: a call goes in; its members and who signed
// it come out, or the fault that it is answered with. Operations that prove their callers otherwise come in by the same way up
// to the signature.
//
// What is cheap comes first, and nothing is asked of the database before the body is well-formed:
//
//	decode     the body, by the shape of the operation
//	pace       the address has waited its turn, and there is room
//	signature  SigV4 for the service signin in the configured region, header or presigned, by a long-lived access key or by
//	           temporary credentials of this server
//
// Whether the caller may do what it asks is for the operation to decide, with package permit.
package signed

import (
	"github.com/latchkey-id/latchkey/internal/caller"
	"github.com/latchkey-id/latchkey/internal/limit"
	"github.com/latchkey-id/latchkey/internal/wire"
)

// Door lets signed requests in. All its fields are needed.
type Door struct {
	Callers *caller.Resolver
	// Region is the one that credential scopes must name.
	Region    string
	ByAddress *limit.Limiter
	Gate      *limit.Gate
	// LongBodies bounds how many bodies above wire.ShortTokenBody are being read at once.
	LongBodies *limit.Gate
}

// Admit returns the members of c, whoever sent it: Enter without the signature. Call leave when c is answered; it is nil where
// there is an error. The record of c names the operation.
func (d *Door) Admit(c *wire.Call, shape *wire.Shape) (v wire.Values, leave func(), err error) {
	c.Record.Operation = shape.Operation
	if v, err = d.decode(c, shape); err != nil {
		return v, nil, err
	}
	if err := d.ByAddress.Wait(c.Context(), limit.Network(c.Remote).String(), c.Now); err != nil {
		return v, nil, err
	}
	leave, err = d.Gate.Enter(c.Context())
	return v, leave, err
}

// Enter returns the members of c and who signed it. Call leave when c is answered; it is nil where there is an error. The
// record of c names the operation, and the caller once the signature is proved.
func (d *Door) Enter(c *wire.Call, shape *wire.Shape) (v wire.Values, who caller.Caller, leave func(), err error) {
	if v, leave, err = d.Admit(c, shape); err != nil {
		return v, who, nil, err
	}
	if who, err = d.Callers.Signed(c.Context(), c.Request, v.Body, d.Region, c.Now); err != nil {
		leave()
		return v, who, nil, err
	}
	c.Record.Principal = who.ARN
	if who.Session != nil {
		c.Record.Session, c.Record.Person = who.Session.ID.String(), who.Session.Principal.PersonID
	}
	return v, who, leave, nil
}

func (d *Door) decode(c *wire.Call, shape *wire.Shape) (wire.Values, error) {
	if c.ContentLength < 0 || c.ContentLength > wire.ShortTokenBody {
		leave, err := d.LongBodies.Enter(c.Context())
		if err != nil {
			return wire.Values{}, err
		}
		defer leave()
	}
	return shape.Decode(c)
}
