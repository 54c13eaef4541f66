package fault

import "errors"

// Remedy is what would help.
type Remedy struct {
	Action Action // "": nothing is known
	Args   []string
}

// Action is something that a person can do, in plain words. Front ends that have a command or a button for it name that
// instead.
type Action string

// Actions about stores and their runs.
const (
	NameAnotherStore  Action = "name another store"
	NameAStore        Action = "name the file of a store, such as runs/harness.db"
	CreateStore       Action = "the first run creates it, or name another store"
	UpdateProgram     Action = "update harness"
	UpdateOrName      Action = "update harness, or name another store"
	RecoverStore      Action = "salvage what can be read of it into a new store"                           // file
	RecoverAndMerge   Action = "salvage what can be read of it into a new store, then merge the new store" // file
	MakeWritable      Action = "make the file and its folder writable for this user, or name another store"
	MakeReadable      Action = "make the file readable for this user, or copy it to where it is"
	WaitForLock       Action = "wait for the other process or stop it, then try again"
	FreeSpace         Action = "free some space, or name a store on another disk"
	DeleteRuns        Action = "free some space: delete runs"
	UpgradeStore      Action = "open it once for writing"
	MakeRoomForCopy   Action = "free some space on its disk or make it writable, or name a folder with room for a copy of it with TMPDIR"
	ListRuns          Action = "see the list of runs"
	TakeOutOfTrash    Action = "take it out of the trash first" // run
	LookAtBothAndDrop Action = "look at both, and remove the one that is not wanted"
)

// Actions about comparisons.
const (
	ListConfigKeys    Action = "see the keys of a config"
	DrawGrid          Action = "draw one"                                  // run
	MeasureMoreImages Action = "measure it again, on more images"          // run, number of images
	MeasureOnAsMany   Action = "measure the others on as many images"      //
	MeasureReferences Action = "measure real images and noise, as many"    // run, number of images
	NameRunByID       Action = "name one by its id to compare it as it is" //
	SaveBaseline      Action = "save the baseline again"                   //
	SaveBaselineOfOne Action = "save a baseline of one variant"            //
)

// Actions are all of them.
func Actions() []Action {
	return []Action{NameAnotherStore, NameAStore, CreateStore, UpdateProgram, UpdateOrName, RecoverStore, RecoverAndMerge, MakeWritable,
		MakeReadable, WaitForLock, FreeSpace, DeleteRuns, UpgradeStore, MakeRoomForCopy, ListRuns, TakeOutOfTrash, LookAtBothAndDrop,
		ListConfigKeys, DrawGrid, MeasureMoreImages, MeasureOnAsMany, MeasureReferences, NameRunByID, SaveBaseline, SaveBaselineOfOne}
}

// Do is a remedy.
func Do(action Action, args ...string) Remedy { return Remedy{action, args} }

// RemedyOf is what would help against an error, as the outermost error in its chain says that knows.
func RemedyOf(err error) Remedy {
	for err != nil {
		var r interface {
			error
			Remedy() Remedy
		}
		if !errors.As(err, &r) {
			break
		}
		if remedy := r.Remedy(); remedy.Action != "" {
			return remedy
		}
		err = errors.Unwrap(r)
	}
	return Remedy{}
}

// WithRemedy returns an error that knows what would help; nil for nil.
func WithRemedy(err error, action Action, args ...string) error {
	if err == nil {
		return nil
	}
	return &wrapped{error: err, kind: Of(err), remedy: Do(action, args...)}
}
