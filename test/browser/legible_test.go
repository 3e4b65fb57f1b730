package browser

// The contrast that WCAG 2.2 asks for: of text (1.4.3, level AA) and of the outline of a field (1.4.11).
const (
	textContrast  = 4.5
	fieldContrast = 3.0
)

// isLegible checks contrast, motion and sizes in the colour scheme.
func (b *tab) isLegible(scheme string) {
	b.t.Helper()
	type finding struct {
		Text  string
		Ratio float64
	}
	for _, f := range eval[[]finding](b, contrastScript+`.texts()`) {
		if f.Ratio < textContrast {
			b.t.Errorf("%s: contrast of %q = %.2f, want at least %.1f", scheme, f.Text, f.Ratio, textContrast)
		}
	}
	for _, f := range eval[[]finding](b, contrastScript+`.fields()`) {
		if f.Ratio < fieldContrast {
			b.t.Errorf("%s: contrast of the outline of %q = %.2f, want at least %.1f", scheme, f.Text, f.Ratio, fieldContrast)
		}
	}
	moving := eval[[]string](b, `[...document.querySelectorAll("*")].filter(e =>
		["transitionDuration", "animationDuration"].some(n => getComputedStyle(e)[n].split(", ").some(d => d !== "0s"))).map(e => e.outerHTML.slice(0, 80))`)
	if len(moving) > 0 {
		b.t.Errorf("moving for a person who wants no motion: %q", moving)
	}
	small := eval[[]string](b, `[...document.querySelectorAll("a, button, input:not([type=hidden]), textarea, label.choice")].filter(e => {
		const r = e.getBoundingClientRect(), target = e.type === "radio" ? e.closest("label").getBoundingClientRect() : r;
		return e.checkVisibility() && (target.height < 24 || target.width < 24);
	}).map(e => e.outerHTML.slice(0, 80))`)
	if len(small) > 0 {
		b.t.Errorf("smaller than 24 pixels (WCAG 2.5.8): %q", small)
	}
}

// contrastScript measures contrast as WCAG 2.2 defines it, over whatever backgrounds lie behind an element.
const contrastScript = `(() => {
	const parse = c => {
		const m = c.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
		if (!m) throw new Error("colour " + c);
		return [+m[1], +m[2], +m[3], m[4] === undefined ? 1 : +m[4]];
	};
	const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
	const behind = e => {
		const layers = [];
		for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
		const canvas = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
		return layers.reduceRight((below, layer) => over(layer, below), canvas);
	};
	const light = c => {
		const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ratio = (a, b) => {
		const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
		return (x + 0.05) / (y + 0.05);
	};
	const of = (e, colour, ground) => ratio(over(parse(colour), ground), ground);
	return {
		texts() {
			const out = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
			while (walker.nextNode()) {
				const text = walker.currentNode.data.trim(), e = walker.currentNode.parentElement;
				if (text && e.checkVisibility()) out.push({text, ratio: of(e, getComputedStyle(e).color, behind(e))});
			}
			for (const e of document.querySelectorAll("input:not([type=hidden]):not([type=radio]), textarea"))
				out.push({text: "what is in " + e.id, ratio: of(e, getComputedStyle(e).color, behind(e))});
			return out;
		},
		outline: e => of(e, getComputedStyle(e).outlineColor, behind(e.parentElement)),
		fields() {
			return [...document.querySelectorAll("input:not([type=hidden]):not([type=radio]), textarea")].map(e =>
				({text: e.id, ratio: of(e, getComputedStyle(e).borderTopColor, behind(e.parentElement))}));
		},
	};
})()`
