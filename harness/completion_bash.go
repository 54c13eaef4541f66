package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

const bashCompletionHelp = `Print a script that teaches bash to complete what is typed. It uses the package
bash-completion where that is loaded, and does without it elsewhere.

For this session:  source <(harness completion bash)
For every session: echo 'source <(harness completion bash)' >> ~/.bashrc`

// bashWithoutPackage is what cobra's script for bash needs of the package bash-completion: the words of the line, of which those
// that were parted at = or : alone belong together, and the names of folders and files, of which those with other endings than
// yaml|yml, say, are left out. It sets the variables that the script declares.
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
if ! declare -F _filedir >/dev/null 2>&1; then
    _filedir()
    {
        local name typed=$cur
        [[ $typed == -*=* ]] && typed=${typed#*=}
        type -t compopt >/dev/null && compopt -o filenames
        while IFS= read -r name; do
            if [[ -d ${name/#\~/$HOME} || ${1-} != -d && ( -z ${1-} || "|$1|" == *"|${name##*.}|"* ) ]]; then
                COMPREPLY+=("$name")
            fi
        done < <(compgen -f -- "$typed")
    }
fi

`

// completionForBash prints the script, which works without that package, too.
func completionForBash(cmd *cobra.Command, _ []string) error {
	if _, err := fmt.Fprint(cmd.OutOrStdout(), bashWithoutPackage); err != nil {
		return err
	}
	plain, err := cmd.Flags().GetBool("no-descriptions")
	if err != nil {
		return err
	}
	return cmd.Root().GenBashCompletionV2(cmd.OutOrStdout(), !plain)
}
