package rootkey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/latchkey-id/latchkey/internal/keyring"
)

// KMSOptions name a symmetric key of AWS KMS, or of what speaks like it.
type KMSOptions struct {
	// KeyID is the key's id, its ARN, or its alias with "alias/" in front.
	KeyID string
	// Region of the key; empty: as the SDK finds it (AWS_REGION, or the profile).
	Region string
	// Endpoint is the base URL of the service; empty: that of AWS. See CheckEndpoint.
	Endpoint string
}

// KeyIDPattern is what a KeyID looks like (AWS KMS Encrypt, KeyId), no longer than the id of a root key can be.
var KeyIDPattern = regexp.MustCompile(`^[A-Za-z0-9:/_-]{1,240}$`)

// KMS wraps with a key of AWS KMS: its operations Encrypt and Decrypt, whose encryption context is the label. Whoever
// asks needs kms:Encrypt and kms:Decrypt on the key.
type KMS struct {
	client      *kms.Client
	credentials aws.CredentialsProvider
	key         string
}

// OpenKMS returns the root key that o names. Credentials are found as every AWS SDK finds them: the environment, the
// shared files, a web identity, the role of the container or the machine. The service is not asked yet.
func OpenKMS(ctx context.Context, o KMSOptions) (*KMS, error) {
	if !KeyIDPattern.MatchString(o.KeyID) {
		return nil, errors.New("key_id is not the id, ARN or alias of a KMS key")
	}
	load := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})} // what matters is in the errors
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("the AWS configuration of this user cannot be read: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("the region of the KMS key is not known: set region, or AWS_REGION")
	}
	var t http.RoundTripper = http.DefaultTransport
	if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok { // it knows AWS_CA_BUNDLE
		t = b.GetTransport()
	}
	client := kms.NewFromConfig(cfg, func(ko *kms.Options) {
		ko.HTTPClient = newBounded(t)
		if o.Endpoint != "" {
			ko.BaseEndpoint = aws.String(o.Endpoint)
		}
	})
	return &KMS{client: client, credentials: cfg.Credentials, key: o.KeyID}, nil
}

// ID implements keyring.Wrapper.
func (k *KMS) ID() string { return "aws-kms:" + k.key }

// encryptionContext is what KMS binds to what it wraps, and writes into its own log. Key policies can refer to it.
func encryptionContext(l keyring.Label) map[string]string {
	return map[string]string{"latchkey:purpose": l.Purpose, "latchkey:ring-key": strconv.FormatUint(uint64(l.ID), 10)}
}

// Wrap implements keyring.Wrapper.
func (k *KMS) Wrap(ctx context.Context, l keyring.Label, secret []byte) ([]byte, error) {
	text, err := payload(l, secret)
	if err != nil {
		return nil, err
	}
	if err := k.identify(ctx); err != nil {
		return nil, err
	}
	a, err := k.client.Encrypt(ctx, &kms.EncryptInput{
		KeyId: aws.String(k.key), Plaintext: text, EncryptionContext: encryptionContext(l),
	})
	if err != nil {
		return nil, k.explain(err, "kms:Encrypt")
	}
	if len(a.CiphertextBlob) == 0 {
		return nil, errors.New("KMS answers without a ciphertext: check that endpoint is a KMS")
	}
	return a.CiphertextBlob, nil
}

// Unwrap implements keyring.Wrapper. It names the key, so that nothing opens that somebody wrapped with a key of theirs.
func (k *KMS) Unwrap(ctx context.Context, l keyring.Label, wrapped []byte) ([]byte, error) {
	if err := k.identify(ctx); err != nil {
		return nil, err
	}
	a, err := k.client.Decrypt(ctx, &kms.DecryptInput{
		KeyId: aws.String(k.key), CiphertextBlob: wrapped, EncryptionContext: encryptionContext(l),
	})
	if err != nil {
		return nil, k.explain(err, "kms:Decrypt")
	}
	return secretOf(l, a.Plaintext)
}

// identify errs when there are no credentials to ask with, which are kept until they expire.
func (k *KMS) identify(ctx context.Context) error {
	if _, err := k.credentials.Retrieve(ctx); err != nil {
		return errors.New("no AWS credentials were found for this user: give it a role or set them; `aws sts get-caller-identity`, run as this user, says more")
	}
	return nil
}

// explain says in an operator's words why KMS did not do it.
func (k *KMS) explain(err error, action string) error {
	if _, ok := errors.AsType[*types.IncorrectKeyException](err); ok {
		return keyring.ErrWrongRoot
	}
	if _, ok := errors.AsType[*types.InvalidCiphertextException](err); ok {
		return keyring.ErrWrongRoot
	}
	answer, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return k.unanswered(err)
	}
	switch code := answer.ErrorCode(); code {
	case "AccessDeniedException", "AccessDenied":
		return fmt.Errorf("KMS denies %s: allow it to this role in its policy and in the policy of the key, and check key_id", action)
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
		"IncompleteSignature", "MissingAuthenticationTokenException", "ExpiredTokenException", "InvalidAccessKeyId":
		return errors.New("KMS does not accept the AWS credentials of this user: renew or correct them, and check the clock")
	case "NotFoundException":
		return errors.New("KMS has no such key: check key_id and region")
	case "DisabledException", "KMSInvalidStateException", "KeyUnavailableException":
		return errors.New("the KMS key is disabled, or to be deleted, or not available: enable it")
	case "InvalidKeyUsageException":
		return errors.New("the KMS key is not one that encrypts: name a symmetric key (SYMMETRIC_DEFAULT)")
	case "ThrottlingException", "LimitExceededException":
		return errors.New("KMS is asked too often: it will be asked again")
	}
	return fmt.Errorf("KMS failed to answer %s (%s)", action, status(err))
}

// unanswered says why there is no answer of KMS, or none that makes sense.
func (k *KMS) unanswered(err error) error {
	a, answered := errors.AsType[*awshttp.ResponseError](err)
	if answered && a.HTTPStatusCode() > 0 {
		return fmt.Errorf("KMS answers with status %d and nothing that can be read: check endpoint", a.HTTPStatusCode())
	}
	if sent, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		err = sent.Err // the SDK puts its own words in front
	}
	return fmt.Errorf("KMS: %w", unreachable(err))
}

// status returns the HTTP status of an answer, for operators.
func status(err error) string {
	if a, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return "status " + strconv.Itoa(a.HTTPStatusCode())
	}
	return "no status"
}
