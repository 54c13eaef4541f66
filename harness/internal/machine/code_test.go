package machine

import (
	"regexp"
	"testing"
)

func TestTheCodeVersionNamesACommitOrAProgram(t *testing.T) {
	version, err := CodeVersion()
	if err != nil {
		t.Fatal(err)
	}
	// Test programs carry no commit.
	if !regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{40}-dirty-[0-9a-f]{16}|program-[0-9a-f]{16})$`).MatchString(version) {
		t.Errorf("the code version is %q", version)
	}
	if again, _ := CodeVersion(); again != version {
		t.Errorf("then it is %q", again)
	}
}
