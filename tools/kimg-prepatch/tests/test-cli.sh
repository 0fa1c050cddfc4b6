#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The command line on synthetic images: exit statuses, one line per error, JSON, no output left
# behind. TAP. Needs neither root nor a kernel nor QEMU.

ctl=$1
synth=$2
fake_qemu=$3
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
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
	"$ctl" "$@" >"$tmp/.out" 2>"$tmp/.err" </dev/null
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
strip_like=$(cksum <img)
[ "$strip_like" = "$(cksum <img2)" ]
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

run 0 "ram-image" ram-image -m 32M -o ram baked
grep -q 'share=off -machine memory-backend=ram -kernel ram.elf$' .out
result $? "says how to use it"
[ "$(wc -c <ram)" -eq 33554432 ] && [ "$(du -k ram | cut -f 1)" -lt 200 ]
result $? "is sparse and has the size of the memory"
cp ram.elf tramp1
run 0 "ram-image again" ram-image -m 32M -o ram2 -t tramp2 baked
cmp -s ram ram2 && cmp -s tramp1 tramp2
result $? "is the same"
run 0 "for Cloud Hypervisor" ram-image -m 32M --layout cloud-hypervisor -o ram2 baked
grep -q -e '--memory-zone id=ram,size=32M,file=ram2,shared=off' .out
result $? "says how to use it"
rm -f ram2 ram2.elf
run 0 "for any VMM" ram-image -m 32M --layout raw -o ram2 baked
json 'doc["ram"] == {"file": "ram2", "size": 33554432} and len(doc["layout"]["segments"]) == 4'
[ ! -e ram2.elf ]
result $? "without a trampoline"
"$synth" bad bad-prof no-note
run 0 "a kernel without descriptor" ram-image -m 32M --layout raw -o ram2 bad
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
run 1 "bake with a QEMU that fails" bake -q --qemu ./qemu-fails -m 32M -o dir img -- -cpu bogus
one_line 'profile: the guest ended before it had recorded a profile: no such CPU$'
nothing_left
run 1 "bake with a QEMU that hangs" bake -q --qemu ./qemu-hangs -t 1 -m 32M -o dir img
one_line 'profile: timed out$'
nothing_left
run 1 "bake without QEMU" bake -q --qemu ./nowhere -m 32M -o dir img
one_line 'No such file or directory$'
nothing_left
run 3 "bake without descriptor" bake -q --qemu ./qemu-fails -o dir "$ctl"
nothing_left
mkdir dir
run 1 "bake into what is there" bake -q --qemu ./qemu-fails -m 32M -o dir img
one_line 'dir: exists already$'
run 1 "bake --force into what isn't ours" bake -q -f --qemu ./qemu-fails -m 32M -o dir img
one_line 'dir: was not made by this command$'
rmdir dir
run 2 "bake without output" bake img

# And with a program that does to the memory what QEMU and a kernel would do.
bake()
{
	run "$1" "$2" bake --qemu "$fake_qemu" -m 32M -o dir img -- -cpu fake-cpu
}

rm -rf dir
run 0 "bake" bake --qemu "$fake_qemu" -m 32M -a "x=1 y" -o dir/ img -- -cpu fake-cpu
[ "$(ls dir | tr '\n' ' ')" = "manifest.json profile ram trampoline.elf vmlinux " ]
result $? "writes five files"
grep -q '5/5' .err && [ ! -s .out ]
result $? "shows progress"
cmp -s dir/vmlinux baked && cmp -s dir/profile prof && cmp -s dir/ram ram
result $? "gives what the single commands give"
cp dir/manifest.json .out
json '(doc["memory"], doc["append"], doc["qemu_args"]) == (32 << 20, "x=1 y", ["-cpu", "fake-cpu"])'
json 'sorted(doc["files"]) == ["profile", "ram", "trampoline.elf", "vmlinux"]'
json "doc['files']['vmlinux']['sha256'] == '$(sha256sum <dir/vmlinux | cut -d ' ' -f 1)'"
mv dir first
run 0 "bake a patched image again" \
	bake -q --qemu "$fake_qemu" -m 32M -a "x=1 y" -o dir baked -- -cpu fake-cpu
[ ! -s .err ] && diff -r dir first >.out
result $? "gives the same, bit for bit"
run 0 "bake --force" bake -q -f --qemu "$fake_qemu" -m 48M -o dir img -- -cpu fake-cpu
[ "$(wc -c <dir/ram)" -eq 50331648 ] && [ -z "$(ls -d dir.* 2>/dev/null)" ]
result $? "replaces what is there"
rm -rf dir
for fault in mismatch different rewrites unknown; do
	KIMG_FAKE=$fault
	export KIMG_FAKE
	bake 5 "bake when the kernel says or does: $fault"
	nothing_left
done
unset KIMG_FAKE

"$ctl" --help >/dev/full 2>.err
[ $? = 1 ]
result $? "a full disk is an error"
if [ -d /proc/self/fd ] && ln -s /dev/full full 2>/dev/null; then
	run 1 "an output on a device" apply -p prof -o full img
fi
echo "1..$nr"
[ $failed = 0 ]
