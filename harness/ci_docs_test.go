package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestTheWorkflowInTheDocsParsesAndItsTargetsExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("docs/ci.md has no block of YAML")
	}
	var workflow struct {
		On   map[string]any
		Jobs map[string]struct {
			RunsOn string `yaml:"runs-on"`
			Steps  []struct {
				ID, Name, If, Uses, Run string
				With                    map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(block[1], &workflow); err != nil {
		t.Fatal(err)
	}
	if len(workflow.On) == 0 || len(workflow.Jobs) == 0 {
		t.Fatalf("the workflow has no triggers or no jobs: %+v", workflow)
	}
	reference := regexp.MustCompile(`steps\.(\w+)\.outputs`)
	var uploaded string
	for name, job := range workflow.Jobs {
		if job.RunsOn == "" || len(job.Steps) == 0 {
			t.Errorf("job %s has no runner or no steps", name)
		}
		var ids []string
		for i, s := range job.Steps {
			if (s.Uses == "") == (s.Run == "") {
				t.Errorf("step %d of %s does one of two things: uses %q, runs %q", i+1, name, s.Uses, s.Run)
			}
			if s.Uses != "" && !regexp.MustCompile(`^[\w-]+/[\w-]+@v\d+$`).MatchString(s.Uses) {
				t.Errorf("step %d of %s uses %q, without a version", i+1, name, s.Uses)
			}
			for _, with := range s.With {
				for _, m := range reference.FindAllStringSubmatch(with, -1) {
					if !slices.Contains(ids, m[1]) {
						t.Errorf("step %d of %s reads outputs of %q, which is no step before it", i+1, name, m[1])
					}
				}
			}
			ids = append(ids, s.ID)
			if strings.HasPrefix(s.Uses, "actions/upload-artifact@") {
				uploaded += s.With["path"]
				if s.If != "always()" {
					t.Errorf("the reports of a failed benchmark are not kept: if is %q", s.If)
				}
			}
		}
	}
	for _, m := range regexp.MustCompile("`(runs/ci/[\\w.]+)`").FindAllSubmatch(text, -1) {
		if !strings.Contains(uploaded, string(m[1])) {
			t.Errorf("%s is not uploaded", m[1])
		}
	}
	checkTargets(t, string(text))
}

// checkTargets looks for every "make target" of a text in the Makefile.
func checkTargets(t *testing.T, text string) {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("(?:`|run: )make ([a-z-]+)").FindAllStringSubmatch(text, -1)
	if len(named) == 0 {
		t.Error("the text names no make target")
	}
	for _, m := range named {
		exists := regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile)
		if !exists {
			t.Errorf("there is no make target %s", m[1])
		}
	}
}
