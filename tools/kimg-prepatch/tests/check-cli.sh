#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares what kimg-prepatch, its --help texts, its man page and its bash completion say. TAP.
#
#   check-cli.sh KIMG-PREPATCH

set -u
ctl=$1
top=$(cd "$(dirname "$0")/.." && pwd)
src=$top/src
man=$top/man/kimg-prepatch.rst
completion=__kimg_prepatch
# shellcheck source=/dev/null
source "$top/completion/kimg-prepatch" || exit 1
# shellcheck source=tools/common/check-cli.sh
source "$top/../common/check-cli.sh" || exit 1

check_commands "THE IMAGE"
check_options "" "$man" OPTIONS = "$src/main.c"
for cmd in $in_program; do
	case $cmd in
	help | version) ;;
	*) check_options "$cmd" "$man" "$cmd" - "$src/cmd-$cmd.c" ;;
	esac
done
check_statuses EXAMPLES
finish
