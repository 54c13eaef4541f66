package runspage

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flowharness/harness/internal/catalog"
	"flowharness/harness/internal/record"
	"flowharness/harness/internal/store"
	"flowharness/harness/internal/web/shell"
)

// runsQuery is what the address of the page of runs says: all of its state.
type runsQuery struct {
	Text     string      // q: part of the id, name, notes or a tag
	Shelf    store.Shelf // shelf: archived or trash
	Statuses []string    // status: any of them
	Tags     []string    // tag: all of them
	Process  string      // process
	Dataset  string      // dataset
	Name     string      // name: glob
	Like     string      // like: runs whose configs are this run's but for the seed
	Where    []string    // where: conditions on config paths and metrics, all of them
	Sort     string      // sort: key of a column, with a dash before it for the largest first; "": newest first
	Columns  []string    // cols: keys of columns, in order; none: the usual ones
	Group    []string    // group: seed, or config paths
	Open     []string    // open: groups whose runs are shown
	Selected []string    // sel: slugs
	Page     int         // page: from 1
}

// runsPageSize is how many rows a page has.
const runsPageSize = 100

// shelfNames are the shelves as the address calls them.
var shelfNames = map[string]store.Shelf{"": store.ShelfActive, "archived": store.ShelfArchived, "trash": store.ShelfTrash}

// readRunsQuery refuses what makes no sense whatever the store holds.
func readRunsQuery(r *http.Request) (runsQuery, error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return runsQuery{}, shell.BadRequest("the address cannot be read: %w", err)
	}
	q := runsQuery{Text: strings.TrimSpace(v.Get("q")), Statuses: shell.Listed(v["status"]), Tags: shell.Listed(v["tag"]),
		Process: v.Get("process"), Dataset: v.Get("dataset"),
		Name: strings.TrimSpace(v.Get("name")), Like: v.Get("like"), Sort: v.Get("sort"), Columns: shell.Listed(v["cols"]),
		Group: shell.Listed(v["group"]),
		Open:  shell.Listed(v["open"]), Selected: shell.Listed(v["sel"]), Page: 1}
	for _, w := range v["where"] {
		if w = strings.TrimSpace(w); w != "" && !slices.Contains(q.Where, w) {
			q.Where = append(q.Where, w)
		}
	}
	var ok bool
	if q.Shelf, ok = shelfNames[v.Get("shelf")]; !ok {
		return q, shell.BadRequest("there is no shelf %q; use archived or trash, or none for the active runs", v.Get("shelf"))
	}
	if text := v.Get("page"); text != "" {
		if q.Page, err = strconv.Atoi(text); err != nil || q.Page < 1 {
			return q, shell.BadRequest("page %q is not a number from 1", text)
		}
	}
	if err := catalog.CheckFilter(q.filter()); err != nil {
		return q, err
	}
	return q, nil
}

// filter is what the store can tell, without the conditions.
func (q runsQuery) filter() store.Filter {
	f := store.Filter{Text: q.Text, Tags: q.Tags, Process: q.Process, Dataset: q.Dataset, Name: q.Name, Shelf: q.Shelf}
	for _, s := range q.Statuses {
		f.Status = append(f.Status, record.Status(s))
	}
	return f
}

// fields are the parameters that differ from the usual, but for some.
func (q runsQuery) fields(except ...string) []shell.Field {
	var list []shell.Field
	add := func(name string, values ...string) {
		for _, value := range values {
			if value != "" && !slices.Contains(except, name) {
				list = append(list, shell.Field{Name: name, Value: value})
			}
		}
	}
	for name, shelf := range shelfNames {
		if shelf == q.Shelf {
			add("shelf", name)
		}
	}
	add("q", q.Text)
	add("status", q.Statuses...)
	add("tag", q.Tags...)
	add("process", q.Process)
	add("dataset", q.Dataset)
	add("name", q.Name)
	add("like", q.Like)
	add("where", q.Where...)
	add("group", q.Group...)
	add("open", strings.Join(q.Open, ","))
	add("sort", q.Sort)
	add("cols", strings.Join(q.Columns, ","))
	add("sel", strings.Join(q.Selected, ","))
	if q.Page > 1 {
		add("page", strconv.Itoa(q.Page))
	}
	return list
}

// String is the address of the page.
func (q runsQuery) String() string {
	var parts []string
	for _, f := range q.fields() {
		// A comma needs no escape, and an address of them is read by people.
		parts = append(parts, f.Name+"="+strings.ReplaceAll(url.QueryEscape(f.Value), "%2C", ","))
	}
	if len(parts) == 0 {
		return "/"
	}
	return "/?" + strings.Join(parts, "&")
}

// with is the address after a change, at its first page.
func (q runsQuery) with(change func(*runsQuery)) string {
	q.Page = 1
	change(&q)
	return q.String()
}
