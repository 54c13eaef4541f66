package store

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/yamlfile"
)

const (
	queryWholeConfigs = `SELECT run_id, resolved_yaml FROM run_records`
	queryClearConfig  = `DELETE FROM run_config WHERE run_id = ?`
	queryConfigCount  = `SELECT count(*) FROM run_config WHERE run_id = ?`
)

// lostConfigs restores, from the configs, missing values that runs are found by.
func (s *salvage) lostConfigs(ctx context.Context) error {
	records, err := pairs(ctx, s.tx, queryWholeConfigs)
	if err != nil {
		return err
	}
	for id, text := range records {
		values, err := flattenConfig(text)
		if err != nil {
			continue // it never had any
		}
		var n int
		if err := s.tx.QueryRowContext(ctx, queryConfigCount, id).Scan(&n); err != nil {
			return err
		}
		if n == len(values) {
			continue
		}
		if _, err := s.tx.ExecContext(ctx, queryClearConfig, id); err != nil {
			return err
		}
		for _, v := range values {
			if _, err := s.tx.ExecContext(ctx, queryInsertConfig, id, v.path, v.value, v.number); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	queryUnrecorded = `SELECT id FROM runs WHERE id NOT IN (SELECT run_id FROM run_records) UNION SELECT run_id
		FROM run_config WHERE run_id NOT IN (SELECT run_id FROM run_records)`
	querySavedConfig = `SELECT path, value, number IS NOT NULL FROM run_config WHERE run_id = ?`
)

// lostRecords restores lost configs from the values that runs are found by.
func (s *salvage) lostRecords(ctx context.Context) error {
	ids, err := column[string](ctx, s.tx, queryUnrecorded)
	if err != nil {
		return err
	}
	for _, id := range ids {
		text, err := s.configOf(ctx, id)
		if err != nil {
			return err
		}
		if _, err := s.tx.ExecContext(ctx, queryInsertRecord, id, text, "", text, "[]", "[]", "{}"); err != nil {
			return err
		}
		s.lose(id, "the config as it was written, the values set on the command line, that line and the environment "+
			"(the values of the config that were found make a new one)")
	}
	return nil
}

func (s *salvage) configOf(ctx context.Context, id string) (string, error) {
	rows, err := s.tx.QueryContext(ctx, querySavedConfig, id)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	root := tree{}
	for rows.Next() {
		var path, value string
		var number bool
		if err := rows.Scan(&path, &value, &number); err != nil {
			return "", err
		}
		root.put(strings.Split(path, "."), scalar(value, number))
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	text, err := yaml.Marshal(root.node())
	return string(text), err
}

// tree is a config by its keys. Values are further trees or of type [*yaml.Node].
type tree map[string]any

func (t tree) put(path []string, value *yaml.Node) {
	if len(path) == 1 {
		t[path[0]] = value
		return
	}
	below, ok := t[path[0]].(tree)
	if !ok {
		below = tree{}
		t[path[0]] = below
	}
	below.put(path[1:], value)
}

// node returns the tree as YAML. If all keys are positions, it is a list.
func (t tree) node() *yaml.Node {
	list := len(t) > 0
	for key := range t {
		if _, err := strconv.ParseUint(key, 10, 31); err != nil {
			list = false
		}
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	keys := slices.Sorted(maps.Keys(t))
	if list {
		n.Kind = yaml.SequenceNode
		slices.SortFunc(keys, func(a, b string) int { return len(a)*1000 + strings.Compare(a, b) - len(b)*1000 })
	}
	for _, key := range keys {
		value, ok := t[key].(*yaml.Node)
		if !ok {
			value = t[key].(tree).node()
		}
		if !list {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key})
		}
		n.Content = append(n.Content, value)
	}
	return n
}

// scalar turns a value that canonical has written into YAML again. Text that could be read as
// something else was something else, unless it is known not to be a number.
func scalar(value string, number bool) *yaml.Node {
	var n yaml.Node
	if yaml.Unmarshal([]byte(value), &n) == nil && len(n.Content) == 1 {
		c := n.Content[0]
		isNumber := c.ShortTag() == "!!int" || c.ShortTag() == "!!float"
		if c.Kind == yaml.SequenceNode && yamlfile.IsPlain(c) || c.Kind == yaml.ScalarNode && isNumber == number {
			return c
		}
	}
	var text yaml.Node
	text.SetString(value)
	return &text
}
