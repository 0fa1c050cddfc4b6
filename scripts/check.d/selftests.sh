# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Shared by the steps that run selftests/cgroup_pool in the VM; source it after scripts/lib.sh.

SELFTESTS=(test_pool test_pool_fresh test_pool_tasks test_pool_v1 test_pool_race)

# Build the programs with the harness of the patched kernel tree.
build_selftests()
{
	"$TOP/scripts/ksrc" >&2
	mkdir -p "$BUILD/selftests"
	make -s -C "$TOP/selftests/cgroup_pool" OUTPUT="$BUILD/selftests" \
		KSFT_DIR="$BUILD/linux/tools/testing/selftests" USERCFLAGS=-Werror >&2
}

# join_tap KERNEL FILE: the TAP streams of several programs as one, each begun by a line
# "@program NAME" and ended by "@status NAME STATUS".  A program that did not run all of its plan,
# or whose status does not go with its results, is one failure more.  Fails if there is a failure.
join_tap()
{
	awk -v kernel="$1" '
	function result(ok, text) {
		n++
		failures += !ok
		print (ok ? "ok " : "not ok ") n " - " kernel ": " text
	}
	{ sub(/\r$/, "") }
	/^@program / { prog = $2; plan = -1; seen = bad = 0; skip_all = ""; next }
	/^@status / {
		status = $3
		if (skip_all != "" && status == 4)
			result(1, prog " # SKIP " skip_all)
		else if (plan >= 0 && seen == plan && (status == 0 || status == 4 || bad))
			result(1, prog " ran all of its " plan " tests")
		else
			result(0, prog " ran " seen " of its " plan " tests, status " status)
		prog = ""
		next
	}
	/^TAP version / || /^# Totals/ { next }
	/^1\.\.0/ { skip_all = $0; sub(/^1\.\.0 *#? *(SKIP)? */, "", skip_all); plan = 0; next }
	/^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0; next }
	/^ok [0-9]+/ || /^not ok [0-9]+/ {
		ok = $1 == "ok"
		sub(/^(not )?ok [0-9]+ */, "")
		seen++
		bad += !ok
		result(ok, prog " " $0)
		next
	}
	{ print "# " $0 }
	END {
		if (prog != "")
			result(0, prog " came to its end")
		print "1.." n + 0
		exit failures || !n
	}' "$2"
}

# run_selftests KERNEL SECONDS [VMRUN-OPTION...]: boot that kernel twice and run everything, on
# cgroup v2 and on v1.  One boot for each: what was charged while the memory controller was on v2
# and is uncharged on v1 makes a counter there underflow with a WARNING, on stock kernels too.  The
# two run at the same time: each waits a lot, and has hardly more than one CPU busy.
run_selftests()
{
	local rc=0 v2 out

	out=$(mktemp "$BUILD/selftests.XXXXXX")
	run_selftests_on v2 "$@" >"$out" &
	v2=$!
	run_selftests_on v1 "$@" || rc=1
	wait "$v2" || rc=1
	cat "$out"
	rm -f "$out"
	return $rc
}

# run_selftests_on v1|v2 KERNEL SECONDS [VMRUN-OPTION...]
run_selftests_on()
{
	local hierarchy=$1 kernel=$2 seconds=$3 out rc=0 failed=0 prog adds=()
	shift 3

	for prog in "${SELFTESTS[@]}"; do
		adds+=(--add "$BUILD/selftests/$prog")
	done
	out=$(mktemp "$BUILD/selftests.XXXXXX")
	# shellcheck disable=SC2016 # it is the shell in the VM that expands
	# What fails is also shown while the rest is running.
	"$TOP/scripts/vmrun" -k "$BUILD/linux/out-$kernel/arch/x86/boot/bzImage" \
		--log "$LOGDIR/selftests-$kernel-$hierarchy-console.log" "${adds[@]}" \
		--env POOL_RACE_SECONDS="$seconds" --env HIERARCHY="$hierarchy" "$@" -- sh -c '
			for prog in '"${SELFTESTS[*]}"'; do
				case $prog:$HIERARCHY in
				test_pool_race:*) args=$HIERARCHY ;;
				test_pool_v1:v1) args= ;;
				test_pool_v1:*) continue ;;
				*:v1) args="-v v1" ;;
				*) args="-V v1" ;;
				esac
				echo "@program $prog"
				rc=0
				$prog $args 2>&1 || rc=$?
				echo "@status $prog $rc"
			done' </dev/null | tee "$out" |
		sed -u -n 's/^not ok [0-9]* /# failed so far: /p' || rc=$?
	join_tap "$kernel" "$out" || failed=1
	rm -f "$out"
	if ((rc)); then
		echo "not ok - $kernel: no complaint of the kernel on $hierarchy (status $rc)"
	else
		echo "ok - $kernel: no complaint of the kernel on $hierarchy"
	fi
	return $((rc || failed))
}
