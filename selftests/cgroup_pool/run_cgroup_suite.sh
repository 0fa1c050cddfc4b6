#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run programs of tools/testing/selftests/cgroup twice, with a plain directory
# for the root of the hierarchy and with a pooled one, and compare their results
# test by test. They are not changed for that: they take the first cgroup2 mount
# for the root, so that is made the directory, and a process that goes back to
# the root ends up in the real one, where there may be processes next to
# controllers, through a bind mount of the real cgroup.procs.
#
# Needs a cgroup2 hierarchy without other users at /sys/fs/cgroup and an
# unshare(1) which knows cgroup namespaces; UNSHARE says where that is.
#
# Usage: run_cgroup_suite.sh FOLDER-OF-THE-PROGRAMS PROGRAM...
#
# A difference is looked at again, a few times: some tests measure time.

ksft_skip=4
root=/sys/fs/cgroup
slots=32
rounds=5
limit=${SUITE_TIMEOUT:-180}
unshare=${UNSHARE:-unshare}

wait_for()
{
	tries=0
	while [ "$(sed -n "s/^$2 //p" "$1")" != "$3" ]; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || return 1
		sleep 0.1
	done
}

enable_all()
{
	tr ' ' '\n' <"$1/cgroup.controllers" | while read -r controller; do
		echo "+$controller" >"$1/cgroup.subtree_control"
	done
}

# The part in the new namespaces: inner DIRECTORY PROGRAM.
if [ "$1" = --inner ]; then
	dir=$2
	prog=$3
	mkdir -p /tmp/suite.root /tmp/suite.top
	mount --bind "$dir" /tmp/suite.root || exit 99
	mount --bind $root /tmp/suite.top || exit 99
	for file in cgroup.procs cgroup.threads; do
		mount --bind $root/$file /tmp/suite.root/$file || exit 99
	done
	echo 0 >/tmp/suite.top/cgroup.procs || exit 99
	umount /tmp/suite.top
	# All of the rest must not be found before it.
	umount -l $root || exit 99
	# A program which enables a controller there would have the pool renewed
	# and find it empty.
	enable_all /tmp/suite.root
	if grep -q '^[1-9]' /tmp/suite.root/cgroup.pool.max; then
		wait_for /tmp/suite.root/cgroup.pool.stat free $slots || exit 99
	fi
	exec timeout "$limit" "$prog"
fi

skip_all()
{
	echo "1..0 # SKIP $*"
	exit $ksft_skip
}

progs=$1
shift
[ -f $root/cgroup.controllers ] || skip_all "no cgroup2 at $root"
$unshare --help 2>&1 | grep -q -- '--cgroup' || skip_all "no unshare --cgroup"
enable_all $root

work=$(mktemp -d)
self=$(readlink -f "$0")

# run MODE PROGRAM: results in $work/MODE.
run()
{
	dir=$root/suite.$1
	mkdir "$dir" || return 1
	if [ "$1" = pooled ]; then
		echo $slots >"$dir/cgroup.pool.max" || return 1
		wait_for "$dir/cgroup.pool.stat" free $slots || return 1
	fi
	(
		# The namespace's root is where it was made.
		echo 0 >"$dir/cgroup.procs"
		exec "$unshare" --mount --cgroup "$self" --inner "$dir" "$progs/$2"
	) >"$work/$1.out" 2>&1
	echo "status $?" >>"$work/$1.out"
	claims=0
	misses=0
	if [ "$1" = pooled ]; then
		claims=$(sed -n 's/^claims //p' "$dir/cgroup.pool.stat")
		misses=$(sed -n 's/^misses //p' "$dir/cgroup.pool.stat")
	fi
	grep -E '^(ok|not ok|status|1\.\.0) ?' "$work/$1.out" >"$work/$1"
	# What a test forgot is the same in both, but must not stay.
	find "$dir" -mindepth 1 -depth -type d -exec rmdir {} \; 2>/dev/null
	rmdir "$dir"
}

[ -e $root/cgroup.pool.max ] && skip_all "pool files in the root"
mkdir $root/suite.probe && [ -e $root/suite.probe/cgroup.pool.max ]
has_pool=$?
rmdir $root/suite.probe
[ $has_pool = 0 ] || skip_all "kernel without CONFIG_CGROUP_POOL"

echo "TAP version 13"
nr=0
failed=0
result()
{
	nr=$((nr + 1))
	echo "$1 $nr $2"
	[ "$1" = ok ] || failed=1
}

for prog; do
	round=1
	while :; do
		run plain "$prog" || echo "status broken" >>"$work/plain"
		run pooled "$prog" || echo "status failed" >>"$work/pooled"
		cmp -s "$work/plain" "$work/pooled" && break
		[ $round -lt $rounds ] || break
		round=$((round + 1))
		echo "# $prog: different results, once more:"
		diff "$work/plain" "$work/pooled" | sed 's/^/#   /'
	done
	echo "# $prog: $claims claims, $misses misses, round $round"
	if ! cmp -s "$work/plain" "$work/pooled"; then
		sed 's/^/#   plain:  /' "$work/plain.out"
		sed 's/^/#   pooled: /' "$work/pooled.out"
	fi
	# The programs number their results by themselves or not at all.
	sed -n 's/^\(not \)\{0,1\}ok [0-9]* *//p' "$work/plain" |
		sed 's/^# SKIP //' >"$work/names"
	while read -r name; do
		a=$(grep -F -- "$name" "$work/plain" | head -n 1)
		b=$(grep -F -- "$name" "$work/pooled" | head -n 1)
		case $a in
		"not ok"*) how="fails as without the pool" ;;
		*SKIP*) how="is skipped as without the pool" ;;
		*) how="passes as without the pool" ;;
		esac
		if [ "$a" = "$b" ]; then
			result ok "$prog $name $how"
		else
			result "not ok" "$prog $name: plain '$a' pooled '$b'"
		fi
	done <"$work/names"
	a=$(grep '^status' "$work/plain")
	b=$(grep '^status' "$work/pooled")
	if [ "$a" != "$b" ] || [ ! -s "$work/names" ]; then
		result "not ok" "$prog results: plain $a pooled $b"
	elif [ "$claims" -gt 0 ]; then
		result ok "$prog makes its cgroups by $claims claims"
	else
		result "not ok" "$prog makes its cgroups by claims: none"
	fi
done
echo "1..$nr"
rm -r "$work"
exit $failed
