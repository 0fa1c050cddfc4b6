#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# End-to-end test of "cgpoolctl trace" and "cgpoolctl top", run as root in a VM in which nobody
# else uses cgroups: what is traced must be exactly what this script did. TAP on stdout.
#
# usage: trace-e2e.sh [PROGRAM]     (default: cgpoolctl in PATH)

set -u

ctl=${1:-cgpoolctl}
root=/sys/fs/cgroup
top=$root/trace-e2e
work=/tmp/trace-e2e.$$
nr=0
failed=0

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	find "$top" -depth -type d -exec rmdir {} \; 2>/dev/null
	if grep -q " $work/v1 " /proc/mounts; then
		find "$work/v1" -mindepth 1 -depth -type d -exec rmdir {} \; 2>/dev/null
		umount "$work/v1"
	fi
	rm -rf "$work"
}

# check STATUS NAME
check()
{
	nr=$((nr + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $nr - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $nr - $2"
	for file in "$work/out" "$work/err"; do
		[ -s "$file" ] && cut -c 1-200 "$file" | sed 's/^/# /'
	done
}

skip()
{
	nr=$((nr + 1))
	echo "ok $nr - $1 # SKIP $2"
}

# expect NAME ACTUAL EXPECTED
expect()
{
	if [ "$2" = "$3" ]; then
		check 0 "$1"
	else
		echo "# $1: got \"$2\", expected \"$3\""
		check 1 "$1"
	fi
}

# at_least NAME ACTUAL MINIMUM
at_least()
{
	case $2 in
	'' | *[!0-9]*)
		echo "# $1: got \"$2\", expected a number"
		check 1 "$1"
		return
		;;
	esac
	[ "$2" -ge "$3" ] || echo "# $1: got $2, expected at least $3"
	[ "$2" -ge "$3" ]
	check $? "$1"
}

# op OP KEY: a value out of the JSON of the last run, which has one line for each operation.
op()
{
	sed -n "s/.*\"op\": \"$1\", \(.*\), \"histogram\".*/\1/p" "$work/out" | tr ',' '\n' |
		sed -n "s/.*\"$2\": //p"
}

# mutex KEY
mutex()
{
	sed -n "s/.*\"mutex\": {[^}]*\"$1\": \([0-9a-z.]*\).*/\1/p" "$work/out"
}

# flat KEY: a value out of the output of --count-mutex.
flat()
{
	awk -v key="$1" '$1 == key { print $2 }' "$work/out"
}

wait_for()
{
	tries=0
	while ! grep -q "$2" "$1" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || return 1
		sleep 0.1
	done
}

# names N DIR: names of N children
names()
{
	i=0
	while [ "$i" -lt "$1" ]; do
		echo "$2/c$i"
		i=$((i + 1))
	done
}

if ! [ -e "$root/cgroup.procs" ]; then
	echo "1..0 # SKIP no cgroup2 at $root"
	exit 4
fi
mkdir -p "$work"
: >"$work/out"
: >"$work/err"
trap cleanup EXIT
mkdir "$top"

[ -e /sys/kernel/btf/vmlinux ] && echo "# this kernel has BTF" || echo "# this kernel has no BTF"

# --- counts of a known load --------------------------------------------------------------------

"$ctl" trace --duration 3 --json >"$work/out" 2>"$work/err" &
tracer=$!
wait_for "$work/err" 'tracing for'
check $? "trace says when it has begun"
mkdir "$top/load"
# shellcheck disable=SC2046 # a list
mkdir $(names 50 "$top/load")
# shellcheck disable=SC2016 # expanded by the inner shell
sh -c 'for i in 0 1 2 3 4; do echo $$ >"$1/c$i/cgroup.procs"; done; echo $$ >"$2/cgroup.procs"' \
	sh "$top/load" "$root"
echo nonsense >"$top/load/c0/cgroup.procs" 2>/dev/null
rmdir "$top/load" 2>/dev/null
# shellcheck disable=SC2046 # a list
rmdir $(names 50 "$top/load")
rmdir "$top/load"
echo 0 >"$top/cgroup.max.descendants"
mkdir "$top/refused" 2>/dev/null
echo max >"$top/cgroup.max.descendants"
wait "$tracer"
expect "trace --duration ends with 0" $? 0
expect "every mkdir is counted" "$(op mkdir count)" 52
expect "the refused mkdir counts as failed" "$(op mkdir failed)" 1
expect "every rmdir is counted" "$(op rmdir count)" 52
expect "the rmdir of a cgroup with children counts as failed" "$(op rmdir failed)" 1
expect "every attach is counted" "$(op attach count)" 7
expect "the attach of nonsense counts as failed" "$(op attach failed)" 1
at_least "each mkdir waited for cgroup_mutex" "$(op mutex_wait count)" 52
expect "each wait has a hold" "$(op mutex_wait count)" "$(op mutex_hold count)"
at_least "acquisitions are counted" "$(mutex acquired)" 52
expect "nothing went untraced" "$(grep -c '"untraced": \[\]' "$work/out")" 1
expect "mkdir has a maximum" "$(op mkdir max_us | grep -c '^[0-9]*\.[0-9]*$')" 1
[ -n "${VMRUN_RESULT:-}" ] && cat "$work/out" >"$VMRUN_RESULT"

# --- many tasks inside at once ------------------------------------------------------------------

# Two CPUs have room for 10 tasks in a return probe by default.
cat >"$work/load" <<'END'
i=0
while [ $i -lt 60 ]; do
	(
		mkdir "$1/p$i"
		mkdir "$1/p$i/a" "$1/p$i/b" "$1/p$i/c"
		rmdir "$1/p$i/a" "$1/p$i/b" "$1/p$i/c" "$1/p$i"
	) &
	i=$((i + 1))
done
wait
exit 7
END
"$ctl" trace --json -- sh "$work/load" "$top" >"$work/out" 2>"$work/err"
expect "the status of the command is passed on" $? 7
expect "60 creators at once: every mkdir is counted" "$(op mkdir count)" 240
expect "60 creators at once: every rmdir is counted" "$(op rmdir count)" 240
expect "60 creators at once: nothing was missed" "$(grep -c '"not_timed": 0,' "$work/out")" 1

# --- one task -----------------------------------------------------------------------------------

"$ctl" trace --count-mutex -- mkdir "$top/one" "$top/two" >"$work/out" 2>"$work/err"
expect "--count-mutex succeeds" $? 0
expect "a plain mkdir takes cgroup_mutex" "$(flat acquisitions)" 2
expect "--count-mutex counts the mkdirs of the command" "$(flat mkdir)" 2
"$ctl" trace --count-mutex -- true >"$work/out" 2>"$work/err"
expect "a command without cgroups does not take cgroup_mutex" "$(flat acquisitions)" 0
# shellcheck disable=SC2016 # expanded by the inner shell
"$ctl" trace --count-mutex --json -- sh -c '(mkdir "$1/three"; rmdir "$1/three"); exit 3' sh \
	"$top" >"$work/out" 2>"$work/err"
expect "--count-mutex passes the status on" $? 3
expect "--count-mutex does not count children" "$(op mkdir count)" 0
rmdir "$top/one" "$top/two"
"$ctl" trace --count-mutex -- "$work/absent" >"$work/out" 2>"$work/err"
expect "a command that is not there gives 127" $? 127
# shellcheck disable=SC2016 # expanded by the inner shell
"$ctl" trace --count-mutex -- sh -c 'kill -9 $$' >"$work/out" 2>"$work/err"
expect "a killed command gives 128 + signal" $? 137

if unshare -p -f true 2>/dev/null; then
	unshare -p -f "$ctl" trace --count-mutex -- true >"$work/out" 2>"$work/err"
	expect "--count-mutex refuses a pid namespace rather than count nothing" $? 125
else
	skip "--count-mutex refuses a pid namespace" "no unshare"
fi

# --- options ------------------------------------------------------------------------------------

"$ctl" trace --duration 0.2 -o op,count >"$work/out" 2>"$work/err"
expect "-o chooses the columns" "$(head -n 1 "$work/out" | tr -s ' ')" "OP COUNT"
"$ctl" trace --duration 0.2 -o nonsense >"$work/out" 2>"$work/err"
expect "-o rejects an unknown column" $? 2
"$ctl" trace --duration nonsense >"$work/out" 2>"$work/err"
expect "--duration rejects what is not a number" $? 2
"$ctl" trace --count-mutex >"$work/out" 2>"$work/err"
expect "--count-mutex without a command is wrong usage" $? 2
"$ctl" trace --duration 1.1 --interval 0.5 --json >"$work/out" 2>"$work/err"
expect "--interval gives a sample each time" "$(grep -c '"from_ms"' "$work/out")" 3
"$ctl" trace >"$work/out" 2>"$work/err" &
tracer=$!
wait_for "$work/err" 'tracing'
kill -TERM "$tracer"
wait "$tracer"
expect "a signal ends the trace" $? 0
expect "the table is printed after a signal" "$(grep -c '^mkdir' "$work/out")" 1

# --- what is hidden, missing or left behind -----------------------------------------------------

restrict=$(cat /proc/sys/kernel/kptr_restrict)
echo 2 >/proc/sys/kernel/kptr_restrict
"$ctl" trace --json -- mkdir "$top/hidden" >"$work/out" 2>"$work/err"
expect "a hidden address is said once" "$(grep -c 'cgroup_mutex.*kptr_restrict' "$work/err")" 1
expect "a hidden address leaves mkdir" "$(op mkdir count)" 1
expect "a hidden address makes the lock unknown, not 0" "$(mutex acquired)" null
"$ctl" trace --count-mutex -- rmdir "$top/hidden" >"$work/out" 2>"$work/err"
expect "--count-mutex fails with a hidden address" $? 125
check "$([ -d "$top/hidden" ]; echo $?)" "the command is not run then"
echo "$restrict" >/proc/sys/kernel/kptr_restrict
rmdir "$top/hidden"

events=/sys/kernel/tracing/kprobe_events
if [ -w "$events" ]; then
	"$ctl" trace >"$work/out" 2>"$work/err" &
	tracer=$!
	wait_for "$work/err" 'tracing'
	at_least "return probes have room for many tasks" "$(grep -c '^r4096:cgpoolctl/' "$events")" 3
	kill -9 "$tracer"
	wait "$tracer" 2>/dev/null
	"$ctl" trace --json -- mkdir "$top/after" >"$work/out" 2>"$work/err"
	expect "works after a killed instance" "$(op mkdir count)" 1
	rmdir "$top/after"
	expect "leaves no probe behind" "$(grep -c cgpoolctl "$events")" 0

	umount /sys/kernel/debug/tracing 2>/dev/null
	debug=$(grep -c ' /sys/kernel/debug ' /proc/mounts)
	if umount /sys/kernel/tracing 2>/dev/null &&
		{ [ "$debug" -eq 0 ] || umount /sys/kernel/debug 2>/dev/null; }; then
		"$ctl" trace --json -- mkdir "$top/plain" >"$work/out" 2>"$work/err"
		expect "works without tracefs" "$(op mkdir count)" 1
		rmdir "$top/plain"
	else
		skip "works without tracefs" "tracefs is in use"
	fi
	[ "$debug" -eq 0 ] || mount -t debugfs none /sys/kernel/debug 2>/dev/null
	mount -t tracefs none /sys/kernel/tracing 2>/dev/null
else
	skip "return probes have room for many tasks" "no tracefs"
fi

# --- the pool -----------------------------------------------------------------------------------

mkdir "$top/pool"
if [ -e "$top/pool/cgroup.pool.max" ]; then
	echo 16 >"$top/pool/cgroup.pool.max"
	wait_for "$top/pool/cgroup.pool.stat" '^free 16$'
	check $? "the pool fills"
	# shellcheck disable=SC2046 # a list
	"$ctl" trace --count-mutex -- mkdir $(names 4 "$top/pool") >"$work/out" 2>"$work/err"
	expect "4 mkdirs in a pooled parent are claims" "$(flat claim)" 4
	expect "none of them is a miss" "$(flat miss)" 0
	expect "a claim makes no acquisition of cgroup_mutex" "$(flat acquisitions)" 0

	# Refilling starts only below low, so that the workers take no part in this.
	wait_for "$top/pool/cgroup.pool.stat" '^building 0$'
	free=$(awk '$1 == "free" { print $2 }' "$top/pool/cgroup.pool.stat")
	"$ctl" trace --json -- mkdir "$top/pool/d0" "$top/pool/d1" >"$work/out" 2>"$work/err"
	expect "claims have a row of their own" "$(op claim count)" 2
	expect "claims are mkdirs too" "$(op mkdir count)" 2
	at_least "the pool had free cgroups" "$free" 2

	"$ctl" top -b -n 2 -d 0.3 >"$work/out" 2>"$work/err"
	expect "top shows the pool at each interval" "$(grep -c 'trace-e2e/pool$' "$work/out")" 2
	"$ctl" top --json -d 0.3 >"$work/out" 2>"$work/err"
	expect "top --json knows the size of the pool" \
		"$(sed -n 's/.*"max": \([0-9]*\).*/\1/p' "$work/out")" 16

	echo 0 >"$top/pool/cgroup.pool.max"
	wait_for "$top/pool/cgroup.pool.stat" '^free 0$'
	"$ctl" trace --count-mutex -- mkdir "$top/pool/late" >"$work/out" 2>"$work/err"
	expect "a mkdir that the pool cannot serve takes cgroup_mutex" "$(flat acquisitions)" 1
	expect "it is no claim" "$(flat claim)" 0
	find "$top/pool" -mindepth 1 -depth -type d -exec rmdir {} \;
else
	skip "a claim makes no acquisition of cgroup_mutex" "this kernel has no pool"
	"$ctl" top -b -n 2 -d 0.3 >"$work/out" 2>"$work/err"
	expect "top works without a pool" "$(grep -c '^cgroup_mutex: ' "$work/out")" 2
fi
rmdir "$top/pool"

# --- cgroup v1 ----------------------------------------------------------------------------------

mkdir "$work/v1"
if mount -t cgroup -o cpu,cpuacct,cpuset,blkio,memory,freezer lightweight "$work/v1" 2>/dev/null; then
	v1=$work/v1/trace-e2e
	mkdir "$v1"
	cat "$work/v1/cpuset.cpus" >"$v1/cpuset.cpus"
	cat "$work/v1/cpuset.mems" >"$v1/cpuset.mems"
	# shellcheck disable=SC2016 # expanded by the inner shell
	"$ctl" trace --count-mutex -- sh -c \
		'echo $$ >"$1/tasks"; echo $$ >"$2/tasks"; echo $$ >"$1/cgroup.procs"; echo $$ >"$2/cgroup.procs"' \
		sh "$v1" "$work/v1" >"$work/out" 2>"$work/err"
	expect "v1: writes to tasks and cgroup.procs are counted" "$(flat attach)" 4
	"$ctl" trace --count-mutex -- mkdir "$v1/a" "$v1/b" >"$work/out" 2>"$work/err"
	expect "v1: every mkdir is counted" "$(flat mkdir)" 2
	at_least "v1: a plain mkdir takes cgroup_mutex" "$(flat acquisitions)" 2
	rmdir "$v1/a" "$v1/b"
	if [ -e "$v1/cgroup.pool.max" ]; then
		echo 8 >"$v1/cgroup.pool.max"
		wait_for "$v1/cgroup.pool.stat" '^free 8$'
		# shellcheck disable=SC2046 # a list
		"$ctl" trace --count-mutex -- mkdir $(names 4 "$v1") >"$work/out" 2>"$work/err"
		expect "v1: 4 mkdirs in a pooled parent are claims" "$(flat claim)" 4
		expect "v1: a claim makes no acquisition of cgroup_mutex" "$(flat acquisitions)" 0
		# shellcheck disable=SC2046 # a list
		rmdir $(names 4 "$v1")
		echo 0 >"$v1/cgroup.pool.max"
	else
		skip "v1: a claim makes no acquisition of cgroup_mutex" "this kernel has no pool"
	fi
	rmdir "$v1"
	umount "$work/v1"
else
	skip "v1: every mkdir is counted" "no v1 hierarchy with these controllers"
fi

"$ctl" top -b -n 2 -d 0.3 >"$work/out" 2>"$work/err"
expect "top ends after -n views" $? 0
expect "top knows the share of cgroup_mutex" "$(grep -c '^cgroup_mutex: held' "$work/out")" 1
"$ctl" top --no-mutex -b -n 2 -d 0.3 >"$work/out" 2>"$work/err"
expect "top --no-mutex leaves the lock alone" "$(grep -c '^cgroup_mutex: -$' "$work/out")" 2
"$ctl" top -d 0.3 </dev/null >"$work/out" 2>"$work/err" &
viewer=$!
wait_for "$work/out" 'cgroup_mutex: held'
check $? "top to a file prints plain lines without being asked"
kill -TERM "$viewer"
wait "$viewer"
expect "a signal ends top with 0" $? 0
expect "no escape sequence in a file" "$(grep -c "$(printf '\033')" "$work/out")" 0

echo "1..$nr"
[ "$failed" -eq 0 ]
