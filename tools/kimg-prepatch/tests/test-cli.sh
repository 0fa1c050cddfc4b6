#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The command line on synthetic images: exit statuses, one line per error, JSON, no output left
# behind. TAP. Needs neither root nor a kernel nor QEMU.
#
#   test-cli.sh KIMG-PREPATCH KIMG-SYNTH KIMG-FAKE-QEMU KIMG-FAULT.SO
#
# Files are made in $TMPDIR or, if that isn't set, next to KIMG-SYNTH.

absolute()
{
	echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}

ctl=$(absolute "$1")
synth=$(absolute "$2")
fake_qemu=$(absolute "$3")
fault_so=$(absolute "$4")
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
export ASAN_OPTIONS
tmp=$(mktemp -d "${TMPDIR:-$(dirname "$synth")}/test-cli.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM HUP
cd "$tmp" || exit 1
nr=0
failed=0

result()
{
	nr=$((nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $nr - $2"
	else
		failed=$((failed + 1))
		echo "not ok $nr - $2"
		head -n 20 "$tmp/.out" "$tmp/.err" | sed 's/^/# /'
	fi
}

# run STATUS TEXT ARGUMENTS...
run()
{
	wanted=$1
	text=$2
	shift 2
	KIMG_FAULT=no-sync LD_PRELOAD=$fault_so "$ctl" "$@" >"$tmp/.out" 2>"$tmp/.err" </dev/null
	got=$?
	[ "$got" = "$wanted" ] || echo "status $got, wanted $wanted" >>"$tmp/.err"
	[ "$got" = "$wanted" ]
	result $? "$text"
}

# The last run said one line on stderr that matches, and nothing on stdout.
one_line()
{
	[ "$(wc -l <"$tmp/.err")" -eq 1 ] && grep -q "$1" "$tmp/.err" && [ ! -s "$tmp/.out" ]
	result $? "one line: $1"
}

nothing_left()
{
	left=
	for f in out out.* dir dir.*; do
		[ ! -e "$f" ] || left="$left $f"
	done
	[ -z "$left" ] || echo "left:$left" >>"$tmp/.err"
	[ -z "$left" ]
	result $? "nothing left behind"
}

json()
{
	python3 -c '
import json, sys
doc = json.load(open(sys.argv[1]))
assert doc["version"] == 1, doc
assert eval(sys.argv[2]), doc' "$tmp/.out" "$1" 2>>"$tmp/.err"
	result $? "json: $1"
}

echo "TAP version 13"
run 0 "--help" --help
grep -q '^Usage: ' "$tmp/.out"
result $? "help is on stdout"
run 0 "--version" --version
run 0 "version" version
run 2 "no command"
run 2 "unknown command" bogus
grep -q "bogus" "$tmp/.err"
result $? "unknown command is named"
run 2 "unknown option" inspect --bogus
for cmd in bake profile apply verify inspect undo ram-image; do
	run 0 "$cmd --help" "$cmd" --help
	grep -q "^Usage: kimg-prepatch $cmd " "$tmp/.out"
	result $? "$cmd --help says how"
	run 0 "help $cmd" help "$cmd"
	run 2 "$cmd without arguments" "$cmd"
done

"$synth" img prof || exit 1
"$synth" img2 prof-other other || exit 1
cmp -s img img2
result $? "images are reproducible"

run 0 "apply" apply -p prof -o out img
[ ! -s .out ] && [ ! -s .err ]
result $? "says nothing"
run 0 "apply, verbose" -v apply -p prof -o out.2 img
grep -q 'bytes in .* pages patched' .err
result $? "says what it did"
cmp -s out out.2
result $? "the same again"
mv out.2 baked
run 0 "apply to what is patched" apply -p prof -o out baked
cmp -s out baked
result $? "changes nothing"
run 0 "apply another profile to it" apply -p prof-other -o out baked
run 0 "apply that to the original" apply -p prof-other -o out.2 img
cmp -s out out.2 && ! cmp -s out baked
result $? "gives the same"
run 0 "undo" undo -o out baked
cmp -s out img
result $? "gives the original"
rm -f out out.2
run 3 "undo of the original" undo -o out img
one_line '^kimg-prepatch: img: not pre-patched$'
nothing_left
mkfifo fifo
run 1 "output that isn't a file" undo -o fifo baked
[ -p fifo ]
result $? "stays what it was"
run 0 "an image in place" undo -o baked baked
cmp -s img baked
result $? "is replaced"
"$ctl" apply -p prof -o baked img
cmp -s img img2
result $? "the input stays as it was"

run 0 "inspect" inspect img
grep -q '^state  *stock' .out
result $? "says stock"
run 0 "inspect of a patched one" inspect baked
grep -q '^state  *pre-patched' .out && grep -q '^features  *.*fpu' .out
result $? "says pre-patched, and the features"
run 0 "inspect --json" inspect --json img
json 'doc["prepatched"] is False and doc["profile"] is None and doc["features"] == []'
json 'doc["kernel"]["toolchain"] == "gcc 12 (Debian), ld"'
run 0 "inspect -J of a patched one" inspect -J baked
json 'doc["prepatched"] is True and len(doc["kernel"]["build_id"]) == 40'
json '{"word": 0, "bit": 0, "name": "fpu"} in doc["features"]'
json 'sum(c["bytes"] for c in doc["patches"]["classes"]) == doc["patches"]["bytes"] > 0'
json 'doc["layout"]["text"]["paddr"] == 0x1000000 and doc["layout"]["pvh_entry"] == 0x1000070'
json 'doc["profile"]["user_ptr_max"] == "0x7ffffffff000"'

# What can't be patched, and why.
refuse()
{
	"$synth" bad bad-prof "$2" || exit 1
	run "$1" "$2 is refused" apply -p bad-prof -o out bad
	one_line "$3"
	nothing_left
}
refuse 3 no-note '^kimg-prepatch: bad: no descriptor: not built with CONFIG_X86_PREPATCH$'
refuse 3 version 'descriptor has version 2, this program knows version 1$'
refuse 4 magic 'descriptor: wrong magic$'
refuse 7 small-undo 'CONFIG_X86_PREPATCH_UNDO_KB='
refuse 3 call-depth 'call depth tracking'
refuse 3 call-thunks 'call depth tracking'
refuse 3 cfi-random 'FineIBT with random hashes'
refuse 6 build-id 'profile is of another kernel: build ids differ$'
refuse 4 crc '^kimg-prepatch: bad-prof: profile is damaged: wrong checksum$'

head -c 100000 img >bad
run 4 "a truncated image" apply -p prof -o out bad
one_line '^kimg-prepatch: bad: truncated: '
nothing_left
head -c 3 img >bad
run 3 "three bytes" inspect bad
one_line 'not an ELF file$'
: >bad
run 3 "an empty file" inspect bad
one_line 'not an ELF file$'
head -c 1024 /dev/zero >bad
printf 'U\252\353\146HdrS' | dd of=bad bs=1 seek=510 conv=notrunc 2>/dev/null
run 3 "a bzImage" apply -p prof -o out bad
one_line '^kimg-prepatch: bad: is a bzImage; give the vmlinux that it was made from$'
nothing_left
run 3 "a program of this host" inspect "$ctl"
one_line 'no descriptor: not built with CONFIG_X86_PREPATCH$'
run 1 "a missing file" inspect nowhere
one_line '^kimg-prepatch: nowhere: No such file or directory$'
run 1 "a directory" inspect .
run 1 "a directory that doesn't exist" apply -p prof -o nowhere/out img
run 4 "something else for a profile" apply -p img -o out img
one_line 'img: not a profile: '
nothing_left
run 2 "apply without a profile" apply -o out img
run 2 "apply without an output" apply -p prof img

run 0 "profile" profile prof
grep -q '^user pointers up to 0x7ffffffff000$' .out
result $? "is shown"
run 0 "profile --json" profile --json prof
json 'doc["profile"]["return_thunk"] == "0xffffffff81000160" and len(doc["profile"]["words"]) == 4'
run 0 "profile -o" profile -o out prof
cmp -s out prof
result $? "is copied"
rm -f out
run 2 "an offset in a profile" profile --offset 4K prof

run 0 "ram-image" ram-image -m 20M -o ram baked
grep -q 'share=off -machine memory-backend=ram -kernel ram.elf$' .out
result $? "says how to use it"
[ "$(wc -c <ram)" -eq 20971520 ] && [ "$(du -k ram | cut -f 1)" -lt 200 ]
result $? "is sparse and has the size of the memory"
cp ram.elf tramp1
run 0 "ram-image again" ram-image -m 20M -o ram2 -t tramp2 baked
cmp -s ram ram2 && cmp -s tramp1 tramp2
result $? "is the same"
run 0 "for Cloud Hypervisor" ram-image -m 20M --layout cloud-hypervisor -o ram2 baked
grep -q -e '--memory-zone id=ram,size=20M,file=ram2,shared=off' .out
result $? "says how to use it"
rm -f ram2 ram2.elf
run 0 "for any VMM" ram-image -m 20M --layout raw -o ram2 baked
json 'doc["ram"] == {"file": "ram2", "size": 20971520} and len(doc["layout"]["segments"]) == 4'
[ ! -e ram2.elf ]
result $? "without a trampoline"
"$synth" bad bad-prof no-note
run 0 "a kernel without descriptor" ram-image -m 20M --layout raw -o ram2 bad
json '"text" not in doc["layout"] and doc["layout"]["elf_entry"] == 0x1000000'
run 3 "too little memory" ram-image -m 16M -o out baked
one_line '16 MiB of memory are too little'
nothing_left
run 2 "half a MiB" ram-image -m 512K -o out baked
run 2 "unknown layout" ram-image --layout bogus -o out baked

run 0 "verify" verify -r ram baked
grep -q '^pages changed: text 0 of 8, rodata 0 of ' .out
result $? "finds nothing"
run 0 "verify --json" verify --json -r ram baked
json 'doc["status"] == "pending" and doc["memory"]["unknown_bytes"] == 0'
run 0 "verify against the original" verify -J -r ram img
json 'doc["wrong_bytes"] > 0 and doc["memory"]["unknown_bytes"] == 0'
run 5 "verify --exact against the original" verify --exact -r ram img
grep -q 'bytes differ that should have been right$' .err
result $? "says so"
cp ram bad
printf 'x' | dd of=bad bs=1 seek=16777219 conv=notrunc 2>/dev/null
run 5 "a byte that no table names" verify -r bad baked
grep -q '1 bytes differ that no table names, the first at 0xffffffff81000003$' .err
result $? "says where"
{ head -c 8192 /dev/zero; cat ram; } >bad
run 0 "memory at an offset" verify --offset 8K -r bad baked
run 6 "memory of something else" verify -r bad baked
one_line "^kimg-prepatch: bad: is not the memory of a guest that runs baked\$"
head -c 17000000 ram >bad
run 1 "truncated memory" verify -r bad baked
run 1 "a profile that isn't there yet" profile -k baked ram
one_line 'has not recorded a profile yet$'

# bake, as far as it goes without a kernel: QEMU that fails, hangs, or isn't there.
printf '#!/bin/sh\necho "no such CPU" >&2\nexit 1\n' >qemu-fails
printf '#!/bin/sh\nexec sleep 60\n' >qemu-hangs
chmod +x qemu-fails qemu-hangs
run 1 "bake with a QEMU that fails" bake -q --qemu ./qemu-fails -m 20M -o dir img -- -cpu bogus
one_line 'profile: the guest ended before it had recorded a profile: no such CPU$'
nothing_left
run 1 "bake with a QEMU that hangs" bake -q --qemu ./qemu-hangs -t 1 -m 20M -o dir img
one_line 'profile: timed out$'
nothing_left
run 1 "bake without QEMU" bake -q --qemu ./nowhere -m 20M -o dir img
one_line 'No such file or directory$'
nothing_left
run 3 "bake without descriptor" bake -q --qemu ./qemu-fails -o dir "$ctl"
nothing_left
mkdir dir
run 1 "bake into what is there" bake -q --qemu ./qemu-fails -m 20M -o dir img
one_line 'dir: exists already$'
run 1 "bake --force into what isn't ours" bake -q -f --qemu ./qemu-fails -m 20M -o dir img
one_line 'dir: was not made by this command$'
rmdir dir
run 2 "bake without output" bake img

# And with a program that does to the memory what QEMU and a kernel would do.
bake()
{
	run "$1" "$2" bake --qemu "$fake_qemu" -m 20M -o dir img -- -cpu fake-cpu
}

rm -rf dir
run 0 "bake" bake --qemu "$fake_qemu" -m 20M -a "x=1 y" -o dir/ img -- -cpu fake-cpu
[ "$(ls dir | tr '\n' ' ')" = "manifest.json profile ram trampoline.elf vmlinux " ]
result $? "writes five files"
grep -q '5/5' .err && [ ! -s .out ]
result $? "shows progress"
cmp -s dir/vmlinux baked && cmp -s dir/profile prof && cmp -s dir/ram ram
result $? "gives what the single commands give"
cp dir/manifest.json .out
json '(doc["memory"], doc["append"], doc["qemu_args"]) == (20 << 20, "x=1 y", ["-cpu", "fake-cpu"])'
json 'sorted(doc["files"]) == ["profile", "ram", "trampoline.elf", "vmlinux"]'
json "doc['files']['vmlinux']['sha256'] == '$(sha256sum <dir/vmlinux | cut -d ' ' -f 1)'"
mv dir first
run 0 "bake a patched image again" \
	bake -q --qemu "$fake_qemu" -m 20M -a "x=1 y" -o dir baked -- -cpu fake-cpu
[ ! -s .err ] && diff -r dir first >.out
result $? "gives the same, bit for bit"
run 0 "bake --force" bake -q -f --qemu "$fake_qemu" -m 24M -o dir img -- -cpu fake-cpu
[ "$(wc -c <dir/ram)" -eq 25165824 ] && [ -z "$(ls -d dir.* 2>/dev/null)" ]
result $? "replaces what is there"
rm -rf dir
for fault in mismatch failed different rewrites unknown late; do
	KIMG_FAKE=$fault
	export KIMG_FAKE
	bake 5 "bake when the kernel says or does: $fault"
	case $fault in
	mismatch | failed | different)
		grep -q "^kimg-prepatch: [a-z]*: status is $fault, not " .err
		result $? "says so"
		;;
	esac
	nothing_left
done
unset KIMG_FAKE

run 2 "seconds with a suffix" bake -t 1K --qemu ./qemu-fails -o dir img
run 2 "seconds in hexadecimal" bake -t 0x10 --qemu ./qemu-fails -o dir img
run 2 "no seconds" bake -t 0 --qemu ./qemu-fails -o dir img
run 2 "a QEMU that hides" bake -q --qemu ./qemu-fails -m 20M -o dir img -- -daemonize
grep -q '^kimg-prepatch: bake: -daemonize: ' .err
result $? "is named"
printf '#!/bin/sh\nprintf "\033[31mx\\rboo\\n" >&2\nexit 1\n' >qemu-colour
chmod +x qemu-colour
run 1 "what the guest said last" bake -q --qemu ./qemu-colour -m 20M -o dir img
one_line 'recorded a profile: ?\[31mx?boo$'

# Not one that is dead and only waits for somebody to ask.
lives()
{
	[ -e "/proc/$1/stat" ] && ! sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | grep -q '^Z'
}

# A wrapper that stays: what it has started ends with it.
printf '#!/bin/sh\nsleep 60 & echo $! >qemu-pid\nwait\n' >qemu-wrapped
chmod +x qemu-wrapped
run 1 "bake with a wrapper around QEMU" \
	bake -q --qemu ./qemu-wrapped -t 1 -m 20M -o dir img
qemu_pid=$(cat qemu-pid)
i=0
while lives "$qemu_pid" && [ $i -lt 20 ]; do
	i=$((i + 1))
	sleep 0.1
done
[ -n "$qemu_pid" ] && { ! lives "$qemu_pid" || ! kill -KILL "$qemu_pid"; }
result $? "nothing of it lives on"

# What a start does late counts, too, and one that doesn't end isn't one that went well.
KIMG_FAKE=endless
export KIMG_FAKE
run 1 "bake of a guest that goes on" \
	bake -q -t 3 --qemu "$fake_qemu" -m 20M -o dir img -- -cpu fake-cpu
one_line '^kimg-prepatch: match: timed out: the guest did not come to its end'
nothing_left
rm -rf dir
unset KIMG_FAKE

# Commas, blanks and quotes in names.
mkdir "a,b c'd"
run 0 "ram-image in a folder with an odd name" ram-image -m 20M -o "a,b c'd/ram" img
sh -c "printf '%s\n' $(cat .out)" >words
grep -qxF "memory-backend-file,id=ram,size=20M,mem-path=a,,b c'd/ram,share=off" words &&
	grep -qxF "a,b c'd/ram.elf" words
result $? "what it prints is for a shell and QEMU"
run 2 "commas for Cloud Hypervisor" ram-image -m 20M --layout cloud-hypervisor -o "a,b" img
[ ! -e "a,b" ]
result $? "are refused"
run 0 "bake in a folder with an odd name" \
	bake -q --qemu "$fake_qemu" -m 20M -o "a,b c'd/dir" img -- -cpu fake-cpu
[ -f "a,b c'd/dir/ram" ]
result $? "is there"
rm -rf "a,b c'd"

# A file is either an input or an output, and only one of them.
cp img vm
cp prof p
"$ctl" ram-image -m 20M -o ram baked >/dev/null
cp ram ram.before
cp ram.elf elf.before
refuse_same()
{
	text=$1
	shift
	run 2 "$text" "$@"
	cmp -s img vm && cmp -s prof p && cmp -s ram ram.before
	result $? "is refused, and nothing changed"
}
refuse_same "one file for memory and trampoline" ram-image -m 20M -o out -t ./out img
nothing_left
refuse_same "memory in place of the kernel" ram-image -m 20M -o vm vm
ln -s vm link
refuse_same "a trampoline in place of the kernel" ram-image -m 20M -o out -t vm link
mv vm vm.elf
ln -s vm.elf vm
refuse_same "the same by default" ram-image -m 20M -o vm vm.elf
refuse_same "a patched image in place of its profile" apply -p p -o p img
refuse_same "a profile in place of the memory" profile -k img -o ram ram

no_tmp()
{
	for f in ./*.tmp*; do
		[ ! -e "$f" ] || return 1
	done
}

# Both outputs or none, whatever is there already.
"$synth" img3 prof3 version
run 3 "too little memory for a new one" ram-image -m 16M -o ram baked
cmp -s ram ram.before && cmp -s ram.elf elf.before && no_tmp
result $? "the old one is still whole"
(
	# blocks of 512 or 1024 bytes, as the shell likes it: enough for the trampoline alone
	ulimit -f 64
	"$ctl" ram-image -m 20M -o ram baked >.out 2>.err
	[ $? = 1 ] && grep -q 'File too large' .err
)
result $? "no room for the memory"
cmp -s ram ram.before && cmp -s ram.elf elf.before && no_tmp
result $? "the old one is still whole"
(
	ulimit -f 16
	"$ctl" apply -p prof -o out img >.out 2>.err
	[ $? = 1 ] && [ ! -s .out ] && [ "$(wc -l <.err)" -eq 1 ]
)
result $? "no room for an image"
nothing_left

# What can't be said isn't done.
for args in "profile -J -o out prof" "ram-image -m 20M -o out img" \
	"ram-image -m 20M --layout raw -o out img"; do
	# shellcheck disable=SC2086 # words are wanted
	"$ctl" $args >/dev/full 2>.err
	[ $? = 1 ] && grep -q '^kimg-prepatch: stdout: ' .err && [ "$(wc -l <.err)" -eq 1 ]
	result $? "a full disk behind stdout: $args"
	nothing_left
done
for args in --help --version -V version "inspect img" "profile prof"; do
	# shellcheck disable=SC2086 # words are wanted
	"$ctl" $args >/dev/full 2>.err
	[ $? = 1 ] && [ "$(wc -l <.err)" -eq 1 ]
	result $? "a full disk is an error: $args"
done
if [ -d /proc/self/fd ] && ln -s /dev/full full 2>/dev/null; then
	run 1 "an output on a device" apply -p prof -o full img
fi

# What a killed process with the same number has left.
: >stale
sh -c 'for f in out out.elf dir; do mkdir "$f.tmp$$"; done; echo $$ >pid; exec "$@"' sh \
	"$ctl" undo -o out baked >.out 2>.err
result $? "a file that is left of a killed process"
rmdir ./*.tmp"$(cat pid)"
rm -f out

# Folders that can't be read, or flushed; file systems that rename without flags.
mkdir drop && chmod 0333 drop
cp "$ctl" tool && chmod 755 tool && cp baked shown && chmod 644 shown && chmod 711 .
if [ "$(id -u)" != 0 ]; then
	as_user=
elif setpriv --reuid 65534 --regid 65534 --clear-groups ./tool version >/dev/null 2>&1; then
	as_user="setpriv --reuid 65534 --regid 65534 --clear-groups"
	chmod 1777 drop && chmod a-r drop
else
	as_user=skip
fi
if [ "$as_user" = skip ]; then
	nr=$((nr + 1))
	echo "ok $nr - a folder that can't be read # SKIP no other user can run the program here"
else
	$as_user ./tool undo -o drop/out shown >.out 2>.err && cmp -s drop/out img
	result $? "a folder that can't be read"
fi
rm -rf drop
preload()
{
	fault=$1
	shift
	KIMG_FAULT=$fault LD_PRELOAD=$fault_so "$@" >.out 2>.err
}
preload sync-dir "$ctl" undo -o out baked
[ $? = 1 ] && grep -q "^kimg-prepatch: out: is written, but its folder can't be flushed" .err &&
	cmp -s out img
result $? "a folder that can't be flushed"
rm -f out
preload rename-flags "$ctl" bake -q --qemu "$fake_qemu" -m 20M -o dir img -- -cpu fake-cpu &&
	[ -f dir/manifest.json ]
result $? "bake where renames know no flags"
preload rename-flags "$ctl" bake -q -f --qemu "$fake_qemu" -m 24M -o dir img -- -cpu fake-cpu
[ $? = 1 ] && grep -q "^kimg-prepatch: dir: can't be replaced in one step" .err &&
	[ "$(wc -c <dir/ram)" -eq 20971520 ] && [ -z "$(ls -d dir.* 2>/dev/null)" ]
result $? "bake --force there says so before the first start"
rm -rf dir

# Signals, while stdout is a pipe that is full or a guest hangs. All at once, each in its folder.
for sig in INT TERM HUP QUIT; do
	for cmd in profile ram-image bake; do
		mkdir "kill-$cmd-$sig"
	done
done
PYTHONDONTWRITEBYTECODE=1 python3 - "$ctl" >signals 2>.err <<-'END'
	import glob, os, signal, subprocess, sys, time
	ctl = sys.argv[1]
	args = {
	    "profile": ["profile", "-J", "-o", "out", "../prof"],
	    "ram-image": ["ram-image", "-m", "20M", "-o", "out", "../baked"],
	    "bake": ["bake", "-q", "--qemu", "../qemu-hangs", "-m", "20M", "-o", "out", "../img"],
	}
	r, w = os.pipe()
	os.set_blocking(w, False)
	try:
	    while True:
	        os.write(w, b"x" * 4096)
	except BlockingIOError:
	    os.set_blocking(w, True)
	names = ["INT", "TERM", "HUP", "QUIT"]
	def defaults():
	    for name in names:
	        signal.signal(getattr(signal, "SIG" + name), signal.SIG_DFL)
	children = {}
	for cmd in args:
	    for name in names:
	        children[cmd, name] = subprocess.Popen([ctl] + args[cmd], stdout=w,
	            cwd="kill-%s-%s" % (cmd, name), preexec_fn=defaults)
	for (cmd, name), child in children.items():
	    there = "kill-%s-%s/out%s" % (cmd, name, "*/qemu.log" if cmd == "bake" else "*")
	    deadline = time.monotonic() + 20
	    while not glob.glob(there) and child.poll() is None and time.monotonic() < deadline:
	        time.sleep(0.02)
	time.sleep(0.3)
	for (cmd, name), child in children.items():
	    sig = getattr(signal, "SIG" + name)
	    ended = child.poll()
	    child.send_signal(sig)
	    status = child.wait(20)
	    # bake has a guest to end first
	    good = ended is None and status == (1 if cmd == "bake" else -sig)
	    print(cmd, name, "good" if good else "status %s, before the signal %s" % (status, ended))
END
for sig in INT TERM HUP QUIT; do
	for cmd in profile ram-image bake; do
		grep "^$cmd $sig " signals >.out
		grep -qx "$cmd $sig good" signals
		result $? "$cmd ends by SIG$sig"
		ls "kill-$cmd-$sig" >.out
		[ ! -s .out ]
		result $? "nothing left behind"
	done
done
# Who says nohup means it.
(
	trap '' HUP
	"$ctl" bake -q --qemu ./qemu-hangs -t 1 -m 20M -o dir img 2>.err &
	pid=$!
	sleep 0.4
	kill -HUP $pid
	wait $pid
)
grep -q 'profile: timed out$' .err
result $? "bake goes on after a SIGHUP that is ignored"
nothing_left
echo "1..$nr"
[ $failed = 0 ]
