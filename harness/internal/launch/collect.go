package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Collect brings what tasks have recorded in stores of their own into the store.
func (s *Session) Collect(ctx context.Context) error {
	return errors.New("not yet")
}

// Cancel stops what runs of the sweep, and says what that was.
func (s *Session) Cancel(ctx context.Context) ([]string, error) {
	var stopped []string
	if pid, host := s.Folder.Owner(); pid != 0 {
		here, err := os.Hostname()
		if err != nil || here != host {
			return nil, fmt.Errorf("the sweep is run by process %d on %s: stop it there", pid, host)
		}
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			return nil, fmt.Errorf("stopping process %d: %w", pid, err)
		}
		stopped = append(stopped, fmt.Sprintf("process %d on %s", pid, host))
	}
	return stopped, nil
}
