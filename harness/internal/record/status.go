package record

// Status says how far a run came.
type Status string

// The statuses. StatusCrashed is never recorded: a run recorded as running reads as crashed when its process is gone.
const (
	StatusRunning     Status = "running"
	StatusFinished    Status = "finished"
	StatusInterrupted Status = "interrupted" // by the user or the system; it can be resumed
	StatusStopped     Status = "stopped"     // before its end, by the search whose trial it is
	StatusFailed      Status = "failed"
	StatusDiverged    Status = "diverged"
	StatusCrashed     Status = "crashed"
)

// Statuses lists every status that a run can read as.
func Statuses() []Status {
	return []Status{StatusRunning, StatusFinished, StatusInterrupted, StatusStopped, StatusFailed, StatusDiverged, StatusCrashed}
}
