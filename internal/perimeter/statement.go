package perimeter

import (
	"fmt"
	"net/netip"
	"regexp"

	"github.com/go-json-experiment/json"

	"github.com/latchkey-id/latchkey/internal/signin"
)

// Statement says from where people may act in an account (PutResourcePermissionStatement). The members about a VPC narrow
// each other; SourceIP is another way in beside them, because a request comes either through a VPC endpoint or from an
// address of the internet.
type Statement struct {
	SourceIP          string `json:"sourceIp,omitzero"`          // address or CIDR range
	SourceVPC         string `json:"sourceVpc,omitzero"`         // vpc-…
	SigninSourceVPCE  string `json:"signinSourceVpce,omitzero"`  // vpce-…
	ConsoleSourceVPCE string `json:"consoleSourceVpce,omitzero"` // vpce-…, as good as the one above
	VPCSourceIP       string `json:"vpcSourceIp,omitzero"`       // address or CIDR range inside of the VPC
	RequestedRegion   string `json:"requestedRegion,omitzero"`   // of the VPC
	// ExcludedPrincipal is the ARN of the one principal that the statement does not bother.
	ExcludedPrincipal string `json:"excludedPrincipal,omitzero"`
}

// Document returns s as the store keeps it. The same statement gives the same text.
func (s Statement) Document() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // every member was checked to be UTF-8
	}
	return string(b)
}

// ParseStatement reads what Document wrote. It refuses members that it does not know: a statement that a later version
// wrote must not be taken for a weaker one.
func ParseStatement(document string) (Statement, error) {
	var s Statement
	if err := json.Unmarshal([]byte(document), &s, json.RejectUnknownMembers(true)); err != nil {
		return Statement{}, fmt.Errorf("permission statement cannot be read: %w", err)
	}
	return s, s.check()
}

// inVPC tells whether s says anything about a VPC.
func (s Statement) inVPC() bool {
	return s.SourceVPC != "" || s.SigninSourceVPCE != "" || s.ConsoleSourceVPCE != ""
}

// principalPattern is the documented one (PutResourcePermissionStatement, excludedPrincipal).
var principalPattern = regexp.MustCompile(`^arn:aws:(iam::[0-9]{12}:role/[a-zA-Z0-9_+=,.@-]{1,64}` +
	`|iam::[0-9]{12}:user/[a-zA-Z0-9_+=,.@-]{1,64}|sts::[0-9]{12}:federated-user/[a-zA-Z0-9_+=,.@-]{2,193}|iam::[0-9]{12}:root)$`)

// ValidPrincipal tells whether arn can be an ExcludedPrincipal: the ARN of a role, a user, the root user or a federated user.
func ValidPrincipal(arn string) bool { return principalPattern.MatchString(arn) }

// Check returns s as it is kept, or a fault that says what is wrong with it. region is this server's: what comes through a
// VPC of another cannot come here, so a statement that waits for it would keep everybody out.
func (s Statement) Check(region string) (Statement, error) {
	if err := s.check(); err != nil {
		return Statement{}, err
	}
	if s.RequestedRegion != "" && s.RequestedRegion != region {
		return Statement{}, signin.Refuse(signin.ParameterInvalid, "requestedRegion must be %s, which every request here is for: with another, nobody could sign in", region)
	}
	for _, ip := range []*string{&s.SourceIP, &s.VPCSourceIP} {
		if *ip != "" {
			*ip = canonical(*ip)
		}
	}
	return s, nil
}

func (s Statement) check() error {
	switch {
	case s.SourceIP == "" && !s.inVPC() && s.VPCSourceIP == "":
		return signin.Refuse(signin.ParameterMissing, "a statement needs sourceIp, sourceVpc, signinSourceVpce or consoleSourceVpce: one that says from nowhere would keep everybody out")
	case s.SourceIP != "" && canonical(s.SourceIP) == "":
		return refuseAddress("sourceIp")
	case s.VPCSourceIP != "" && canonical(s.VPCSourceIP) == "":
		return refuseAddress("vpcSourceIp")
	case s.SourceVPC != "" && !signin.ValidVPC(s.SourceVPC):
		return signin.Refuse(signin.ParameterInvalid, "sourceVpc must be the id of a VPC")
	case s.SigninSourceVPCE != "" && !signin.ValidVPCEndpoint(s.SigninSourceVPCE), s.ConsoleSourceVPCE != "" && !signin.ValidVPCEndpoint(s.ConsoleSourceVPCE):
		return signin.Refuse(signin.ParameterInvalid, "signinSourceVpce and consoleSourceVpce must be ids of VPC endpoints")
	case s.VPCSourceIP != "" && !s.inVPC():
		return signin.Refuse(signin.ParameterMissing, "vpcSourceIp needs sourceVpc, signinSourceVpce or consoleSourceVpce: every VPC may have the same addresses")
	case s.inVPC() && s.RequestedRegion == "":
		return signin.Refuse(signin.ParameterMissing, "requestedRegion is missing: it is needed with sourceVpc, signinSourceVpce and consoleSourceVpce, whose ids are unique in a region only")
	case !s.inVPC() && s.RequestedRegion != "":
		return signin.Refuse(signin.ParameterMissing, "requestedRegion needs sourceVpc, signinSourceVpce or consoleSourceVpce: alone it keeps nobody out")
	case s.ExcludedPrincipal != "" && !ValidPrincipal(s.ExcludedPrincipal):
		return signin.Refuse(signin.ParameterInvalid, "excludedPrincipal must be the ARN of a role, a user, a federated user or a root user of partition aws")
	}
	return nil
}

func refuseAddress(member string) error {
	return signin.Refuse(signin.ParameterInvalid, "%s must be an address or a CIDR range, like 203.0.113.0/24 or 2001:db8::/32", member)
}

// canonical returns an address or range in its one spelling, or nothing when it is neither. A range may have bits beyond its
// length, as in IAM. An IPv4 address that is written as IPv6 is refused: callers are never seen under one.
func canonical(text string) string {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" && !addr.Is4In6() {
		return addr.String()
	}
	if p, err := netip.ParsePrefix(text); err == nil && !p.Addr().Is4In6() {
		return p.String()
	}
	return ""
}
