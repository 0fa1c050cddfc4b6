#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The strongest test: for each CPU model the stock image is started, and what its kernel has made
# of its text by the time it runs init is compared with what kimg-prepatch makes of the file for
# the profile of that very start. They may differ only where the kernel patches later: jump
# labels, static calls, the dentry hash, and in ro_after_init. TAP; needs QEMU, busybox and cpio.
#
#   oracle.sh [-t SECONDS] [-d DIR] KIMG-PREPATCH VMLINUX [CPU...] [-- QEMU-ARGUMENTS]
#
#   -t SECONDS  for one start (180)
#   -d DIR      keep profiles, patched images and reports there
#
# Files are made in $TMPDIR, in $BUILD, or in build/.

set -u
timeout=180
keep=
while getopts t:d: opt; do
	case $opt in
	t) timeout=$OPTARG ;;
	d) keep=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if (($# < 2)); then
	sed -n 's/^#   \(oracle.*\)/Usage: \1/p' "$0" >&2
	exit 2
fi
ctl=$1
vmlinux=$2
shift 2
cpus=()
while (($#)) && [[ $1 != -- ]]; do
	cpus+=("$1")
	shift
done
((!$#)) || shift
((${#cpus[@]})) || cpus=(qemu64 Nehalem Cascadelake-Server-noTSX EPYC-Rome max)
qemu_args=("$@")
((${#qemu_args[@]})) || qemu_args=(-M pc -accel tcg)

work=${TMPDIR:-${BUILD:-$(cd "$(dirname "$0")/../../.." && pwd)/build}}
mkdir -p "$work" && tmp=$(mktemp -d "$work/oracle.XXXXXX") || exit 1
qemu_pid=
cleanup()
{
	[[ -z $qemu_pid ]] || kill -KILL "$qemu_pid" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

nr=0
failed=0
result()
{
	nr=$((nr + 1))
	if (($1 == 0)); then
		echo "ok $nr - $2"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $nr - $2"
	[[ ! -s $tmp/log ]] || tail -n 25 "$tmp/log" | sed 's/^/# /'
}

marker=kimg-oracle-init
make_initrd()
{
	mkdir -p "$tmp/root/bin" "$tmp/root/dev" || return
	cp "$(command -v busybox)" "$tmp/root/bin/busybox" || return
	printf '#!/bin/busybox sh\necho %s >/dev/console\nwhile :; do busybox sleep 1000; done\n' \
		"$marker" >"$tmp/root/init"
	chmod +x "$tmp/root/init"
	(cd "$tmp/root" && find . -print | cpio --quiet -o -H newc) >"$tmp/initrd"
}

# Until init has spoken; the memory stays in the file.
start_stock()
{
	local cpu=$1 deadline=$((SECONDS + timeout))

	: >"$tmp/serial"
	qemu-system-x86_64 "${qemu_args[@]}" -cpu "$cpu" -nodefaults -no-user-config -no-reboot \
		-display none -serial "file:$tmp/serial" -m 128M \
		-object "memory-backend-file,id=ram,size=128M,mem-path=$tmp/ram,share=on" \
		-machine memory-backend=ram -kernel "$tmp/ram.elf" -initrd "$tmp/initrd" \
		-append "console=ttyS0 panic=-1 no_timer_check" >"$tmp/log" 2>&1 </dev/null &
	qemu_pid=$!
	until grep -q "$marker" "$tmp/serial"; do
		if ! kill -0 "$qemu_pid" 2>/dev/null || ((SECONDS > deadline)); then
			tail -n 20 "$tmp/serial" >>"$tmp/log"
			break
		fi
		sleep 0.2
	done
	kill -KILL "$qemu_pid" 2>/dev/null
	wait "$qemu_pid" 2>/dev/null
	qemu_pid=
	grep -q "$marker" "$tmp/serial"
}

number()
{
	python3 -c 'import json, sys
doc = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$tmp/json" "$1"
}

echo "TAP version 13"
make_initrd >"$tmp/log" 2>&1
result $? "initial RAM disk"

# Images come without symbols and sections as well, and are the same to this program.
strip -s -o "$tmp/stripped" "$vmlinux" >"$tmp/log" 2>&1 &&
	(($(stat -c %s "$tmp/stripped") < $(stat -c %s "$vmlinux"))) &&
	"$ctl" inspect --json "$vmlinux" >"$tmp/inspect" 2>>"$tmp/log" &&
	"$ctl" inspect --json "$tmp/stripped" >"$tmp/inspect-stripped" 2>>"$tmp/log"
result $? "a stripped image can be inspected"
# Where the segments are in the file is for strip to say.
same_report()
{
	python3 - "$1" "$2" <<-'END'
		import json, sys
		docs = [json.load(open(name)) for name in sys.argv[1:]]
		for doc in docs:
		    for segment in doc["layout"]["segments"]:
		        del segment["offset"]
		sys.exit(docs[0] != docs[1])
	END
}
same_report "$tmp/inspect" "$tmp/inspect-stripped" >>"$tmp/log" 2>&1
result $? "inspect says the same of it"
for cpu in "${cpus[@]}"; do
	name=${cpu//[^A-Za-z0-9_-]/_}
	"$ctl" ram-image -m 128M -o "$tmp/ram" "$vmlinux" >"$tmp/log" 2>&1
	result $? "$cpu: memory of the stock image"
	start_stock "$cpu"
	result $? "$cpu: stock image runs init"
	"$ctl" profile -k "$vmlinux" -o "$tmp/profile" "$tmp/ram" >"$tmp/log" 2>&1
	result $? "$cpu: profile"
	"$ctl" apply -p "$tmp/profile" -o "$tmp/baked" "$vmlinux" >"$tmp/log" 2>&1
	result $? "$cpu: apply"
	"$ctl" apply -p "$tmp/profile" -o "$tmp/again" "$tmp/baked" >"$tmp/log" 2>&1 &&
		cmp "$tmp/baked" "$tmp/again" >>"$tmp/log" 2>&1
	result $? "$cpu: apply twice is apply once"
	"$ctl" undo -o "$tmp/again" "$tmp/baked" >"$tmp/log" 2>&1 &&
		cmp "$vmlinux" "$tmp/again" >>"$tmp/log" 2>&1
	result $? "$cpu: undo gives back the original"
	"$ctl" apply -p "$tmp/profile" -o "$tmp/baked-stripped" "$tmp/stripped" >"$tmp/log" 2>&1 &&
		"$ctl" ram-image -m 128M -o "$tmp/ram-a" "$tmp/baked" >>"$tmp/log" 2>&1 &&
		"$ctl" ram-image -m 128M -o "$tmp/ram-b" "$tmp/baked-stripped" >>"$tmp/log" 2>&1 &&
		cmp "$tmp/ram-a" "$tmp/ram-b" >>"$tmp/log" 2>&1 &&
		cmp "$tmp/ram-a.elf" "$tmp/ram-b.elf" >>"$tmp/log" 2>&1
	result $? "$cpu: a stripped image is patched the same"
	"$ctl" undo -o "$tmp/again" "$tmp/baked-stripped" >"$tmp/log" 2>&1 &&
		cmp "$tmp/stripped" "$tmp/again" >>"$tmp/log" 2>&1
	result $? "$cpu: undo gives back the stripped one"
	"$ctl" verify --exact -r "$tmp/ram" "$tmp/baked" >"$tmp/log" 2>&1
	result $? "$cpu: memory after a stock start is as applied"
	"$ctl" verify --json -r "$tmp/ram" "$tmp/baked" >"$tmp/json" 2>>"$tmp/log" &&
		echo "# $cpu: left to the kernel: $(number \
			'{c["class"]: c["bytes"] for c in doc["memory"]["classes"] if c["bytes"]}')"
	"$ctl" verify --json -r "$tmp/ram" "$vmlinux" >"$tmp/json" 2>>"$tmp/log" &&
		echo "# $cpu: text pages a stock start changes: $(number \
			'"%d of %d" % (doc["memory"]["text_pages_changed"], doc["memory"]["text_pages"])')"
	if [[ -n $keep ]]; then
		mkdir -p "$keep" && cp "$tmp/profile" "$keep/profile-$name" &&
			cp "$tmp/baked" "$keep/vmlinux-$name"
	fi
done
echo "1..$nr"
((failed == 0))
