package signin

import "regexp"

var policyNamePattern = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,128}$`)

// ValidPolicyName tells whether name can name a managed policy (IAM CreatePolicy, PolicyName: 1–128 of letters, digits and
// _+=,.@-).
func ValidPolicyName(name string) bool { return policyNamePattern.MatchString(name) }

// PolicyARN returns arn:aws:iam::<account>:policy/<name>. The account of those that are built in is the word aws, which no
// account can be called: see ValidAccount.
func PolicyARN(account, name string) string { return "arn:aws:iam::" + account + ":policy/" + name }
