package report

import (
	"encoding/csv"
	"io"
	"strconv"

	"flowharness/harness/internal/compare"
)

var csvHeader = []string{"level", "group", "run", "seed", "metric", "kind", "better", "sampler", "steps", "guidance", "images",
	"n", "value", "sd", "low", "high",
	"against", "difference", "difference_low", "difference_high", "test", "p", "p_holm", "verdict", "needed", "batch_size", "images_seen"}

// WriteCSV writes a line for each metric of each run, group and reference, at
// full precision. What does not apply is empty.
func WriteCSV(w io.Writer, r *compare.Result) error {
	c := csv.NewWriter(w)
	_ = c.Write(csvHeader) // its error is that of Flush
	for _, rows := range [][]compare.Row{r.Metrics, r.Cost} {
		for _, row := range rows {
			csvRow(c, r, row)
		}
	}
	c.Flush()
	return c.Error()
}

func csvRow(c *csv.Writer, r *compare.Result, row compare.Row) {
	base := func(level string) map[string]string {
		return map[string]string{"level": level, "metric": row.Name, "kind": string(row.Kind), "better": string(row.Better)}
	}
	write := func(line map[string]string) {
		fields := make([]string, len(csvHeader))
		for i, name := range csvHeader {
			fields[i] = line[name]
		}
		_ = c.Write(fields)
	}
	for g, group := range r.Groups {
		at := func(line map[string]string) map[string]string {
			line["group"] = group.Label
			if s := r.Settings[g]; s != nil && (row.Kind == compare.Quality || row.Name == compare.SecondsPerImage || row.Name == compare.NFE) {
				line["sampler"], line["steps"], line["guidance"] = s.Sampler, strconv.Itoa(s.Steps), exact(compare.Value(s.Guidance))
			}
			return line
		}
		for k, i := range group.Counted {
			line := at(base("run"))
			run := r.Runs[i]
			line["run"], line["seed"] = run.Slug, strconv.FormatUint(run.Seed, 10)
			if run.BatchSize > 0 {
				line["batch_size"], line["images_seen"] = strconv.Itoa(run.BatchSize), strconv.Itoa(run.ImagesSeen)
			}
			line["value"] = exact(row.Groups[g].Values[k])
			if images := row.Groups[g].Images; len(images) > 0 && images[k] > 0 {
				line["images"] = strconv.Itoa(images[k])
			}
			write(line)
		}
		s := row.Groups[g]
		line := at(base("group"))
		line["n"], line["value"], line["sd"] = strconv.Itoa(s.N), exact(s.Mean), exact(s.StdDev)
		line["low"], line["high"] = exact(s.Low), exact(s.High)
		if g > 0 {
			d := row.Comparisons[g-1]
			line["against"], line["difference"] = d.Against, exact(d.Difference)
			line["difference_low"], line["difference_high"] = exact(d.Low), exact(d.High)
			line["test"], line["p"], line["p_holm"], line["verdict"] = d.Test, exact(d.P), exact(d.PHolm), string(d.Verdict)
			if d.Needed > 0 {
				line["needed"] = strconv.Itoa(d.Needed)
			}
		}
		write(line)
	}
	for _, ref := range row.References {
		line := base("reference")
		line["group"], line["images"], line["value"] = string(ref.Kind), strconv.Itoa(ref.Images), exact(ref.Value)
		write(line)
	}
}

// exact is a number at full precision, empty where it is missing.
func exact(v compare.Value) string {
	if v.Missing() {
		return ""
	}
	return strconv.FormatFloat(float64(v), 'g', -1, 64)
}
