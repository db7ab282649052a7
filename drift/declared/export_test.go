package declared

// Read reads the manifests of one file.
func Read(file string, text []byte) (objects []map[string]any, problems []Problem) {
	documents, problems := readManifests(file, text)
	for _, d := range documents {
		objects = append(objects, d.object)
	}
	return objects, problems
}
