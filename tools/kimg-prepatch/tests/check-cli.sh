#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares the commands, long options and exit statuses of kimg-prepatch in the program, in its
# --help texts, in the man page and in the bash completion, in all directions. TAP.
#
#   check-cli.sh KIMG-PREPATCH

set -u
ctl=$1
top=$(cd "$(dirname "$0")/.." && pwd)
src=$top/src
man=$top/man/kimg-prepatch.rst
nr=0
failed=0

# same WHAT A-NAME A B-NAME B
same()
{
	local only_a only_b

	only_a=$(comm -23 <(echo "$3") <(echo "$5") | tr '\n' ' ')
	only_b=$(comm -13 <(echo "$3") <(echo "$5") | tr '\n' ' ')
	nr=$((nr + 1))
	if [[ -n $3 && -z ${only_a// /} && -z ${only_b// /} ]]; then
		echo "ok $nr - $1: $2 and $4 agree"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $nr - $1: $2 and $4 agree"
	echo "# only in the $2: $only_a"
	echo "# only in the $4: $only_b"
}

options_of_source()
{
	sed -n 's/^[[:space:]]*{ "\([a-z-]*\)",[[:space:]]*\(no\|required\|optional\)_argument.*/\1/p' \
		"$1" | sort -u
}

options_of_help()
{
	"$ctl" ${1:+"$1"} --help | sed -n 's/^ *\(-[A-Za-z], \)\?--\([a-z-]*\).*/\2/p' | sort -u
}

# Terms of the option lists in the section of the man page that is underlined with $2.
options_of_man()
{
	awk -v title="$1" -v line="$2" '
		function is_line(s, c) { gsub("[" c "]", "", s); return s == "" }
		NR > 1 && length($0) >= 3 && is_line($0, line) {
			split(prev, word, " ")
			inside = word[1] == title
		}
		NR > 1 && length($0) >= 3 && is_line($0, "=") { inside = title == prev }
		inside && /^-/ { print }
		{ prev = $0 }' "$man" |
		grep -o -- '--[a-z][a-z-]*' | sed 's/^--//' | sort -u
}

# shellcheck source=/dev/null
source "$top/completion/kimg-prepatch" || exit 1
echo "TAP version 13"

in_program=$(sed -n 's/^\t{ "\([a-z-]*\)",\t*cmd_[a-z_]*,.*/\1/p' "$src/main.c" | sort)
in_help=$("$ctl" --help | sed -n '/^Commands:/,/^$/s/^ \([a-z-]*\) .*/\1/p' | sort)
in_completion=$(__kimg_prepatch_commands | tr ' ' '\n' | sort)
in_man=$(awk '/^COMMANDS$/ { on = 1 } /^THE IMAGE$/ { on = 0 }
	on && /^--*$/ { split(prev, w, " "); print w[1] } { prev = $0 }' "$man" | sort)
same commands program "$in_program" help "$in_help"
same commands program "$in_program" "man page" "$in_man"
same commands program "$in_program" completion "$in_completion"

check_options()
{
	local cmd=$1 a

	a=$(options_of_source "$2")
	same "${cmd:-global options}" program "$a" help "$(options_of_help "$cmd")"
	same "${cmd:-global options}" program "$a" "man page" "$(options_of_man "$3" "$4")"
	same "${cmd:-global options}" program "$a" completion \
		"$(__kimg_prepatch_options "$cmd" | tr ' ' '\n' | sed 's/^--//' | sort -u)"
}

check_options "" "$src/main.c" OPTIONS =
for cmd in $in_program; do
	case $cmd in
	help | version) ;;
	*) check_options "$cmd" "$src/cmd-$cmd.c" "$cmd" - ;;
	esac
done

same "exit statuses" program \
	"$(sed -n 's/^\tCLI_[A-Z_]*[[:space:]]*= \([0-9]*\),.*/\1/p' "$src/cmd.h" \
		"$top/../common/cli.h" | sort)" "man page" \
	"$(sed -n '/^EXIT STATUS/,/^EXAMPLES/s/^\([0-9][0-9]*\)$/\1/p' "$man" | sort)"

echo "1..$nr"
[[ $failed -eq 0 ]]
