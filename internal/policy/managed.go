package policy

// LocalDevelopment is a document like the AWS managed policy SignInLocalDevelopmentAccess: it lets a role sign in from
// the CLI and SDKs, on this device and on another, and through confidential clients.
const LocalDevelopment = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],` +
	`"Resource":["arn:aws:signin:*:*:oauth2/public-client/*","arn:aws:signin:*:*:oauth2/confidential-client/*"]}]}`

// ExchangeToken is a document that lets a service user be the principal of a confidential client.
const ExchangeToken = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
	`"Action":"signin:ExchangeToken","Resource":"arn:aws:signin:*:*:oauth2/confidential-client/*"}]}`

// managedPrefix begins the ARN of every policy that is built in, as with AWS.
const managedPrefix = "arn:aws:iam::aws:policy/"

// Managed are the policies that are built in, by ARN. They allow what AWS documents of the managed policies of those names
// (AWS Sign-In user guide, "AWS managed policies").
var Managed = map[string]string{
	managedPrefix + "SignInLocalDevelopmentAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],"Resource":"arn:aws:signin:*:*:oauth2/public-client/*"}]}`,
	managedPrefix + "AWSMCPSignInOAuthAccessPolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Action":["signin:AuthorizeOAuth2Access","signin:CreateOAuth2Token"],"Resource":"arn:aws:signin:*:*:service-principal/aws-mcp.amazonaws.com"}]}`,
	managedPrefix + "AWSSignInResourcePolicyManagement": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Action":["signin:PutResourcePermissionStatement","signin:DeleteResourcePermissionStatement","signin:ListResourcePermissionStatements",` +
		`"signin:GetResourcePolicy","signin:PutConsoleAuthorizationConfiguration","signin:GetConsoleAuthorizationConfiguration",` +
		`"signin:DeleteConsoleAuthorizationConfiguration"],"Resource":"*"}]}`,
}

// ManagedByARN returns the document of a policy that is built in.
func ManagedByARN(arn string) (document string, ok bool) {
	document, ok = Managed[arn]
	return document, ok
}
