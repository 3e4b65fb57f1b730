package server

import (
	"net/http"
	"net/netip"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// network says where r came from. What a header says about a VPC is believed only when a trusted proxy sent the request
// itself, and only when it says one thing in the form that it must have: everything else counts as absent, which policies
// and permission statements take for a foreign network.
func (s *Server) network(r *http.Request, remote netip.Addr) signin.Network {
	n := signin.Network{SourceIP: remote}
	keys := s.networkKeys
	if keys.SourceVPC == "" && keys.SourceVPCE == "" && keys.VPCSourceIP == "" || !s.behindProxy(r) {
		return n
	}
	if v := single(r.Header, keys.SourceVPC); signin.ValidVPC(v) {
		n.VPC = v
	}
	if v := single(r.Header, keys.SourceVPCE); signin.ValidVPCEndpoint(v) {
		n.VPCEndpoint = v
	}
	if addr, err := netip.ParseAddr(single(r.Header, keys.VPCSourceIP)); err == nil && addr.Zone() == "" {
		n.VPCSourceIP = addr.Unmap()
	}
	return n
}

// single returns the value of a header that is there once, else nothing. The name is in canonical form.
func single(h http.Header, name string) string {
	if values := h[name]; name != "" && len(values) == 1 {
		return values[0]
	}
	return ""
}
