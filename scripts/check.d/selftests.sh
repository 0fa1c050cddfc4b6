# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Shared by the steps that run selftests in the VM; source it after scripts/lib.sh.

SELFTESTS=(cgroup_pool)

# Build the programs with the harness of the patched kernel tree.
build_selftests()
{
	local folder

	"$TOP/scripts/ksrc" >&2
	mkdir -p "$BUILD/selftests"
	for folder in "${SELFTESTS[@]}"; do
		make -s -C "$TOP/selftests/$folder" OUTPUT="$BUILD/selftests" \
			KSFT_DIR="$BUILD/linux/tools/testing/selftests" USERCFLAGS=-Werror >&2
	done
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

# run_programs KERNEL WHAT [VMRUN-OPTION...] -- "PROGRAM ARGS"...: all of them in one boot of that kernel.
# WHAT is on the last line of the results and in the name of the log.
run_programs()
{
	local kernel=$1 what=$2 options=() adds=() command out rc=0 failed=0
	shift 2

	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	for command; do
		adds+=(--add "$BUILD/selftests/${command%% *}")
	done
	out=$(mktemp "$BUILD/selftests.XXXXXX")
	# shellcheck disable=SC2016 # it is the shell in the VM that expands
	# What fails is also shown while the rest is running.
	"$TOP/scripts/vmrun" -k "$BUILD/linux/out-$kernel/arch/x86/boot/bzImage" \
		--log "$LOGDIR/selftests-$kernel-$what-console.log" "${adds[@]}" "${options[@]}" -- sh -c '
			for command; do
				prog=${command%% *}
				echo "@program $prog"
				rc=0
				$command 2>&1 || rc=$?
				echo "@status $prog $rc"
			done' sh "$@" </dev/null | tee "$out" |
		sed -u -n 's/^not ok [0-9]* /# failed so far: /p' || rc=$?
	join_tap "$kernel" "$out" || failed=1
	rm -f "$out"
	if ((rc)); then
		echo "not ok - $kernel: no complaint of the kernel on $what (status $rc)"
	else
		echo "ok - $kernel: no complaint of the kernel on $what"
	fi
	return $((rc || failed))
}

# run_both COMMAND... --- COMMAND...: both at the same time, the output of the first comes last.  Each boot
# waits a lot, and has hardly more than one CPU busy.
run_both()
{
	local first=() rc=0 pid out

	while [[ $1 != --- ]]; do
		first+=("$1")
		shift
	done
	shift
	out=$(mktemp "$BUILD/selftests.XXXXXX")
	"${first[@]}" >"$out" &
	pid=$!
	"$@" || rc=1
	wait "$pid" || rc=1
	cat "$out"
	rm -f "$out"
	return $rc
}

# run_pool_selftests KERNEL SECONDS [VMRUN-OPTION...]: cgroup_pool on cgroup v2 and on v1.  One boot for each:
# what was charged while the memory controller was on v2 and is uncharged on v1 makes a counter there
# underflow with a WARNING, on stock kernels too.
run_pool_selftests()
{
	local kernel=$1 options=(--env POOL_RACE_SECONDS="$2" "${@:3}")

	run_both run_programs "$kernel" v2 "${options[@]}" -- "test_pool -V v1" "test_pool_fresh -V v1" \
		"test_pool_tasks -V v1" "test_pool_race v2" --- \
		run_programs "$kernel" v1 "${options[@]}" -- "test_pool -v v1" "test_pool_fresh -v v1" \
		"test_pool_tasks -v v1" test_pool_v1 "test_pool_race v1"
}
