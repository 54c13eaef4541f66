package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"flowharness/harness/internal/config"
	"flowharness/harness/internal/merge"
	"flowharness/harness/internal/printable"
	"flowharness/harness/internal/store"
)

// recoverJSON is what doctor --recover --json prints.
type recoverJSON struct {
	Source     string             `json:"source"`
	Store      string             `json:"store"` // the new one
	Pages      int                `json:"pages"`
	Unreadable int                `json:"unreadable_pages"`
	Runs       []recoveredRunJSON `json:"runs"`
	Dropped    []string           `json:"dropped"` // what belongs to nothing that was found
}

type recoveredRunJSON struct {
	ID   string   `json:"id"`
	Slug string   `json:"slug"`
	Name string   `json:"name"`
	Lost []string `json:"lost"`
}

// recoverStore salvages what can be read of a damaged store into a new one.
func (o *doctorOptions) recoverStore(ctx context.Context) error {
	to := o.salvaged
	if to == "" {
		extension := filepath.Ext(o.salvage)
		to = strings.TrimSuffix(o.salvage, extension) + "-recovered" + extension
	}
	hash := func(resolved string) (string, error) {
		r, err := config.Parse("the config", []byte(resolved), nil)
		if err != nil {
			return "", err
		}
		return r.Hash, nil
	}
	observe, over := counting(o.err, "pages", clean(o.salvage))
	found, err := merge.Recover(ctx, o.salvage, to, store.RecoverOptions{ConfigHash: hash, Observe: observe})
	over()
	if err != nil {
		return err
	}
	if o.json {
		return o.printJSON(describeRecovery(o.salvage, to, found))
	}
	o.printRecovery(to, found)
	return nil
}

func describeRecovery(from, to string, found *store.Recovery) recoverJSON {
	all := recoverJSON{Source: from, Store: to, Pages: found.Pages, Unreadable: found.Unreadable,
		Runs: make([]recoveredRunJSON, 0, len(found.Runs)), Dropped: append([]string{}, found.Dropped...)}
	for _, r := range found.Runs {
		all.Runs = append(all.Runs, recoveredRunJSON{r.ID, r.Slug, r.Name, append([]string{}, r.Lost...)})
	}
	return all
}

func (o *doctorOptions) printRecovery(to string, found *store.Recovery) {
	whole := 0
	for _, r := range found.Runs {
		state := "nothing is known to be lost"
		if len(r.Lost) == 0 {
			whole++
		} else {
			state = "lost:"
		}
		fmt.Fprintf(o.out, "%s  %s  %s\n", r.Slug, clean(r.Name), state)
		for _, what := range r.Lost {
			fmt.Fprintf(o.out, "    %s\n", clean(what))
		}
	}
	if len(found.Dropped) > 0 {
		fmt.Fprintf(o.out, "left out, since what it belongs to is lost: %s\n", strings.Join(found.Dropped, ", "))
	}
	fmt.Fprintf(o.out, "%s: %s, %d of them with nothing known to be lost; of %s %d could not be read\n",
		clean(to), printable.Count(len(found.Runs), "run"), whole, printable.Count(found.Pages, "page"), found.Unreadable)
	fmt.Fprintf(o.out, "to look at it, add --store %s; to bring its runs into another store, type: harness merge %s\n", clean(to), clean(to))
}
