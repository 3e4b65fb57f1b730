package signin

import "net/netip"

// Network says where a request came from, for the condition keys of policies (IAM, global condition keys). The facts about
// a VPC are what a trusted proxy says; without one they are empty.
type Network struct {
	SourceIP    netip.Addr // aws:SourceIp
	VPC         string     // aws:SourceVpc, vpc-…
	VPCEndpoint string     // aws:SourceVpce, vpce-…
	VPCSourceIP netip.Addr // aws:VpcSourceIp, the address inside of the VPC
}
