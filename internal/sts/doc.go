// Package sts answers sts:GetCallerIdentity in the AWS query protocol, so that `aws sts get-caller-identity` works with
// the credentials of this server: a signed request goes in, who signed it comes out, as XML or JSON.
package sts
