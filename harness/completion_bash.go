package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// bashWithoutPackage is what cobra's script for bash needs of the package bash-completion: the words of the line, of which those
// that were parted at = or : alone belong together. It sets the variables that the script declares.
const bashWithoutPackage = `# Where the package bash-completion is not loaded, this does what is needed of it.
if ! declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
    _get_comp_words_by_ref()
    {
        local line=$COMP_LINE i word
        words=()
        for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
            word=${COMP_WORDS[i]}
            if ((i > 0)) && [[ $line != [[:blank:]]* ]]; then
                words[${#words[@]} - 1]+=$word
            else
                words+=("$word")
            fi
            line=${line#"${line%%[![:blank:]]*}"}
            line=${line#"$word"}
            if ((i == COMP_CWORD)); then
                cword=$((${#words[@]} - 1))
            fi
        done
        cur=${words[cword]}
        prev=${words[cword - 1]}
    }
fi

`

// completionForBash prints the script, which works without that package, too.
func completionForBash(cmd *cobra.Command, _ []string) error {
	if _, err := fmt.Fprint(cmd.OutOrStdout(), bashWithoutPackage); err != nil {
		return err
	}
	return cmd.Root().GenBashCompletionV2(cmd.OutOrStdout(), true)
}
