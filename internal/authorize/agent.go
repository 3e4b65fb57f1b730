package authorize

import "strings"

// agent says in plain words which browser sent a User-Agent header. The words are all of this program; what the header
// says beyond them is not shown.
func agent(header string) string {
	browser, system := named(header, browsers), named(header, systems)
	switch {
	case browser == "" && system == "":
		return "an unknown browser"
	case browser == "":
		return "an unknown browser on " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

// marks are looked for in order: browsers claim to be those that came before them.
type mark struct{ text, name string }

var browsers = []mark{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
}

var systems = []mark{
	{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Macintosh", "macOS"},
	{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
}

func named(header string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(header, m.text) {
			return m.name
		}
	}
	return ""
}
