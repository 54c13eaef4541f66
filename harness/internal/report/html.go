package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"flowharness/harness/internal/chart"
	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/printable"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"class": VerdictClass}).Parse(pageSource))

// page is what the template shows.
type page struct {
	Title    string
	Lead     []Table // before everything else
	Groups   []legend
	Forest   template.HTML // metrics by group
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
func HTML(r *compare.Result, album compare.Album, clean func(string) string, lead ...Table) ([]byte, error) {
	p := page{Lead: lead}
	for _, f := range Figures(r, ChartOptions{Clean: clean, Runs: true}) {
		p.Charts = append(p.Charts, pageChartOf(f, r, clean))
	}
	var labels []string
	for i, g := range r.Groups {
		detail := printable.Count(len(g.Runs), "run")
		if len(g.Runs) == 1 {
			detail = r.Runs[g.Runs[0]].Name
		}
		labels = append(labels, g.Label)
		p.Groups = append(p.Groups, legend{clean(g.Label), chart.Color(i), clean(detail)})
	}
	p.Title = clean(strings.Join(labels, " · "))
	p.Forest = template.HTML(Forest(r, clean).SVG()) // #nosec: chart escapes its texts
	for _, f := range Findings(r) {
		p.Verdicts = append(p.Verdicts, Finding{f.Verdict, clean(f.Text)})
	}
	for _, w := range r.Warnings {
		p.Warnings = append(p.Warnings, clean(w.String()))
	}
	for _, t := range Tables(r, clean) {
		switch {
		case len(t.Rows) == 0 || t.ID == "curves":
		case t.ID == "metrics":
			p.Metrics = t
		default:
			p.Tables = append(p.Tables, t.ForPage())
		}
	}
	p.addPictures(album, clean)
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}

func pageChartOf(f Figure, r *compare.Result, clean func(string) string) pageChart {
	c := pageChart{Title: f.Chart.Title, Note: f.Note, SVG: template.HTML(f.Chart.SVG())} // #nosec: chart escapes its texts
	for _, g := range f.Groups {
		c.Legend = append(c.Legend, legend{Label: clean(r.Groups[g].Label), Color: chart.Color(g)})
	}
	return c
}

func (p *page) addPictures(album compare.Album, clean func(string) string) {
	if album.Missing != nil {
		p.NoGrid = clean(album.Missing.Error())
	}
	for _, picture := range album.Pictures {
		note := "The grids did not start from the same noise, so their images have no counterparts."
		switch {
		case picture.Points:
			note = "Points in the plane, each sampled by its own run."
		case picture.SameNoise:
			note = "Same noise, image by image. The strip below shows where each differs from the first."
		}
		p.Pictures = append(p.Pictures, pagePicture{Title: clean(picture.Title), Note: note, Runs: clean(strings.Join(picture.Runs, " · ")),
			Data: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(picture.PNG))})
	}
}

// VerdictClass is the CSS class of a cell that holds a verdict; "" for others.
func VerdictClass(cell any) string {
	switch text := fmt.Sprint(cell); {
	case text == string(compare.Better), text == "ok":
		return "better"
	case text == string(compare.Worse), text == "failed":
		return "worse"
	case text == string(compare.Different):
		return "different"
	case text == string(compare.NoEvidence), text == string(compare.NoVariance):
		return "none"
	case strings.HasPrefix(text, string(compare.TooFewSeeds)), text == string(compare.NotComparable), text == string(compare.NoValue),
		text == "skipped":
		return "unsure"
	}
	return ""
}
