package runspage

// runsPager leads to the other pages.
type runsPager struct {
	From, To, All  int
	Previous, Next string
}

// paged is the part of a list that is on the query's page; the pager is nil if
// there is only one.
func paged[T any](list []T, q runsQuery) ([]T, *runsPager, error) {
	if len(list) <= runsPageSize && q.Page == 1 {
		return list, nil, nil
	}
	// An address that was sent may be of a time when there were more.
	page := min(q.Page, max(1, (len(list)+runsPageSize-1)/runsPageSize))
	from, to := (page-1)*runsPageSize, min(page*runsPageSize, len(list))
	if len(list) <= runsPageSize {
		return list, nil, nil
	}
	p := &runsPager{From: from + 1, To: to, All: len(list)}
	if page > 1 {
		p.Previous = q.with(func(q *runsQuery) { q.Page = page - 1 })
	}
	if to < len(list) {
		p.Next = q.with(func(q *runsQuery) { q.Page = page + 1 })
	}
	return list[from:to], p, nil
}
