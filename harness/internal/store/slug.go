package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
)

// maxSlugAttempts limits the search for a free slug. Each attempt makes the number at the end
// longer, so the first few suffice for any store.
const maxSlugAttempts = 12

// slug derives an id to say aloud, such as "brave-otter-42", from the id of a run.
func slug(id string, attempt int) string {
	// Ids of the same millisecond are too similar for their bytes to be used directly.
	sum := sha256.Sum256([]byte(id))
	adjective := adjectives[int(sum[0])%len(adjectives)]
	animal := animals[int(sum[1])%len(animals)]
	low := uint64(10)
	for range min(attempt, maxSlugAttempts) {
		low *= 10
	}
	n := low + binary.BigEndian.Uint64(sum[8:])%(9*low) // as many digits as low has
	return fmt.Sprintf("%s-%s-%d", adjective, animal, n)
}

// 64 words each: short, friendly, and easy to tell apart by ear.
var (
	adjectives = strings.Fields(`
		amber ample bold brave breezy bright brisk calm candid civil clever cosy
		crisp daring deft eager early easy fair fancy fast fine fluent fond
		frank fresh gentle giddy glad golden grand happy hardy honest humble jolly
		keen kind lively loyal lucid lucky mellow merry mild modest neat nimble
		noble patient plucky polite proud quick quiet rapid shiny silent smart steady
		sunny tidy vivid witty`)
	animals = strings.Fields(`
		badger bear beaver bee bison buffalo camel cat cheetah cobra crane crow
		deer dingo dolphin donkey duck eagle falcon ferret finch fox gecko gibbon
		goat goose hare hawk heron horse ibex jackal jaguar kiwi koala lemur
		lion lizard llama lynx magpie marten mole moose newt ocelot orca otter
		owl panda parrot penguin pigeon puma rabbit raven robin salmon seal swan
		tiger toucan walrus zebra`)
)
