package compare

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"strings"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/store"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"class": VerdictClass}).Parse(pageSource))

// page is what the template shows.
type page struct {
	Title    string
	Lead     []Table // before everything else
	Groups   []legend
	Verdicts []Finding
	Warnings []string
	Tables   []Table // after the charts
	Metrics  Table
	Charts   []pageChart
	Pictures []pagePicture
	NoGrid   string
}

type legend struct {
	Label, Color, Detail string
}

type pageChart struct {
	Title, Note string
	SVG         template.HTML
	Legend      []legend
}

type pagePicture struct {
	Title, Note string
	Runs        string
	Data        template.URL
	Width       int
}

// HTML is the comparison as one page that needs no network: charts are SVG,
// grids are in it. clean is applied to every text that comes from a config or a
// user; the template escapes it. lead are tables to show first, whose texts are
// clean.
func (r *Result) HTML(ctx context.Context, st *store.Store, clean func(string) string, lead ...Table) ([]byte, error) {
	p := page{Lead: lead}
	for _, f := range r.Figures(ChartOptions{Clean: clean, Runs: true}) {
		p.Charts = append(p.Charts, f.pageChart(r, clean))
	}
	var labels []string
	for i, g := range r.Groups {
		detail := fmt.Sprintf("%d runs", len(g.Runs))
		if len(g.Runs) == 1 {
			detail = r.Runs[g.Runs[0]].Name
		}
		labels = append(labels, g.Label)
		p.Groups = append(p.Groups, legend{clean(g.Label), chart.Color(i), clean(detail)})
	}
	p.Title = clean(strings.Join(labels, " · "))
	for _, f := range r.Findings() {
		p.Verdicts = append(p.Verdicts, Finding{f.Verdict, clean(f.Text)})
	}
	for _, w := range r.Warnings {
		p.Warnings = append(p.Warnings, clean(w))
	}
	for _, t := range r.Tables(clean) {
		switch {
		case len(t.Rows) == 0 || t.ID == "curves":
		case t.ID == "metrics":
			p.Metrics = t
		default:
			p.Tables = append(p.Tables, t.ForPage())
		}
	}
	if err := r.addPictures(ctx, st, &p, clean); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

func (f Figure) pageChart(r *Result, clean func(string) string) pageChart {
	c := pageChart{Title: f.Chart.Title, Note: f.Note, SVG: template.HTML(f.Chart.SVG())} // #nosec: chart escapes its texts
	for _, g := range f.Groups {
		c.Legend = append(c.Legend, legend{Label: clean(r.Groups[g].Label), Color: chart.Color(g)})
	}
	return c
}

func (r *Result) addPictures(ctx context.Context, st *store.Store, p *page, clean func(string) string) error {
	pictures, err := r.Pictures(ctx, st)
	var none *MissingGridError
	if errors.As(err, &none) {
		p.NoGrid = clean(err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	for _, picture := range pictures {
		note := "The grids did not start from the same noise, so their images have no counterparts."
		if picture.SameNoise {
			note = "Same noise, image by image. The strip below shows where each differs from the first."
		}
		p.Pictures = append(p.Pictures, pagePicture{Title: clean(picture.Title), Note: note, Runs: clean(strings.Join(picture.Runs, " · ")),
			Data: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(picture.PNG))})
	}
	return nil
}

// VerdictClass is the CSS class of a cell that holds a verdict; "" for others.
func VerdictClass(cell any) string {
	switch text := fmt.Sprint(cell); {
	case text == string(Better), text == "ok":
		return "better"
	case text == string(Worse), text == "failed":
		return "worse"
	case text == string(Different):
		return "different"
	case text == string(NoEvidence), text == string(NoVariance):
		return "none"
	case strings.HasPrefix(text, string(TooFewSeeds)), text == string(NotComparable), text == string(NoValue), text == "skipped":
		return "unsure"
	}
	return ""
}
