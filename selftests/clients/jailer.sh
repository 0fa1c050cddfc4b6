#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A stand-in for a microVM jailer: makes a cgroup, sets its limits, joins it through cgroup.procs,
# changes its root, executes the program, and removes the cgroup when that has ended.
# usage: jailer.sh CGROUP ROOT PROGRAM [ARG...]
set -e
group=$1
root=$2
shift 2

mkdir "$group"
trap 'rmdir "$group"' EXIT
echo 67108864 >"$group/memory.max"
echo '100000 100000' >"$group/cpu.max"
echo 0 >"$group/cpuset.cpus"
echo 64 >"$group/pids.max"
[ "$(cat "$group/memory.max")" = 67108864 ]
[ "$(cat "$group/cpu.max")" = '100000 100000' ]

# shellcheck disable=SC2016 # the inner shell expands these
sh -c 'echo $$ >"$0/cgroup.procs" && exec chroot "$@"' "$group" "$root" "$@"
