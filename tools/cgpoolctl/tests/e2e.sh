#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# End-to-end test of cgpoolctl on a real kernel, as root. TAP.
#
#   e2e.sh v2 [DIR]	below a cgroup2 mount (/sys/fs/cgroup)
#   e2e.sh v1 [DIR]	below a v1 mount; without DIR "mount lightweight" makes one
#
# CGPOOLCTL and CGPOOLCTL_FAULT name the programs; the second is the build that
# can be killed (CGPOOL_KILL_AT=n) or stopped (CGPOOL_STALL_AT=n) before its n-th
# system call that changes anything. What is shown for every n: no cgroup is
# handed out twice, what others hold is untouched, and the pool comes back to
# its full size. Written for busybox sh.

version=${1:-v2}
base=${2:-}
ctl=${CGPOOLCTL:-cgpoolctl}
fault=${CGPOOLCTL_FAULT:-cgpoolctl-fault}
# To look into one thing: E2E_MODES=kernel E2E_PARTS=kill E2E_KILL=destroy
modes=${E2E_MODES:-kernel userspace}
parts=${E2E_PARTS:-basics parallel special kill stall}
kill_ops=${E2E_KILL:-create grow shrink take fallback put fresh kill exec drain destroy}
stall_ops=${E2E_STALL:-take put shrink}
SIZE=3
MAX_STEPS=200
# More than is free anywhere in here: the largest pool that is emptied has 5.
MAX_TAKES=8
# Looks at a process that should stop, or end, before it counts as hanging: a minute or so.
MAX_LOOKS=600
tmp=$(mktemp -d) || exit 1
nr=0
failed=0
mounted=
held_pid=

ok()
{
	nr=$((nr + 1))
	echo "ok $nr - $1"
}

not_ok()
{
	nr=$((nr + 1))
	failed=$((failed + 1))
	echo "not ok $nr - $1"
	[ -z "$2" ] || echo "# $2"
}

skip()
{
	nr=$((nr + 1))
	echo "ok $nr - $1 # SKIP $2"
}

# check TEXT COMMAND...: the command must succeed
check()
{
	text=$1
	shift
	if out=$("$@" 2>&1); then
		ok "$text"
	else
		not_ok "$text" "status $?: $out"
	fi
}

# check_not TEXT COMMAND...: the command must fail
check_not()
{
	text=$1
	shift
	if out=$("$@" 2>&1); then
		not_ok "$text" "$out"
	else
		ok "$text"
	fi
}

# is TEXT WANTED GOT
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "wanted '$2', got '$3'"
	fi
}

# status WANTED TEXT COMMAND...
status()
{
	wanted=$1
	text=$2
	shift 2
	out=$("$@" 2>&1)
	got=$?
	if [ "$got" = "$wanted" ]; then
		ok "$text"
	else
		not_ok "$text" "status $got, wanted $wanted: $out"
	fi
}

inode()
{
	stat -c %i "$1" 2>/dev/null
}

# value POOL KEY
value()
{
	"$ctl" show -n -r "$1" 2>/dev/null | sed -n "s/^$2 //p"
}

populated()
{
	[ -n "$(cat "$1/cgroup.procs" 2>/dev/null)" ]
}

# A zombie does not count.
alive()
{
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
	Z* | X* | "") return 1 ;;
	esac
}

# Removes the pool whatever state it is in.
remove_pool()
{
	[ -d "$1" ] || return 0
	"$ctl" destroy -f "$1" >/dev/null 2>&1 ||
		{ "$ctl" create -m 0 "$1" && "$ctl" destroy -f "$1"; } >/dev/null 2>&1
	[ ! -d "$1" ] || rmdir "$1" 2>/dev/null
	[ ! -d "$1" ]
}

# A full pool, whatever was there before.
make_pool()
{
	remove_pool "$1"
	"$ctl" create -m $SIZE -w 20000 "$1"
}

# Takes until the pool is empty; paths on stdout. The kernel refills its pool faster
# than processes can be started here, so that one is never empty for long: the
# number of takes is what ends this then.
take_all()
{
	i=0
	while path=$("$ctl" take "$1" 2>/dev/null); do
		echo "$path"
		i=$((i + 1))
		[ $i -lt $MAX_TAKES ] || break
	done
}

put_all()
{
	while read -r path; do
		"$ctl" put --kill "${path%/*}" "${path##*/}" || return 1
	done
}

start_held()
{
	held=$("$ctl" take "$1" held) || return 1
	sleep 100000 &
	held_pid=$!
	echo $held_pid >"$held/cgroup.procs" || return 1
	held_inode=$(inode "$held")
}

stop_held()
{
	[ -n "$held_pid" ] || return 0
	kill -9 "$held_pid" 2>/dev/null
	wait "$held_pid" 2>/dev/null
	held_pid=
}

# What must hold after a process was killed or stopped anywhere. Sets $why.
# $2: paths that the victim printed, i.e. that somebody may be using.
sound()
{
	pool=$1
	given=$2
	why=
	if ! alive "$held_pid"; then
		why="the process in the held cgroup is gone"
		return 1
	fi
	if [ "$(inode "$held")" != "$held_inode" ] ||
	   ! grep -qx "$held_pid" "$held/cgroup.procs"; then
		why="the held cgroup is not what it was"
		return 1
	fi
	take_all "$pool" >"$tmp/taken"
	taken=$(cat "$tmp/taken")
	if [ -n "$taken" ]; then
		# Few processes: this runs for each step, on an emulated CPU.
		procs=
		for path in $taken; do
			procs="$procs $path/cgroup.procs"
		done
		# shellcheck disable=SC2086 # words are wanted
		if ! stat -c %i $taken >"$tmp/inodes" || ! cat $procs >"$tmp/procs"; then
			why="something that was taken is gone"
			return 1
		fi
		if [ -s "$tmp/procs" ]; then
			why="a cgroup was handed out with processes in it"
			return 1
		fi
		for g in $held $given; do
			inode "$g" >>"$tmp/inodes" || { why="$g vanished"; return 1; }
		done
		if [ -n "$(sort "$tmp/inodes" | uniq -d)" ]; then
			why="a cgroup was handed out twice: $taken $given"
			return 1
		fi
	fi
	for g in $given; do
		if [ ! -d "$g" ]; then
			why="$g was given out and vanished"
			return 1
		fi
	done
	if ! put_all <"$tmp/taken" >"$tmp/out" 2>&1; then
		why="put failed: $(cat "$tmp/out")"
		return 1
	fi
	return 0
}

# Brings it back to full size by the documented way: create, else resize.
rebuild()
{
	pool=$1
	why=
	"$ctl" create -m $SIZE -w 20000 "$pool" >"$tmp/out" 2>&1 ||
		"$ctl" resize -w 20000 "$pool" $SIZE >"$tmp/out" 2>&1 ||
		{ why="rebuild: $(cat "$tmp/out")"; return 1; }
	if [ "$(value "$pool" free)" != $SIZE ]; then
		why="free is $(value "$pool" free) after the rebuild"
		return 1
	fi
	dirty=$(value "$pool" dirty)
	if [ "${dirty:-0}" != 0 ]; then
		why="$dirty dirty after the rebuild"
		return 1
	fi
	return 0
}

# --- the operations that are interrupted: prepare_X, run_X ---

prepare_create() { remove_pool "$1"; }
run_create() { "$fault" create -m $SIZE "$1"; }

prepare_grow() { :; }
run_grow() { "$fault" resize "$1" 5; }

prepare_shrink() { :; }
run_shrink() { "$fault" resize "$1" 1; }

prepare_take() { :; }
run_take() { "$fault" take "$1" fresh; }

prepare_fallback() { "$ctl" resize "$1" 0 && wait_free "$1" 0; }
run_fallback() { "$fault" take -f "$1" fresh; }

prepare_put()
{
	victim=$("$ctl" take "$1" victim) || return 1
	echo 1000 >"$victim/$limit_file"
}
run_put() { "$fault" put "$1" victim; }

prepare_fresh() { prepare_put "$1"; }
run_fresh() { "$fault" put --fresh "$1" victim; }

prepare_kill()
{
	prepare_put "$1" || return 1
	sleep 100000 &
	victim_pid=$!
	echo $victim_pid >"$victim/cgroup.procs"
}
run_kill() { "$fault" put --kill "$1" victim; }

prepare_exec() { :; }
run_exec() { "$fault" exec "$1" sleep 0.2; }

prepare_drain() { :; }
run_drain() { "$fault" drain "$1"; }

prepare_destroy() { :; }
run_destroy() { "$fault" destroy -f "$1"; }

wait_free()
{
	i=0
	# Above the low mark nothing is refilled by itself.
	[ "$2" = 0 ] || "$ctl" resize -w 20000 "$1" "$2" || return 1
	while [ "$(value "$1" free)" != "$2" ] && [ $i -lt 200 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	[ "$(value "$1" free)" = "$2" ]
}

# One operation, killed before each of its steps.
kill_each_step()
{
	op=$1
	pool=$2
	n=1
	why=
	while [ $n -le $MAX_STEPS ]; do
		held_pid=
		victim_pid=
		case $op in
		create)
			;;
		*)
			make_pool "$pool" || { why="setup"; break; }
			start_held "$pool" || { why="take of the held one"; break; }
			# What the operation finds is a full pool again.
			"$ctl" resize -w 20000 "$pool" $SIZE || { why="refill"; break; }
			;;
		esac
		"prepare_$op" "$pool" || { why="prepare"; break; }
		given=$(CGPOOL_KILL_AT=$n; export CGPOOL_KILL_AT; "run_$op" "$pool" 2>"$tmp/err")
		rc=$?
		if [ $rc -ne 137 ] && [ $rc -ne 0 ]; then
			why="status $rc: $(cat "$tmp/err")"
			break
		fi
		case $op in
		create)
			rebuild "$pool" || break
			start_held "$pool" || { why="take of the held one"; break; }
			sound "$pool" "" || break
			;;
		destroy)
			# -f takes the held one too, at some step.
			remove_pool "$pool" || { why="cannot be destroyed any more"; break; }
			stop_held
			make_pool "$pool" || { why="cannot be made again"; break; }
			start_held "$pool" || { why="take of the held one"; break; }
			sound "$pool" "" || break
			;;
		*)
			sound "$pool" "$given" || break
			;;
		esac
		rebuild "$pool" || break
		stop_held
		[ -z "$victim_pid" ] || kill -9 "$victim_pid" 2>/dev/null
		if [ $rc -eq 0 ]; then
			remove_pool "$pool" || { why="left behind"; break; }
			ok "$label: $op: killed before each of its $((n - 1)) steps"
			return
		fi
		n=$((n + 1))
	done
	not_ok "$label: $op: killed at step $n" "${why:-more than $MAX_STEPS steps}"
	stop_held
	[ -z "$victim_pid" ] || kill -9 "$victim_pid" 2>/dev/null
	remove_pool "$pool"
}

# 0 stopped, 1 ended, 2 neither in time
wait_stopped()
{
	i=0
	while [ $i -lt $MAX_LOOKS ]; do
		case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
		T*) return 0 ;;
		Z* | "") return 1 ;;
		esac
		sleep 0.02
		i=$((i + 1))
	done
	return 2
}

# Lets it go on, and waits for its end for a bounded time. Sets $why.
end_stalled()
{
	i=0
	while alive "$1"; do
		if [ $i -ge $MAX_LOOKS ]; then
			why="process $1 goes on but does not end: $(cat "$tmp/err")"
			kill -9 "$1" 2>/dev/null
			break
		fi
		kill -CONT "$1" 2>/dev/null
		sleep 0.1
		i=$((i + 1))
	done
	wait "$1"
}

# One operation, stopped before each of its steps while others empty the pool.
stall_each_step()
{
	op=$1
	pool=$2
	n=1
	why=
	while [ $n -le $MAX_STEPS ]; do
		victim_pid=
		make_pool "$pool" || { why="setup"; break; }
		start_held "$pool" || { why="take of the held one"; break; }
		"$ctl" resize -w 20000 "$pool" $SIZE || { why="refill"; break; }
		"prepare_$op" "$pool" || { why="prepare"; break; }
		case $op in
		take)	set -- take "$pool" fresh ;;
		put)	set -- put -t 20000 "$pool" victim ;;
		shrink)	set -- resize "$pool" 1 ;;
		esac
		CGPOOL_STALL_AT=$n "$fault" "$@" >"$tmp/given" 2>"$tmp/err" &
		stalled=$!
		wait_stopped $stalled
		case $? in
		0)	is_stopped=1 ;;
		1)	is_stopped=0 ;;
		*)	is_stopped=0 why="process $stalled neither stops nor ends" ;;
		esac
		take_all "$pool" >"$tmp/mine"
		# A second put must not disturb the first one, nor whoever takes next.
		if [ "$op" = put ] && [ $is_stopped = 1 ]; then
			"$ctl" put -t 200 "$pool" victim >/dev/null 2>&1
			take_all "$pool" >>"$tmp/mine"
		fi
		end_stalled $stalled
		[ -z "$why" ] || break
		take_all "$pool" >>"$tmp/mine"
		cat "$tmp/given" >>"$tmp/mine"
		: >"$tmp/inodes"
		while read -r path; do
			inode "$path" >>"$tmp/inodes" || why="$path was taken and is gone"
		done <"$tmp/mine"
		echo "$held_inode" >>"$tmp/inodes"
		[ -z "$(sort "$tmp/inodes" | uniq -d)" ] || why="a cgroup was handed out twice"
		[ -z "$why" ] || break
		put_all <"$tmp/mine" >"$tmp/out" 2>&1 || { why="put: $(cat "$tmp/out")"; break; }
		sound "$pool" "" || break
		rebuild "$pool" || break
		stop_held
		if [ $is_stopped = 0 ]; then
			remove_pool "$pool" || { why="left behind"; break; }
			ok "$label: $op: stopped before each of its $((n - 1)) steps, others go on"
			return
		fi
		n=$((n + 1))
	done
	not_ok "$label: $op: stopped at step $n" "${why:-more than $MAX_STEPS steps}"
	stop_held
	remove_pool "$pool"
}

parallel_takes()
{
	pool=$1
	remove_pool "$pool"
	check "$label: parallel: create" "$ctl" create -m 24 -w 30000 "$pool"
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		(for j in 1 2 3; do "$ctl" take -w 20000 "$pool" "p$i-$j"; done) \
			>"$tmp/par.$i" 2>"$tmp/par.err.$i" &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p"
	done
	cat "$tmp"/par.[0-9] >"$tmp/par"
	is "$label: parallel: 24 takes by 8 processes" 24 "$(wc -l <"$tmp/par" | tr -d ' ')"
	is "$label: parallel: all different" 24 \
		"$(while read -r p; do inode "$p"; done <"$tmp/par" | sort -u | wc -l | tr -d ' ')"
	check "$label: parallel: destroy" "$ctl" destroy -f "$pool"
}

basics()
{
	pool=$1
	check "$label: create" "$ctl" create -m $SIZE -l 2 -w 20000 "$pool"
	status 1 "$label: create again is refused" "$ctl" create "$pool"
	is "$label: show mode" "$mode" "$(value "$pool" mode)"
	is "$label: show free" $SIZE "$(value "$pool" free)"
	is "$label: show low" 2 "$(value "$pool" low)"
	is "$label: list names it" "$pool $mode" \
		"$("$ctl" list -n -r -o POOL,MODE | grep "^$pool ")"
	"$ctl" list --json >"$tmp/json"
	is "$label: list --json has a version" 1 "$(grep -c '"version": 1' "$tmp/json")"

	a=$("$ctl" take "$pool" one)
	b=$("$ctl" take "$pool" two)
	is "$label: take gives two cgroups" 2 "$(printf '%s\n%s\n' "$(inode "$a")" "$(inode "$b")" |
		grep -c .)"
	check "$label: they differ" [ "$(inode "$a")" != "$(inode "$b")" ]
	status 1 "$label: a name in use is refused" "$ctl" take "$pool" one
	status 1 "$label: a bad name is refused" "$ctl" take "$pool" ..

	sleep 100000 &
	pid=$!
	echo $pid >"$a/cgroup.procs"
	status 1 "$label: put of a busy one is refused" "$ctl" put "$pool" one
	case $("$ctl" put "$pool" one 2>&1) in
	*"$pid (sleep)"*) ok "$label: and the process is named" ;;
	*) not_ok "$label: and the process is named" "$("$ctl" put "$pool" one 2>&1)" ;;
	esac
	check "$label: and lives" alive $pid
	"$ctl" put --kill --dry-run "$pool" one >/dev/null
	check "$label: put --dry-run kills nothing" alive $pid
	check "$label: put --kill" "$ctl" put --kill "$pool" one
	wait $pid 2>/dev/null
	check_not "$label: put --kill killed it" alive $pid

	echo 7 >"$b/$limit_file"
	check "$label: put resets" "$ctl" put "$pool" two
	wait_free "$pool" $SIZE
	take_all "$pool" >"$tmp/all"
	limits=$(while read -r p; do cat "$p/$limit_file"; done <"$tmp/all" | sort -u)
	is "$label: no limit survives" "$limit_default" "$limits"
	put_all <"$tmp/all"

	wait_free "$pool" $SIZE
	status 0 "$label: exec" "$ctl" exec "$pool" true
	status 3 "$label: exec passes the status" "$ctl" exec "$pool" sh -c 'exit 3'
	status 143 "$label: exec passes the signal" "$ctl" exec "$pool" sh -c 'kill -TERM $$'
	status 127 "$label: exec: not found" "$ctl" exec "$pool" no-such-program
	status 126 "$label: exec: not executable" "$ctl" exec "$pool" /etc
	status 125 "$label: exec: no pool" "$ctl" exec "$base/no-such-pool" true
	wait_free "$pool" $SIZE
	"$ctl" exec -w 20000 "$pool" cat /proc/self/cgroup >"$tmp/self"
	check "$label: exec runs inside" grep -q "/${pool##*/}/" "$tmp/self"
	"$ctl" exec -w 20000 "$pool" sleep 1000 &
	pid=$!
	sleep 1
	kill -TERM $pid
	wait $pid
	is "$label: exec forwards SIGTERM" 143 $?
	"$ctl" exec -w 20000 "$pool" sh -c 'sleep 1000 & echo $!' >"$tmp/bg"
	check_not "$label: exec leaves nothing behind" alive "$(cat "$tmp/bg")"

	wait_free "$pool" $SIZE
	"$ctl" drain --dry-run "$pool" >/dev/null
	is "$label: drain --dry-run changes nothing" "$SIZE $SIZE" \
		"$(value "$pool" max) $(value "$pool" free)"
	check "$label: drain" "$ctl" drain "$pool"
	is "$label: drained" 0 "$(value "$pool" free)"
	status 4 "$label: take from an empty pool" "$ctl" take "$pool" three
	status 4 "$label: take --wait times out" "$ctl" take -w 100 "$pool" three
	check "$label: take --fallback makes one" "$ctl" take -f "$pool" three
	status 1 "$label: destroy is refused while one is taken" "$ctl" destroy "$pool"
	"$ctl" destroy -f --dry-run "$pool" >/dev/null
	check "$label: destroy --dry-run removes nothing" [ -d "$pool" ]
	check "$label: destroy -f" "$ctl" destroy -f "$pool"
	check_not "$label: it is gone" [ -d "$pool" ]
}

# Tests of what only the userspace pool has.
userspace_only()
{
	pool=$1
	make_pool "$pool"
	status 3 "$label: nest is not there" "$ctl" resize -k 2 "$pool" $SIZE

	# A lease ends with its process.
	"$fault" exec "$pool" sleep 100000 &
	pid=$!
	i=0
	while [ "$(value "$pool" taken)" != 1 ] && [ $i -lt 100 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	sleep 0.5
	child=$(cat "$pool"/*/cgroup.procs)
	kill -9 $pid
	wait $pid 2>/dev/null
	"$ctl" resize "$pool" $SIZE
	is "$label: a dead exec's cgroup stays while its command runs" 1 "$(value "$pool" taken)"
	check "$label: and the command goes on" alive "$child"
	kill -9 "$child"
	i=0
	while [ -n "$(cat "$pool"/*/cgroup.procs)" ] && [ $i -lt 100 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	"$ctl" resize "$pool" $SIZE
	is "$label: and is taken back when it ended" 0 "$(value "$pool" taken)"
	is "$label: full again" $SIZE "$(value "$pool" free)"

	# Each writable file of this kernel is known, or every put would replace.
	before=$(inode "$("$ctl" take "$pool" same)")
	check "$label: put of an unchanged one" "$ctl" put "$pool" same
	is "$label: it is used again" 1 "$(for p in "$pool"/cgpool-*; do inode "$p"; done |
		grep -cx "$before")"

	# Others may write to a file in it.
	a=$("$ctl" take "$pool" writable)
	before=$(inode "$a")
	chmod 666 "$a/cgroup.procs"
	check "$label: put of one with another mode" "$ctl" put "$pool" writable
	is "$label: it is not used again" 0 "$(for p in "$pool"/cgpool-*; do inode "$p"; done |
		grep -cx "$before")"

	# Chowned to a tenant: must be replaced, not reused.
	a=$("$ctl" take "$pool" tenant)
	before=$(inode "$a")
	chown 1234:1234 "$a" "$a/cgroup.procs"
	check "$label: put of a chowned one" "$ctl" put "$pool" tenant
	take_all "$pool" >"$tmp/all"
	owners=$(while read -r p; do stat -c %u "$p" "$p/cgroup.procs"; done <"$tmp/all" | sort -u)
	is "$label: is not handed out as it was" 0 "$owners"
	is "$label: but replaced" 0 "$(while read -r p; do inode "$p"; done <"$tmp/all" |
		grep -cx "$before")"
	put_all <"$tmp/all"

	# A process that somebody put into a free one keeps it out of the pool.
	for free_dir in "$pool"/cgpool-*; do
		break
	done
	sleep 100000 &
	pid=$!
	echo $pid >"$free_dir/cgroup.procs"
	take_all "$pool" >"$tmp/all"
	check_not "$label: an entered free one is not handed out" grep -qx "$free_dir" "$tmp/all"
	check "$label: nor are its processes killed" alive $pid
	kill -9 $pid
	wait $pid 2>/dev/null
	put_all <"$tmp/all"
	check "$label: destroy" "$ctl" destroy -f "$pool"
}

# Tests of what only the kernel's pool has.
kernel_only()
{
	pool=$1
	remove_pool "$pool"
	check "$label: create --nest" "$ctl" create -m 2 -k 2 -w 20000 "$pool"
	is "$label: show nest" 2 "$(value "$pool" nest)"
	before=$(value "$pool" claims)
	a=$("$ctl" take "$pool" pod)
	is "$label: the take was a claim" $((before + 1)) "$(value "$pool" claims)"
	is "$label: nested pool in it" 2 "$(cat "$a/cgroup.pool.max")"
	check "$label: take from the nested pool" "$ctl" take "$a" container
	check "$label: is a child of the pod" [ -d "$a/container" ]
	check "$label: list shows both" \
		sh -c "'$ctl' list -n -r -o POOL | grep -qx '$a' && '$ctl' list -n -r -o POOL | grep -qx '$pool'"
	check "$label: put of a pod with children" "$ctl" put "$pool" pod
	check_not "$label: it is gone" [ -d "$a" ]
	check "$label: resize --nest" "$ctl" resize -k 0 -w 20000 "$pool" 3
	is "$label: free ones are invisible" 0 "$("$ctl" show -s -n -r "$pool" | wc -l | tr -d ' ')"
	check "$label: destroy" "$ctl" destroy "$pool"
}

suite()
{
	mode=$1
	label="$version $mode"
	CGPOOL_BACKEND=$mode
	export CGPOOL_BACKEND
	for part in $parts; do
		case $part:$mode in
		basics:*)		basics "$base/e2e-basics" ;;
		parallel:*)		parallel_takes "$base/e2e-parallel" ;;
		special:kernel)		kernel_only "$base/e2e-kernel" ;;
		special:userspace)	userspace_only "$base/e2e-user" ;;
		kill:*)
			for op in $kill_ops; do
				kill_each_step "$op" "$base/e2e-kill"
			done
			;;
		stall:*)
			for op in $stall_ops; do
				stall_each_step "$op" "$base/e2e-stall"
			done
			;;
		esac
	done
	unset CGPOOL_BACKEND
}

finish()
{
	stop_held
	[ -z "$mounted" ] || { umount "$mounted" && rmdir "$mounted"; }
	rm -rf "$tmp"
}

trap finish EXIT

echo "TAP version 13"
case $version in
v2)
	base=${base:-/sys/fs/cgroup}
	limit_file=cgroup.max.descendants
	limit_default=max
	;;
v1)
	if [ -z "$base" ]; then
		base=$tmp/lightweight
		mkdir "$base"
		if ! "$ctl" mount lightweight "$base"; then
			echo "1..0 # SKIP no v1 hierarchy can be mounted"
			exit 4
		fi
		mounted=$base
		is "mount lightweight" 6 "$(grep " $base cgroup " /proc/mounts | tr ', ' '\n' |
			grep -Ecx 'cpu|cpuacct|cpuset|blkio|memory|freezer')"
		# Without it nobody can be attached before cpus and mems are set.
		echo 1 >"$base/cgroup.clone_children"
	fi
	# The root of a pids hierarchy has no limit, its children have.
	limit_file=pids.max
	limit_default=max
	[ ! -e "$base/cpu.shares" ] || { limit_file=cpu.shares; limit_default=1024; }
	;;
*)
	echo "usage: e2e.sh v2|v1 [DIR]" >&2
	exit 2
	;;
esac

status 2 "no command" "$ctl"
status 2 "bad option" "$ctl" list --no-such-option
status 1 "no pool there" "$ctl" show "$base/no-such-pool"
check "check" "$ctl" check
for m in $modes; do
	if [ "$m" = kernel ] &&
	   [ "$("$ctl" check -n -r -o ITEM,VALUE | sed -n 's/^mode //p')" != kernel ]; then
		status 3 "the kernel pool is refused where there is none" \
			"$ctl" --backend=kernel create "$base/e2e-none"
		rmdir "$base/e2e-none" 2>/dev/null
		skip "$version kernel" "this kernel has no pool"
		continue
	fi
	suite "$m"
done
echo "1..$nr"
echo "# $((nr - failed)) passed, $failed failed"
[ $failed -eq 0 ]
