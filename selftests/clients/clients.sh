#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Unmodified container runtimes below a pooled and a plain parent.  Runs in the test VM; prints TAP
# and writes one JSON object per client and parent to $VMRUN_RESULT.
# usage: clients.sh COUNT PARALLEL CLIENT:PARENT...     CLIENT crun, runc, jailer; PARENT pooled, plain
count=$1
parallel=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
export WORK=/tmp/clients ROOTFS=/run/rootfs
cgroups=/sys/fs/cgroup
pool=$((count + count / 4))
nr=0

result()
{
	[ -z "$VMRUN_RESULT" ] || echo "$*" >"$VMRUN_RESULT"
}

tap()
{
	nr=$((nr + 1))
	echo "$1 $nr - $2"
}

bail()
{
	echo "Bail out! $*"
	exit 1
}

# uptime in milliseconds
now()
{
	awk '{ printf "%d", $1 * 1000 }' /proc/uptime
}

stat_of()
{
	sed -n "s/^$2 //p" "$cgroups/$1/cgroup.pool.stat"
}

controllers_on()
{
	sed 's/[^ ]*/+&/g' "$1/cgroup.controllers" >"$1/cgroup.subtree_control" ||
		bail "$1: cannot enable the controllers"
}

controllers_off()
{
	off=$(sed 's/[^ ]*/-&/g' "$1/cgroup.subtree_control")
	echo "$off" >"$1/cgroup.subtree_control"
}

# Between runs the pool may rest anywhere above low; a write to max fills it.
pool_full()
{
	echo $pool >$cgroups/pooled/cgroup.pool.max || bail "cannot write cgroup.pool.max"
	tries=0
	until [ "$(stat_of pooled free)" = "$pool" ]; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || bail "the pool has only $(stat_of pooled free) of $pool slots"
		usleep 100000
	done
}

# Nothing of the last run may disturb this one.
quiet()
{
	tries=0
	until grep -qx 'nr_dying_descendants 0' $cgroups/cgroup.stat; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || bail "dying cgroups do not go away"
		usleep 100000
	done
}

run_client()
{
	client=$1
	parent=$2
	claims=0
	misses=0
	mkdir -p "$WORK/$parent"
	quiet
	if [ "$parent" = pooled ]; then
		pool_full
		claims=$(stat_of pooled claims)
		misses=$(stat_of pooled misses)
	fi
	start=$(now)
	seq 1 "$count" | xargs -n 1 -P "$parallel" "$here/one.sh" "$client" "$parent"
	ms=$(($(now) - start))
	ok=$(find "$WORK/$parent" -name "$client-*.ok" | wc -l)
	failed=$((count - ok))
	if [ "$parent" = pooled ]; then
		claims=$(($(stat_of pooled claims) - claims))
		misses=$(($(stat_of pooled misses) - misses))
	fi
	result "{\"kind\":\"client\",\"client\":\"$client\",\"parent\":\"$parent\",\"count\":$count,\"parallel\":$parallel,\"ok\":$ok,\"failed\":$failed,\"claims\":$claims,\"misses\":$misses,\"pool_max\":$([ "$parent" = pooled ] && echo $pool || echo 0),\"wall_ms\":$ms}"
	echo "# $client, $parent parent: $ok of $count, $parallel at a time, $((ms / 1000)).$((ms % 1000 / 100)) s, $claims claims, $misses misses"
	if [ "$failed" != 0 ]; then
		find "$WORK/$parent" -name "$client-*.failed" | head -n 3 | xargs cat | sed 's/^/# /'
		tap 'not ok' "$client: $failed of $count failed below a $parent parent"
	else
		tap ok "$client: $count of $count ran below a $parent parent"
	fi
	if [ "$parent" = pooled ]; then
		verdict=ok
		[ "$claims" -ge "$count" ] || verdict='not ok'
		tap "$verdict" "$client: at least $count claims (got $claims)"
	fi
	rm -rf "${WORK:?}/$parent"
}

mkdir -p $ROOTFS/bin $ROOTFS/proc $ROOTFS/dev $ROOTFS/sys $ROOTFS/tmp $ROOTFS/etc
cp /bin/busybox $ROOTFS/bin/
mount -t proc proc $ROOTFS/proc
controllers_on $cgroups
for parent in pooled plain; do
	mkdir $cgroups/$parent || bail "mkdir $parent"
	controllers_on $cgroups/$parent
done
case " $* " in
*:pooled*)
	[ -e $cgroups/pooled/cgroup.pool.max ] || bail "this kernel has no cgroup.pool.max"
	;;
esac
status=0
for pair; do
	run_client "${pair%:*}" "${pair#*:}"
	[ "$failed" = 0 ] || status=1
done
left=$(find $cgroups/pooled $cgroups/plain -mindepth 1 -type d | wc -l)
tap "$([ "$left" = 0 ] && echo ok || echo not ok)" "no cgroup of a client is left ($left)"
for parent in pooled plain; do
	rmdir $cgroups/$parent || status=1
done
controllers_off $cgroups
umount $ROOTFS/proc
echo "1..$nr"
exit $status
