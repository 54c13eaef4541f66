package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"
)

// yaml writes the config out in full, lists of plain values on one line as the
// tag flow says.
func (c Config) yaml() ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(c); err != nil {
		return nil, fmt.Errorf("writing the resolved config: %w", err)
	}
	return text.Bytes(), nil
}

// node is the config as YAML.
func (c Config) node() (*yaml.Node, error) {
	var root yaml.Node
	if err := root.Encode(c); err != nil {
		return nil, fmt.Errorf("writing the resolved config: %w", err)
	}
	return &root, nil
}

// hash is the config hash, see [Resolved].
func (c Config) hash() (string, error) {
	dropUnhashed(reflect.ValueOf(&c).Elem())
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("hashing the config: %w", err)
	}
	// Through a map, so that the order of the struct's fields does not matter.
	var keys map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&keys); err != nil {
		return "", fmt.Errorf("hashing the config: %w", err)
	}
	if text, err = json.Marshal(keys); err != nil {
		return "", fmt.Errorf("hashing the config: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// dropUnhashed zeroes the fields that do not change a run's result.
func dropUnhashed(v reflect.Value) {
	for i := range v.NumField() {
		field := v.Field(i)
		switch {
		case v.Type().Field(i).Tag.Get("hash") == "-":
			field.SetZero()
		case field.Kind() == reflect.Struct:
			dropUnhashed(field)
		}
	}
}
