package cluster

import "unicode/utf8"

// NoteLimit is what the API server takes of an Event's note, in bytes.
const NoteLimit = 1024

// Cut shortens a text to at most limit bytes, at a whole character.
func Cut(text string, limit int) string {
	const more = "…"
	if len(text) <= limit {
		return text
	}
	end := limit - len(more)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + more
}
