package identity

import (
	"net/http"
	"time"

	"github.com/latchkey-id/latchkey/internal/seal"
)

// deviceLifetime is how long a browser is known after the last sign-in. It ends sooner when the key that sealed the
// cookie leaves the ring.
const deviceLifetime = 90 * 24 * time.Hour

// Device returns what the device cookie of the browser that asks r says, or the zero value. It authenticates nobody: it
// says that the attempts of this browser are to be counted apart from those of strangers.
func (b *Browsers) Device(r *http.Request, now time.Time) seal.Device {
	cookie, err := r.Cookie(b.name(r, deviceCookie))
	if err != nil {
		return seal.Device{}
	}
	d, err := seal.OpenDevice(b.Keys, cookie.Value)
	if err != nil || now.Sub(d.Issued) > deviceLifetime {
		return seal.Device{}
	}
	return d
}
