package control

import (
	"regexp"

	"github.com/latchkey-id/latchkey/internal/wire"
)

// The members that more than one operation has.
var (
	clientToken = wire.Member{Name: "clientToken", Min: 1, Max: 64, Pattern: regexp.MustCompile(`^[!-~]+$`), Rule: "printable ASCII without spaces"}
	nextToken   = wire.Member{Name: "nextToken", Max: 2048, Pattern: regexp.MustCompile(`^[-a-zA-Z0-9+=/_]*$`), Rule: "what the page before gave"}
	// targetID may be empty, which is as good as absent (PutConsoleAuthorizationConfiguration, targetId).
	targetID = wire.Member{Name: "targetId", Max: 32, Pattern: regexp.MustCompile(`^(|[0-9]{12}|o-[a-z0-9]{10}|r-[0-9a-z]{4,32})$`),
		Rule: "an account of 12 digits, or the id of an organization or its root"}
	instance = wire.Member{Name: "identityCenterInstanceArn", Min: 10, Max: 1224, Needed: true,
		Pattern: regexp.MustCompile(`^arn:[a-z0-9-]+:sso:::instance/(sso)?ins-[a-zA-Z0-9.-]{16}$`), Rule: "the ARN of an IAM Identity Center instance"}

	endpointPattern = regexp.MustCompile(`^vpce-[a-z0-9]{8,20}$`)
)

// maxAddress is the longest CIDR range in characters.
const maxAddress = 64

// putShape is the request of PutResourcePermissionStatement.
var putShape = wire.Shape{Operation: "PutResourcePermissionStatement", Empty: true, Members: []wire.Member{
	clientToken,
	{Name: "consoleSourceVpce", Pattern: endpointPattern, Rule: "vpce- and 8 to 20 small letters and digits"},
	{Name: "excludedPrincipal", Min: 20, Max: 2048},
	{Name: "requestedRegion", Pattern: regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`), Rule: "of the form us-east-1"},
	{Name: "signinSourceVpce", Pattern: endpointPattern, Rule: "vpce- and 8 to 20 small letters and digits"},
	{Name: "sourceIp", Min: 1, Max: maxAddress},
	{Name: "sourceVpc", Pattern: regexp.MustCompile(`^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`), Rule: "vpc- and 8 or 17 hexadecimal digits"},
	{Name: "vpcSourceIp", Min: 1, Max: maxAddress},
}}

var deleteShape = wire.Shape{Operation: "DeleteResourcePermissionStatement", Members: []wire.Member{
	{Name: "statementId", Needed: true, Pattern: regexp.MustCompile(`^[A-Za-z0-9+/]{64}=?$`), Rule: "64 characters of base64"},
	clientToken,
}}

var listShape = wire.Shape{Operation: "ListResourcePermissionStatements", Empty: true, Members: []wire.Member{
	{Name: "maxResults", Kind: wire.Number, Min: 1, Max: mostStatements},
	nextToken,
}}

var policyShape = wire.Shape{Operation: "GetResourcePolicy", Empty: true}

// The request of the three operations about console authorization.
var (
	switchOnShape  = wire.Shape{Operation: "PutConsoleAuthorizationConfiguration", Empty: true, Members: []wire.Member{targetID}}
	askSwitchShape = wire.Shape{Operation: "GetConsoleAuthorizationConfiguration", Empty: true, Members: []wire.Member{targetID}}
	switchOffShape = wire.Shape{Operation: "DeleteConsoleAuthorizationConfiguration", Empty: true, Members: []wire.Member{targetID}}
)

// The requests about applications, which come as AWS JSON as well.
var (
	createShape = wire.Shape{Operation: "CreateTrustedIdentityPropagationApplicationForConsole", AWSJSON: true, Members: []wire.Member{instance}}
	findShape   = wire.Shape{Operation: "ListTrustedIdentityPropagationApplicationsForConsole", AWSJSON: true, Members: []wire.Member{
		instance,
		{Name: "maxResults", Kind: wire.Number, Min: 1, Max: 1},
		nextToken,
	}}
)
