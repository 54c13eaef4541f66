package compare

import "fmt"

// Variant is a config with the runs made of it, which differ in their seed only.
type Variant struct {
	Label string   `json:"label"`
	Runs  []Record `json:"runs"`
}

// Variants sorts records into variants, in the order of their first runs. A
// variant is labelled with its first run's name, and a number where several have
// one name.
func Variants(records []Record) []Variant {
	var list []Variant
	at := map[string]int{}
	named := map[string]int{}
	for _, r := range records {
		key := groupKey(r.Config, nil)
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			label := r.Name
			if named[r.Name]++; named[r.Name] > 1 {
				label = fmt.Sprintf("%s #%d", r.Name, named[r.Name])
			}
			list = append(list, Variant{Label: label})
		}
		list[i].Runs = append(list[i].Runs, r)
	}
	return list
}

// ConfigKeysThatDiffer lists, sorted, the config keys of two records that have
// not the same value, but for the seed and those that do not change a result.
func ConfigKeysThatDiffer(a, b Record) []string {
	return Group{Runs: []int{0, 1}}.varying([]Record{a, b})
}

// At is the record with the evaluations of one setting only.
func (r Record) At(s Setting) Record {
	var kept []Evaluation
	for _, e := range r.Evaluations {
		if e.Setting() == s {
			kept = append(kept, e)
		}
	}
	r.Evaluations = kept
	return r
}
