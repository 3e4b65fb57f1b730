package main

import (
	"errors"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/signin/types"
	"github.com/aws/smithy-go"
)

// fault is what a program learns of a refusal.
type fault struct {
	// Exception is the type of package types that the error is of; empty where it is of none.
	Exception string `json:"exception,omitempty"`
	// Code is the member error of that type.
	Code    string `json:"code,omitempty"`
	Status  int    `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
	// Text is the whole of the error, for whoever reads a test that failed.
	Text string `json:"text,omitempty"`
}

// failed returns what err tells.
func failed(err error) reply {
	r := reply{fault: fault{Text: err.Error()}}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		r.RequestID, r.Status = response.ServiceRequestID(), response.HTTPStatusCode()
	}
	told, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return r
	}
	r.Message = told.ErrorMessage()
	know := func(exception string, code types.OAuth2ErrorCode) { r.Exception, r.Code = exception, string(code) }
	switch e := told.(type) {
	case *types.AccessDeniedException:
		know("AccessDeniedException", e.Error_)
	case *types.ConflictException:
		know("ConflictException", e.Error_)
	case *types.InternalServerException:
		know("InternalServerException", e.Error_)
	case *types.InvalidGrantException:
		know("InvalidGrantException", e.Error_)
	case *types.InvalidScopeException:
		know("InvalidScopeException", e.Error_)
	case *types.ResourceNotFoundException:
		know("ResourceNotFoundException", e.Error_)
	case *types.ServiceQuotaExceededException:
		know("ServiceQuotaExceededException", e.Error_)
	case *types.ServiceUnavailableException:
		know("ServiceUnavailableException", e.Error_)
	case *types.TooManyRequestsError:
		know("TooManyRequestsError", e.Error_)
	case *types.ValidationException:
		know("ValidationException", e.Error_)
	}
	return r
}
