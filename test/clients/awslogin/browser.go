package awslogin

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// maxPage is how much of a page the browser reads, in bytes.
const maxPage = 1 << 20

// browse follows redirects from address to a page and returns its text. A status other than 200 is an error.
func browse(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the browser got %s: %.300q", response.Status, page)
	}
	return string(page), nil
}

// codeShape finds what may be a verification code. Only padded base64 of the standard alphabet counts: the CLI and
// Tools for PowerShell decode nothing else.
var codeShape = regexp.MustCompile(`[A-Za-z0-9+/]{40,}={0,2}`)

// VerificationCode reads the state and the code from the text that a confirmation page shows.
func VerificationCode(page string) (url.Values, error) {
	page = strings.NewReplacer("&#43;", "+", "&#61;", "=", "&#x2F;", "/").Replace(page)
	for _, found := range codeShape.FindAllString(page, -1) {
		text, err := base64.StdEncoding.Strict().DecodeString(found)
		if err != nil {
			continue
		}
		query, err := url.ParseQuery(string(text))
		if err == nil && query.Get("state") != "" && query.Get("code") != "" {
			return query, nil
		}
	}
	return nil, fmt.Errorf("no verification code on the page: %.300q", page)
}
