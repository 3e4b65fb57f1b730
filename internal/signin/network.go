package signin

import (
	"net/netip"
	"regexp"
)

// Network says where a request came from, for the condition keys of policies (IAM, global condition keys). The facts about
// a VPC are what a trusted proxy says; without one they are empty.
type Network struct {
	SourceIP    netip.Addr // aws:SourceIp
	VPC         string     // aws:SourceVpc, vpc-…
	VPCEndpoint string     // aws:SourceVpce, vpce-…
	VPCSourceIP netip.Addr // aws:VpcSourceIp, the address inside of the VPC
}

var (
	vpcPattern         = regexp.MustCompile(`^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`)
	vpcEndpointPattern = regexp.MustCompile(`^vpce-[a-z0-9]{8,20}$`)
)

// ValidVPC tells whether id has the form of the id of a VPC (PutResourcePermissionStatement, sourceVpc).
func ValidVPC(id string) bool { return vpcPattern.MatchString(id) }

// ValidVPCEndpoint tells whether id has the form of the id of a VPC endpoint (PutResourcePermissionStatement,
// signinSourceVpce).
func ValidVPCEndpoint(id string) bool { return vpcEndpointPattern.MatchString(id) }
