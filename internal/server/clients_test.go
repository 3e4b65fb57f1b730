package server_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/latchkey-id/latchkey/internal/config"
	"github.com/latchkey-id/latchkey/internal/testkit"
)

// Clients go by the metadata: what is off must not be offered, and what is on is found by no other way.
func TestMetadataSaysHowClientsMayCome(t *testing.T) {
	for _, enabled := range []bool{true, false} {
		for _, documents := range []bool{true, false} {
			s := testkit.Start(t, func(c *config.Config) { c.Registration.Enabled, c.Registration.MetadataDocuments = enabled, documents })
			body := s.Do(httptest.NewRequest("GET", s.Base+"/.well-known/oauth-authorization-server", nil)).Body.String()
			if got := strings.Contains(body, `"registration_endpoint":"`+s.Base+`/v1/register"`); got != enabled {
				t.Errorf("registration is %v, the metadata says %v", enabled, got)
			}
			if got := strings.Contains(body, `"client_id_metadata_document_supported":true`); got != documents {
				t.Errorf("documents are %v, the metadata says %v", documents, got)
			}
			if w := s.Do(httptest.NewRequest("POST", s.Base+"/v1/register", nil)); (w.Code == 404) == enabled {
				t.Errorf("registration is %v, its path answers %d", enabled, w.Code)
			}
		}
	}
}
