package authorize

import "github.com/latchkey-id/latchkey/internal/signin"

// clientView is what pages say of a client.
type clientView struct {
	Name string
	// Unverified: the client gave itself the name, and nobody has looked whether it is its own. Without a name it is a
	// program that did not say what it is called.
	Unverified bool
}

func nameOf(client signin.Client) clientView {
	return clientView{Name: client.Name, Unverified: client.Class == signin.Dynamic}
}
