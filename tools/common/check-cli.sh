# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154
#
# Compares the commands, long options and exit statuses of a program in its source, its --help texts,
# its man pages and its bash completion, in all directions. TAP. Sourced by a script that sets
#
#   ctl         the program
#   src         the folder of its source
#   man         its man page
#   completion  the functions of its completion begin with this; they are there already
#
# and calls check_commands, check_options for each command, check_statuses and finish.

common=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
nr=0
failed=0
echo "TAP version 13"

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

# Long options of the getopt tables in source files.
options_of_source()
{
	sed -n 's/^[[:space:]]*{ "\([a-z-]*\)",[[:space:]]*\(no\|required\|optional\)_argument.*/\1/p' \
		"$@" | sort -u
}

# Lines of options in a --help text.
options_of_help()
{
	"$ctl" ${1:+"$1"} --help | sed -n 's/^ *\(-[A-Za-z], \)\?--\([a-z-]*\).*/\2/p' | sort -u
}

# options_of_man PAGE TITLE LINE: terms of the option lists in the section that starts with the word
# TITLE and is underlined with the character LINE.
options_of_man()
{
	awk -v title="$2" -v line="$3" '
		function is_line(s, c) { gsub("[" c "]", "", s); return s == "" }
		NR > 1 && length($0) >= 3 && is_line($0, line) {
			split(prev, word, " ")
			inside = word[1] == title
		}
		NR > 1 && length($0) >= 3 && is_line($0, "=") { inside = title == prev }
		inside && /^-/ { print }
		{ prev = $0 }' "$1" |
		grep -o -- '--[a-z][a-z-]*' | sed 's/^--//' | sort -u
}

# check_commands NEXT: NEXT is the section of the man page after COMMANDS. Sets $in_program.
check_commands()
{
	local in_help in_man in_completion

	in_program=$(sed -n 's/^\t{ "\([a-z-]*\)",\t*cmd_[a-z_]*,.*/\1/p' "$src/main.c" | sort)
	in_help=$("$ctl" --help | sed -n '/^Commands:/,/^$/s/^ \([a-z-]*\) .*/\1/p' | sort)
	in_completion=$("${completion}_commands" | tr ' ' '\n' | sort)
	in_man=$(awk -v following="$1" '/^COMMANDS$/ { on = 1 } $0 == following { on = 0 }
		on && /^--*$/ { split(prev, w, " "); print w[1] } { prev = $0 }' "$man" | sort)
	same commands program "$in_program" help "$in_help"
	same commands program "$in_program" "man page" "$in_man"
	same commands program "$in_program" completion "$in_completion"
}

# check_options COMMAND PAGE TITLE LINE SOURCE...: without COMMAND those that are global
check_options()
{
	local cmd=$1 page=$2 title=$3 line=$4 what=${1:-global options} in_source
	shift 4

	in_source=$(options_of_source "$@")
	same "$what" program "$in_source" help "$(options_of_help "$cmd")"
	same "$what" program "$in_source" "man page" "$(options_of_man "$page" "$title" "$line")"
	same "$what" program "$in_source" completion \
		"$("${completion}_options" "$cmd" | tr ' ' '\n' | sed 's/^--//' | sort -u)"
}

# check_statuses NEXT: NEXT is the section of the man page after EXIT STATUS.
check_statuses()
{
	same "exit statuses" program \
		"$(sed -n 's/^\tCLI_[A-Z_]*[[:space:]]*= \([0-9]*\),.*/\1/p' "$src/cmd.h" \
			"$common/cli.h" | sort)" "man page" \
		"$(sed -n "/^EXIT STATUS\$/,/^$1\$/p" "$man" | grep -owE '[0-9]+' | sort -u)"
}

# The last command of the script.
finish()
{
	echo "1..$nr"
	[[ $failed -eq 0 ]]
}
