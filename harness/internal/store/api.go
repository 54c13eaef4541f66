package store

import (
	"context"
	"time"
)

type Filter struct {
	Status  []Status
	Tags    []string // all of them
	Name    string   // glob: "fm_*"
	Process string
	Dataset string
	Text    string    // part of id, slug, name, notes or a tag
	Where   []string  // conditions on the resolved config: "train.lr<=1e-3"
	Since   time.Time // created at or after
	Sort    string    // one of SortKeys; "" means newest first
	Desc    bool
	Limit   int // 0: all
}

func SortKeys() []string                                                                  { panic("") }
func (s *Store) ListRuns(ctx context.Context, f Filter) ([]RunInfo, error)                { panic("") }
func (s *Store) CreateRun(ctx context.Context, n NewRun) (*Run, error)                    { panic("") }
func (s *Store) Run(ctx context.Context, id string) (*Run, error)                         { panic("") }
func (s *Store) Resolve(ctx context.Context, ref string) (*Run, error)                    { panic("") }
func (s *Store) StartResume(ctx context.Context, runID string, step int) error            { panic("") }
func (s *Store) DeleteRun(ctx context.Context, runID string) error                        { panic("") }
func (s *Store) UpdateTags(ctx context.Context, runID string, add, remove []string) error { panic("") }
func (s *Store) SetNotes(ctx context.Context, runID, notes string) error                  { panic("") }
func (s *Store) Integrity(ctx context.Context) error                                      { panic("") }

type Point struct {
	Step  int
	Value float64
}
type SeriesSummary struct {
	Name                 string
	Count                int
	LastStep             int
	Last, Min, Max, Mean float64
}
type SeriesOptions struct{ MaxPoints int }

func (s *Store) Series(ctx context.Context, runID, name string, o SeriesOptions) ([]Point, error) {
	panic("")
}
func (s *Store) Summaries(ctx context.Context, runID string) ([]SeriesSummary, error) { panic("") }

type Phase struct {
	Name                 string
	Count                int
	Total, P50, P95, Max float64 // seconds
}

func (s *Store) Phases(ctx context.Context, runID string) ([]Phase, error) { panic("") }

type SampleRecord struct {
	Step, Epoch          int
	Sampler, SamplerJSON string
	Steps                int
	Guidance             float64
	Seed                 uint64
	NFE, Images          int
	Seconds              float64
	UsedEMA              bool
	PNG                  []byte
}
type Sample struct {
	SampleRecord // PNG is left out: see Image
	ID           int64
	ImageSHA256  string
	CreatedAt    time.Time
}

func (s *Store) AddSample(ctx context.Context, runID string, r SampleRecord) error { panic("") }
func (s *Store) Samples(ctx context.Context, runID string) ([]Sample, error)       { panic("") }
func (s *Store) Image(ctx context.Context, sha256 string) ([]byte, error)          { panic("") }

type LogLine struct {
	Line           int
	At             time.Time
	Level, Message string
}
type LogOptions struct{ Tail, After int }

func (s *Store) Logs(ctx context.Context, runID string, o LogOptions) ([]LogLine, error) { panic("") }

type Writer struct{}

func (w *Writer) stop() error                                                    { panic("") }
func (s *Store) OpenWriter(ctx context.Context, runID string) (*Writer, error)   { panic("") }
func (w *Writer) Point(series string, step int, value float64)                   { panic("") }
func (w *Writer) Phase(phase string, step int, d time.Duration)                  { panic("") }
func (w *Writer) Log(level, message string)                                      { panic("") }
func (w *Writer) Progress(step, total int)                                       { panic("") }
func (w *Writer) PeakMemory(bytes int64)                                         { panic("") }
func (w *Writer) Sample(ctx context.Context, r SampleRecord) error               { panic("") }
func (w *Writer) Flush(ctx context.Context) error                                { panic("") }
func (w *Writer) Err() error                                                     { panic("") }
func (w *Writer) Finish(ctx context.Context, status Status, reason string) error { panic("") }

func open(ctx context.Context, path string, busy time.Duration) (*Store, error)         { panic("") }
func openReadOnly(ctx context.Context, path string, busy time.Duration) (*Store, error) { panic("") }
