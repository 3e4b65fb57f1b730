package signin

import "testing"

// Each length at its edge and one past it (PutResourcePermissionStatement).
func TestIDsOfVPCsHaveTheirForm(t *testing.T) {
	for id, want := range map[string]bool{
		"vpc-0123abcd": true, "vpc-0123456789abcdef0": true, "vpc-0123abc": false, "vpc-0123abcde": false,
		"vpc-0123456789abcdef": false, "vpc-0123456789abcdef01": false, "vpc-0123ABCD": false, "vpc-0123abcg": false,
		"vpce-0123abcd": false, "VPC-0123abcd": false, "": false, "vpc-0123abcd\n": false, " vpc-0123abcd": false, "vpc-0123abcd,vpc-0123abcd": false,
	} {
		if got := ValidVPC(id); got != want {
			t.Errorf("ValidVPC(%q) = %v, want %v", id, got, want)
		}
	}
	for id, want := range map[string]bool{
		"vpce-0123abcz": true, "vpce-0123456789abcdefghij": true, "vpce-0123abc": false, "vpce-0123456789abcdefghijk": false,
		"vpce-0123ABCD": false, "vpc-0123abcd": false, "": false, "vpce-0123abcd\n": false,
	} {
		if got := ValidVPCEndpoint(id); got != want {
			t.Errorf("ValidVPCEndpoint(%q) = %v, want %v", id, got, want)
		}
	}
}
