# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Helpers shared by the scripts in this folder.  Source it after "set -euo pipefail".
# Everything that is written goes below $BUILD; $TOP is the root of the repository.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
case $BUILD in
/*) ;;
*) BUILD=$TOP/$BUILD ;;
esac
export TOP BUILD LC_ALL=C

LOGDIR=$BUILD/log
PROG=${0##*/}

# shellcheck disable=SC2034 # used by the scripts
# Debian's package of the kernel source, used when KSRC is not given.
DEFAULT_KSRC=/usr/src/linux-source-6.12.tar.xz

msg()
{
	printf '%s: %s\n' "$PROG" "$*" >&2
}

die()
{
	msg "$*"
	exit 1
}

# elapsed START: time since the given $SECONDS value, as m:ss.
elapsed()
{
	local secs=$((SECONDS - $1))

	printf '%d:%02d' $((secs / 60)) $((secs % 60))
}

# run_logged NAME DESCRIPTION COMMAND...
# Run a long step with all its output in $LOGDIR/NAME.log.  Print what is being done and, while it
# runs, the elapsed time with the last line of the log; show the tail of the log when it fails.
run_logged()
{
	local name=$1 what=$2 start=$SECONDS log pid rc=0 shown=0 line
	shift 2

	mkdir -p "$LOGDIR"
	log=$LOGDIR/$name.log
	msg "$what (log: ${log#"$TOP"/})"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.5
		if ((SECONDS - start >= shown + 20)); then
			shown=$((SECONDS - start))
			line=$(tail -n 1 "$log" | tr -d '\r' | cut -c 1-70)
			msg "  $(elapsed "$start") $line"
		fi
	done
	wait "$pid" || rc=$?
	if ((rc)); then
		msg "$what: failed after $(elapsed "$start") with status $rc; end of ${log#"$TOP"/}:"
		tail -n "${LOG_TAIL:-30}" "$log" | sed 's/^/    /' >&2
		return "$rc"
	fi
	msg "$what: done in $(elapsed "$start")"
}

# series_patches: names of the patches in patches/series, in order, relative to patches/.
# shellcheck disable=SC2120 # the argument is optional
series_patches()
{
	local series=${1:-$TOP/patches/series}

	[[ -f $series ]] || return 0
	sed -e 's/[[:space:]]*#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$series"
}

# patch_files PATCH...: the files that the patches touch, each once.
patch_files()
{
	(($#)) || return 0
	sed -n -e 's|^--- a/\([^[:space:]]*\).*|\1|p' -e 's|^+++ b/\([^[:space:]]*\).*|\1|p' "$@" |
		sort -u
}

# take_lock NAME: hold $BUILD/NAME.lock until this shell ends; waits for the present holder.
take_lock()
{
	mkdir -p "$BUILD"
	exec {LOCK_FD}>"$BUILD/.$1.lock"
	if ! flock -n "$LOCK_FD"; then
		msg "waiting for another $1 on this build folder"
		flock "$LOCK_FD"
	fi
}

# built_objects VARIANT: the objects that this kernel is made of; it is built if it isn't there.
built_objects()
{
	local archive=$BUILD/linux/out-$1/vmlinux.a

	[[ -f $archive ]] || "$TOP/scripts/kbuild" "$1" >&2
	ar t "$archive" | sed "s|.*/out-$1/||"
}

# objects_of TREE VARIANT FILE...: the object targets for those C and assembler files that TREE has and
# that are part of this kernel.
objects_of()
{
	local tree=$1 objects f

	objects=$(built_objects "$2")
	shift 2
	for f in "$@"; do
		[[ $f == *.[cS] && -f $tree/$f ]] || continue
		! grep -qxF -e "${f%.[cS]}.o" <<<"$objects" || echo "${f%.[cS]}.o"
	done
}

# build_tools: the programs of tools/, up to date in $BUILD/tools.
build_tools()
(
	take_lock tools
	if [[ ! -f $BUILD/tools/build.ninja ]]; then
		run_logged tools-setup "configuring the tools" meson setup "$BUILD/tools" "$TOP/tools"
	fi
	run_logged tools-build "compiling the tools" ninja -C "$BUILD/tools"
)
