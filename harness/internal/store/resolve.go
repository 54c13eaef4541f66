package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/suggest"
)

const (
	queryRunNamed   = `SELECT id FROM runs WHERE id = upper(?1) UNION ALL SELECT id FROM runs WHERE slug = lower(?1)`
	queryLatestName = `SELECT id FROM runs WHERE name = ? AND deleted_at IS NULL ORDER BY id DESC LIMIT 1`
	queryNthLatest  = `SELECT id FROM runs WHERE deleted_at IS NULL ORDER BY id DESC LIMIT 1 OFFSET ?`

	// Prefixes are compared as text, so that % and _ in them have no special meaning.
	queryByPrefix = `SELECT id, slug, name, created_at FROM runs
		WHERE deleted_at IS NULL AND (substr(id, 1, length(?1)) = upper(?1) OR substr(slug, 1, length(?1)) = lower(?1)) ORDER BY id DESC LIMIT ?2`
	queryRefs   = `SELECT slug FROM runs WHERE deleted_at IS NULL UNION SELECT name FROM runs WHERE deleted_at IS NULL`
	queryNoRuns = `SELECT NOT EXISTS (SELECT 1 FROM runs)`
)

// Resolve finds the run that a user refers to: by a whole id or slug, a name (the latest run of
// that name), the beginning of an id or slug, or @1 for the latest run, @2 for the one before it,
// and so on. Case matters only in names. A run in the trash is found only by its whole id or slug.
//
// The error is an [*AmbiguousError] if several ids begin with ref, and a [*NotFoundError] if there
// is no such run.
func (s *Store) Resolve(ctx context.Context, ref string) (*Run, error) {
	id, err := s.resolve(ctx, ref)
	if err != nil {
		return nil, s.failure("looking up a run", err)
	}
	return s.Run(ctx, id)
}

func (s *Store) resolve(ctx context.Context, ref string) (string, error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer tx.Rollback()

	if ref == "" {
		return "", &NotFoundError{}
	}
	exact := []string{queryRunNamed, queryLatestName}
	arg := any(ref)
	if n, ok := strings.CutPrefix(ref, "@"); ok {
		if n, err := strconv.Atoi(n); err == nil && n >= 1 {
			exact, arg = []string{queryNthLatest}, n-1
		}
	}
	for _, query := range exact {
		ids, err := column[string](ctx, tx, query, arg)
		if err != nil {
			return "", err
		}
		if len(ids) > 0 {
			return ids[0], nil
		}
	}

	candidates, err := byPrefix(ctx, tx, ref)
	switch {
	case err != nil:
		return "", err
	case len(candidates) == 1:
		return candidates[0].ID, nil
	case len(candidates) > 1:
		return "", &AmbiguousError{Ref: ref, Candidates: candidates}
	}
	refs, err := column[string](ctx, tx, queryRefs)
	if err != nil {
		return "", err
	}
	empty := false
	if len(refs) == 0 { // or all are in the trash
		err = tx.QueryRowContext(ctx, queryNoRuns).Scan(&empty)
	}
	if err != nil {
		return "", err
	}
	return "", &NotFoundError{Ref: ref, Nearest: nearest(ref, refs), Empty: empty}
}

// maxCandidates is how many runs the error about an ambiguous reference lists.
const maxCandidates = 20

func byPrefix(ctx context.Context, tx *sql.Tx, prefix string) ([]Candidate, error) {
	rows, err := tx.QueryContext(ctx, queryByPrefix, prefix, maxCandidates+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Candidate
	for rows.Next() {
		var c Candidate
		var created milliseconds
		if err := rows.Scan(&c.ID, &c.Slug, &c.Name, &created); err != nil {
			return nil, err
		}
		c.CreatedAt = created.time()
		list = append(list, c)
	}
	return list, rows.Err()
}

// nearest returns at most three names that ref may be a misspelling of.
func nearest(ref string, refs []string) []string {
	sorted := slices.Sorted(slices.Values(refs))
	found := suggest.Nearest(ref, sorted)
	return found[:min(3, len(found))]
}
