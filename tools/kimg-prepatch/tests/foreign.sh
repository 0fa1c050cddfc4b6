#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Kernels that kimg-prepatch wasn't written for: each FILE gets a clear refusal from every command,
# in one line and with the status that says so, and no output file is left. TAP.
#
#   foreign.sh KIMG-PREPATCH FILE...
#
# Files are made in $TMPDIR, in $BUILD, or in build/.

ctl=$1
shift
work=${TMPDIR:-${BUILD:-$(cd "$(dirname "$0")/../../.." && pwd)/build}}
mkdir -p "$work" && tmp=$(mktemp -d "$work/foreign.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM HUP
nr=0
failed=0

result()
{
	nr=$((nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $nr - $2"
	else
		failed=$((failed + 1))
		echo "not ok $nr - $2"
		sed 's/^/# /' "$tmp/err"
	fi
}

# refuse TEXT ARGUMENTS...
refuse()
{
	text=$1
	shift
	"$ctl" "$@" >"$tmp/stdout" 2>"$tmp/err" </dev/null
	got=$?
	[ $got = 3 ] || echo "status $got, wanted 3" >>"$tmp/err"
	[ $got = 3 ] && [ ! -s "$tmp/stdout" ] && [ "$(wc -l <"$tmp/err")" = 1 ] &&
		grep -q -e 'no descriptor: not built with CONFIG_X86_PREPATCH$' -e 'is a bzImage; give' \
			"$tmp/err" && [ ! -e "$tmp/out" ]
	result $? "$text"
}

echo "TAP version 13"
for file; do
	name=$(echo "$file" | rev | cut -d / -f 1-2 | rev)
	refuse "$name: inspect" inspect "$file"
	refuse "$name: apply" apply -p "$file" -o "$tmp/out" "$file"
	refuse "$name: undo" undo -o "$tmp/out" "$file"
	refuse "$name: verify" verify -r "$file" "$file"
	refuse "$name: bake" bake -q --qemu false -o "$tmp/out" "$file"
done
echo "1..$nr"
[ $failed = 0 ] && [ $nr -gt 0 ]
