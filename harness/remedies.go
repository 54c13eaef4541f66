package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"flowharness/harness/internal/compare"
	"flowharness/harness/internal/condition"
	"flowharness/harness/internal/fault"
)

// remedies are what to type for what would help. FILE, RUN and N stand for the first, first and second of its arguments.
var remedies = map[fault.Action]string{
	fault.NameAnotherStore:  "name another file with --store or $HARNESS_STORE",
	fault.NameAStore:        "name the file of a store, such as runs/harness.db",
	fault.CreateStore:       "the first run creates it; --store or $HARNESS_STORE names another",
	fault.UpdateProgram:     "update harness",
	fault.UpdateOrName:      "update harness, or name another store with --store or $HARNESS_STORE",
	fault.RecoverStore:      "salvage what can be read of it into a new store with: harness doctor --recover FILE",
	fault.RecoverAndMerge:   "salvage what can be read of it into a new store with: harness doctor --recover FILE, then merge the new store",
	fault.MakeWritable:      "make the file and its folder writable for this user, or name another store with --store or $HARNESS_STORE",
	fault.MakeReadable:      "make the file readable for this user, or copy it to where it is",
	fault.WaitForLock:       "wait for the other process or stop it, then try again",
	fault.FreeSpace:         "free some space, or name a store on another disk with --store or $HARNESS_STORE",
	fault.DeleteRuns:        "free some space: harness rm deletes runs, and their checkpoints first",
	fault.UpgradeStore:      "open it once with a command that writes, such as harness tag",
	fault.MakeRoomForCopy:   "free some space on its disk or make it writable; or set TMPDIR to a folder with room for a copy of it",
	fault.ListRuns:          "(see harness list)",
	fault.TakeOutOfTrash:    "take it out first, with harness rm --undo RUN",
	fault.LookAtBothAndDrop: "see harness show of both, and remove the one that is not wanted",
	fault.ListConfigKeys:    "harness config show lists the keys",
	fault.DrawGrid:          "harness sample RUN draws one",
	fault.MeasureMoreImages: "harness evaluate RUN --images N",
	fault.MeasureOnAsMany:   "harness evaluate RUN --images N measures the others on as many",
	fault.MeasureReferences: "harness evaluate RUN --references --images N",
	fault.NameRunByID:       "name one by its id to compare it as it is",
	fault.SaveBaseline:      "harness baseline save writes one",
	fault.SaveBaselineOfOne: "harness baseline save writes a file of one",
}

// typed is a remedy as it is typed; "" if there is none.
func typed(r fault.Remedy) string {
	words := remedies[r.Action]
	if len(r.Args) > 0 {
		words = strings.NewReplacer("FILE", r.Args[0], "RUN", r.Args[0]).Replace(words)
	}
	if len(r.Args) > 1 {
		words = strings.ReplaceAll(words, " N", " "+r.Args[1])
	}
	return words
}

// advised is a message with what to type.
func advised(message string, r fault.Remedy) string {
	switch words := typed(r); {
	case words == "":
		return message
	case strings.HasPrefix(words, "("):
		return message + " " + words
	default:
		return message + ": " + words
	}
}

// errorText is what a command says of an error: flags by their names, and what would help as it is typed.
func errorText(err error) string {
	if list := joined(err); list != nil {
		texts := make([]string, len(list))
		for i, e := range list {
			texts[i] = errorText(e)
		}
		return strings.Join(texts, "\n")
	}
	message := err.Error()
	var option *compare.OptionError
	if errors.As(err, &option) && flagOf(option.Option) != "" {
		message = strings.Replace(message, option.Error(), option.In(flagOf(option.Option)), 1)
	}
	var expression *condition.ExpressionError
	if errors.As(err, &expression) {
		message = strings.Replace(message, expression.Error(), "--fail-if"+strings.TrimPrefix(expression.Error(), "condition"), 1)
	}
	return advised(message, fault.RemedyOf(err))
}

// joined are the errors that [errors.Join] has joined; nil of any other error.
func joined(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	list := many.Unwrap()
	if whole := errors.Join(list...); whole == nil || err.Error() != whole.Error() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(list), func(e error) bool { return e == nil })
}

// flagOf is the flag of an option of a comparison; "" if it has none.
func flagOf(o compare.Option) string {
	if o == compare.OptionNone || o == compare.OptionRuns {
		return ""
	}
	return "--" + strings.ReplaceAll(string(o), " ", "-")
}

// warningText is what a command says of a warning.
func warningText(w compare.Warning) string { return clean(advised(w.Text, w.Help)) }

// printWarnings prints warnings to standard error.
func (a *app) printWarnings(list []compare.Warning) {
	for _, w := range list {
		fmt.Fprintf(a.err, "warning: %s\n", warningText(w))
	}
}
