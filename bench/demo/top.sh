#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Something to look at with "cgpoolctl top": a pool, and a client that makes and removes cgroups in
# bursts.  Runs in the VM.  usage: top.sh SAMPLES
samples=$1
parent=/sys/fs/cgroup/machines

# Every controller on, or off again.
controllers_on()
{
	sed 's/[^ ]*/+&/g' "$1/cgroup.controllers" >"$1/cgroup.subtree_control"
}

controllers_off()
{
	off=$(sed 's/[^ ]*/-&/g' "$1/cgroup.subtree_control")
	echo "$off" >"$1/cgroup.subtree_control"
}

controllers_on /sys/fs/cgroup || exit 1
mkdir $parent || exit 1
controllers_on $parent || exit 1
echo 64 >$parent/cgroup.pool.max || exit 1
tries=0
until grep -qx 'free 64' $parent/cgroup.pool.stat; do
	tries=$((tries + 1))
	[ $tries -lt 300 ] || exit 1
	usleep 100000
done

touch /run/busy
while [ -e /run/busy ]; do
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		mkdir $parent/vm-$i
	done
	usleep 200000
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		rmdir $parent/vm-$i
	done
	usleep 200000
done &
cgpoolctl top --batch --delay 1 --iterations "$samples"
status=$?
rm /run/busy
wait
echo 0 >$parent/cgroup.pool.max
rmdir $parent
controllers_off /sys/fs/cgroup
exit $status
