package config

import (
	"fmt"
	"net/textproto"
	"regexp"
)

// headerPattern is a name of a header that stands for nothing else: one that begins with X-, as no standard header does.
var headerPattern = regexp.MustCompile(`^[Xx]-[A-Za-z0-9-]{1,60}$`)

// notForNetwork are those of them that mean something here already: the way of a request through proxies, and what AWS's
// clients send.
var notForNetwork = regexp.MustCompile(`^X-(Forwarded-|Real-Ip$|Amz)`)

// check returns nil, or says which key is wrong. It writes the names as the server compares them.
func (k *NetworkKeys) check(proxies bool) error {
	seen := map[string]string{}
	for _, f := range []struct {
		key    string
		header *string
	}{
		{"network_keys.source_vpc", &k.SourceVPC},
		{"network_keys.source_vpce", &k.SourceVPCE},
		{"network_keys.vpc_source_ip", &k.VPCSourceIP},
	} {
		if *f.header == "" {
			continue
		}
		name := textproto.CanonicalMIMEHeaderKey(*f.header)
		switch {
		case !headerPattern.MatchString(*f.header) || notForNetwork.MatchString(name):
			return fmt.Errorf("%s: %q is not a header of your own, like X-Source-Vpc", f.key, *f.header)
		case !proxies:
			return fmt.Errorf("%s is set, and trusted_proxies is not: nobody's word about the network would be believed", f.key)
		case seen[name] != "":
			return fmt.Errorf("%s and %s are the same header", seen[name], f.key)
		}
		seen[name], *f.header = f.key, name
	}
	return nil
}
