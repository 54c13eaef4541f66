package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"
	"gopkg.in/yaml.v3"

	"flowharness/harness/internal/store/points"
	"flowharness/harness/internal/yamlfile"
)

// repair makes what was read a store: what a row refers to is there, and what is
// summed up agrees.
func (s *salvage) repair(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.keepIdentity, s.lostConfigs, s.lostRecords, s.lostSeries, s.lostRuns, s.lostTags, s.lostSweeps, s.lostPictures, s.drop, s.sums, s.logs,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *salvage) lose(runID, format string, args ...any) {
	s.lost[runID] = append(s.lost[runID], fmt.Sprintf(format, args...))
}

const queryNewIdentity = `INSERT INTO identity (id) SELECT lower(hex(randomblob(8))) WHERE NOT EXISTS (SELECT 1 FROM identity)`

func (s *salvage) keepIdentity(ctx context.Context) error {
	_, err := s.tx.ExecContext(ctx, queryNewIdentity)
	return err
}

const (
	queryWholeConfigs = `SELECT run_id, resolved_yaml FROM run_records`
	queryClearConfig  = `DELETE FROM run_config WHERE run_id = ?`
	queryConfigCount  = `SELECT count(*) FROM run_config WHERE run_id = ?`
)

// lostConfigs completes the values that runs are found by from the configs.
func (s *salvage) lostConfigs(ctx context.Context) error {
	records, err := pairs(ctx, s.tx, queryWholeConfigs)
	if err != nil {
		return err
	}
	for id, text := range records {
		values, err := flattenConfig(text)
		if err != nil {
			continue // it was written so
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
	queryUnrecorded  = `SELECT id FROM runs WHERE id NOT IN (SELECT run_id FROM run_records) UNION SELECT run_id FROM run_config WHERE run_id NOT IN (SELECT run_id FROM run_records)`
	querySavedConfig = `SELECT path, value, number IS NOT NULL FROM run_config WHERE run_id = ?`
)

// lostRecords puts configs together again from the values that runs are found by.
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
		s.lose(id, "the config as it was written, the values set on the command line, that line and the environment (the values of the config that were found make a new one)")
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

// tree is a config by its keys: values are further trees or [*yaml.Node].
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

// node is the tree as YAML; a tree whose keys are positions is a list.
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

// scalar is a value as [canonical] has written it. Text that reads as something else
// was that, except where it is known to be no number.
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

const (
	queryRunsByRecord = `SELECT run_id FROM run_records WHERE run_id NOT IN (SELECT id FROM runs) ORDER BY run_id`
	queryValueOf      = `SELECT value FROM run_config WHERE run_id = ? AND path = ?`
	queryResolved     = `SELECT resolved_yaml FROM run_records WHERE run_id = ?`
	queryRestoreRun   = `INSERT INTO runs (id, slug, name, status, status_reason, config_hash, seed, process, dataset, created_at, started_at, ended_at, heartbeat_at, last_step, pid, pid_started_at, host, boot)
		VALUES (?1, ?2, ?3, 'interrupted', ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?10, ?11, 0, 0, '', '')`
	queryLastSign = `SELECT max(?2, coalesce((SELECT max(at) FROM step_times WHERE run_id = ?1), 0), coalesce((SELECT max(at) FROM logs WHERE run_id = ?1), 0))`
	queryLastStep = `SELECT coalesce(max((SELECT max(step) FROM points WHERE series_id = s.id)), 0) FROM series AS s WHERE run_id = ?`
	querySlugOf   = `SELECT EXISTS (SELECT 1 FROM runs WHERE slug = ?)`
)

// lostRuns puts together again the rows of runs of which the config is there.
func (s *salvage) lostRuns(ctx context.Context) error {
	ids, err := column[string](ctx, s.tx, queryRunsByRecord)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.lostRun(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *salvage) lostRun(ctx context.Context, id string) error {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return nil // garbage; it goes with what refers to no run
	}
	values := map[string]string{}
	for _, path := range []string{"name", "seed", "process.name", "data.name"} {
		var value string
		if err := s.tx.QueryRowContext(ctx, queryValueOf, id, path).Scan(&value); err != nil && err != sql.ErrNoRows {
			return err
		}
		values[path] = value
	}
	if values["name"] == "" {
		values["name"] = "recovered"
	}
	if _, err := strconv.ParseUint(values["seed"], 10, 64); err != nil {
		values["seed"] = "0"
	}
	var resolved, hash string
	if err := s.tx.QueryRowContext(ctx, queryResolved, id).Scan(&resolved); err != nil {
		return err
	}
	if s.options.ConfigHash != nil {
		if hash, err = s.options.ConfigHash(resolved); err != nil {
			hash = ""
			s.lose(id, "the config hash: what was found of the config is not a whole one")
		}
	}
	name := ""
	for attempt, taken := 0, true; taken; attempt++ {
		name = slug(id, attempt)
		if err := s.tx.QueryRowContext(ctx, querySlugOf, name).Scan(&taken); err != nil {
			return err
		}
	}
	var lastSign, lastStep int64
	created := parsed.Time()
	if err := s.tx.QueryRowContext(ctx, queryLastSign, id, int64(created)).Scan(&lastSign); err != nil {
		return err
	}
	if err := s.tx.QueryRowContext(ctx, queryLastStep, id).Scan(&lastStep); err != nil {
		return err
	}
	const reason = "how it ended was lost when the store was damaged"
	if _, err := s.tx.ExecContext(ctx, queryRestoreRun, id, name, values["name"], reason, hash, values["seed"],
		values["process.name"], values["data.name"], created, lastSign, lastStep); err != nil {
		return err
	}
	s.lose(id, "how it ended, its notes and its slug if that was another (the rest of its row follows from its config)")
	return nil
}

const queryRestoreSeries = `INSERT OR IGNORE INTO series (id, run_id, name) VALUES (?, ?, ?)`

// lostSeries takes from the index which series the points of lost rows are of; what
// they add up to is summed up again.
func (s *salvage) lostSeries(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(s.series)) {
		of := s.series[id]
		if _, err := s.tx.ExecContext(ctx, queryRestoreSeries, id, of.runID, of.name); err != nil {
			return err
		}
	}
	return nil
}

const queryRestoreTag = `INSERT OR IGNORE INTO run_tags (run_id, tag) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM sweep_runs WHERE run_id = ?1 AND sweep = ?2)`

// lostTags keeps the tags that nothing refers to any more, as far as they are no
// names of sweeps.
func (s *salvage) lostTags(ctx context.Context) error {
	for _, t := range s.tags {
		if _, err := s.tx.ExecContext(ctx, queryRestoreTag, t.runID, t.tag); err != nil {
			return err
		}
	}
	return nil
}

const queryRestoreSweeps = `INSERT INTO sweeps (name, source_yaml, created_at)
	SELECT w.sweep, '', coalesce(min(r.created_at), 0) FROM sweep_runs AS w LEFT JOIN runs AS r ON r.id = w.run_id
	WHERE w.sweep NOT IN (SELECT name FROM sweeps) GROUP BY w.sweep`

// lostSweeps keeps which runs belong together where the text of the sweep is lost.
func (s *salvage) lostSweeps(ctx context.Context) error {
	_, err := s.tx.ExecContext(ctx, queryRestoreSweeps)
	return err
}

const (
	queryPictureless = `SELECT run_id, count(*) FROM samples WHERE image_sha256 NOT IN (SELECT sha256 FROM images) GROUP BY run_id`
	queryDropSamples = `DELETE FROM samples WHERE image_sha256 NOT IN (SELECT sha256 FROM images)`
	queryDropImages  = `DELETE FROM images WHERE sha256 NOT IN (SELECT image_sha256 FROM samples)`
)

func (s *salvage) lostPictures(ctx context.Context) error {
	counts, err := pairs(ctx, s.tx, queryPictureless)
	if err != nil {
		return err
	}
	for id, n := range counts {
		s.lose(id, "grids of samples: %s", n)
	}
	if _, err := s.tx.ExecContext(ctx, queryDropSamples); err != nil {
		return err
	}
	result, err := s.tx.ExecContext(ctx, queryDropImages)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if n > 0 {
		s.dropped = append(s.dropped, fmt.Sprintf("%d rows of %s", n, tableImages))
	}
	return err
}

const templateHomeless = `DELETE FROM main."{table}" WHERE "{by}" NOT IN (SELECT "{key}" FROM main."{to}")`

// drop removes what refers to something lost, until nothing does.
func (s *salvage) drop(ctx context.Context) error {
	rows, err := s.tx.QueryContext(ctx, queryForeignKeys)
	if err != nil {
		return err
	}
	var references []reference
	for rows.Next() {
		var r reference
		if err := rows.Scan(&r.table, &r.column, &r.to, &r.toColumn); err != nil {
			rows.Close()
			return err
		}
		references = append(references, r)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	dropped := map[string]int64{}
	for again := true; again; {
		again = false
		for _, r := range references {
			result, err := s.tx.ExecContext(ctx, fill(templateHomeless, "{table}", r.table, "{by}", r.column, "{to}", r.to, "{key}", r.toColumn))
			if err != nil {
				return fmt.Errorf("table %s: %w", r.table, err)
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			dropped[r.table] += n
			again = again || n > 0
		}
	}
	for _, table := range slices.Sorted(maps.Keys(dropped)) {
		if n := dropped[table]; n > 0 {
			s.dropped = append(s.dropped, fmt.Sprintf("%d rows of %s", n, table))
		}
	}
	return nil
}

// sums makes the sums of all series fit their points.
func (s *salvage) sums(ctx context.Context) error {
	differ, err := points.Repair(ctx, s.tx)
	for _, r := range differ {
		switch {
		case r.Found < r.Recorded:
			s.lose(r.RunID, "%s: %d of %d points", r.Name, r.Recorded-r.Found, r.Recorded)
		case r.Recorded == 0:
			s.lose(r.RunID, "%s: perhaps some of its points (there are %d)", r.Name, r.Found)
		}
	}
	return err
}

const queryMissingLines = `SELECT run_id, max(line) - count(*) FROM logs GROUP BY run_id HAVING max(line) > count(*)`

func (s *salvage) logs(ctx context.Context) error {
	counts, err := pairs(ctx, s.tx, queryMissingLines)
	for id, n := range counts {
		s.lose(id, "log lines: %s", n)
	}
	return err
}

// pairs reads the two columns of a query.
func pairs(ctx context.Context, tx *sql.Tx, query string) (map[string]string, error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, err
		}
		found[key] = value
	}
	return found, rows.Err()
}
