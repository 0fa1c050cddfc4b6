#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The life of one container or jail: made, checked, run, removed.  Runs in the test VM.
# usage: one.sh CLIENT PARENT NUMBER
#
# Leaves $WORK/PARENT/CLIENT-NUMBER.ok behind, or .failed with the reason in it.
client=$1
parent=$2
number=$3
name=$client-$number
group=/sys/fs/cgroup/$parent/$name
work=${WORK:?}/$parent/$name
here=$(dirname "$0")

failed()
{
	{
		echo "$name: $*"
		cat "$work/log" "$work/out"
	} >"$work.failed" 2>/dev/null
	exit 1
}

# What the OCI file and jailer.sh ask for must have arrived in the cgroup.
check_limits()
{
	[ "$(cat "$group/memory.max")" = 67108864 ] || failed "memory.max: $(cat "$group/memory.max")"
	[ "$(cat "$group/pids.max")" = 64 ] || failed "pids.max: $(cat "$group/pids.max")"
	[ "$(cat "$group/cpu.max")" = '100000 100000' ] || failed "cpu.max: $(cat "$group/cpu.max")"
	[ "$(cat "$group/cpuset.cpus")" = 0 ] || failed "cpuset.cpus: $(cat "$group/cpuset.cpus")"
}

# A runtime that hangs must not stop the whole run.
limited()
{
	timeout "${LIMIT:-180}" "$@"
}

# Every tenth container goes through create, start and delete, with a look at its cgroup between
# them; the others through run, which does the same in one call.
oci_in_steps()
{
	limited "$client" create -b "$work" "$name" >"$work/out" 2>"$work/log" </dev/null || failed "create: $?"
	check_limits
	limited "$client" start "$name" 2>>"$work/log" || failed "start: $?"
	tries=0
	until grep -qx 'populated 0' "$group/cgroup.events"; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || failed "still runs after a minute"
		usleep 100000
	done
	limited "$client" delete "$name" 2>>"$work/log" || failed "delete: $?"
}

mkdir -p "$work" || exit 1
case $client in
crun | runc)
	sed -e "s|@ROOTFS@|${ROOTFS:?}|" -e "s|@CGROUP@|/$parent/$name|" "$here/config.json.in" \
		>"$work/config.json"
	if [ $((number % 10)) = 1 ]; then
		oci_in_steps
	else
		limited "$client" run -b "$work" "$name" >"$work/out" 2>"$work/log" </dev/null || failed "run: $?"
	fi
	;;
jailer)
	limited "$here/jailer.sh" "$group" "${ROOTFS:?}" /bin/busybox cat /proc/self/cgroup \
		>"$work/out" 2>"$work/log" || failed "jailer.sh: $?"
	;;
esac

# It ran, and where it should.
grep -qx "0::/$parent/$name" "$work/out" || failed "did not run in /$parent/$name"
[ ! -e "$group" ] || failed "its cgroup is still there"
: >"$work.ok"
rm -r "$work"
