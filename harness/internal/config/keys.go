package config

// Keys lists the dotted paths of all values that a config can set, such as train.lr, in the order of the schema.
func Keys() (keys []string) {
	for name, section := range rules().Properties.FromOldest() {
		switch {
		case name == "base": // not a value: it says where to take others from
		case section.Type != "object":
			keys = append(keys, name)
		default:
			for key := range section.Properties.FromOldest() {
				keys = append(keys, join(name, key))
			}
		}
	}
	return keys
}
