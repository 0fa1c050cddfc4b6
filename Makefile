# SPDX-License-Identifier: GPL-2.0-only
#
# Entry points only; the work is done by scripts/.  Nothing is written outside $(BUILD), except
# patches/ by "make series".

BUILD ?= build
MAKEFLAGS += --no-print-directory
export BUILD
ifdef KSRC
export KSRC
endif

.PHONY: help demo check check-fast check-full kernel-host kernel-debug kernel-guest series tools selftests \
	bench guest-table clean deps

help:
	@echo 'make demo          build, boot, show pooled cgroups with 200 containers, pre-patched images with ten guests'
	@echo 'make check         every test; ends with "N passed, N failed"'
	@echo 'make check-fast    the tests that need no kernel build, in under three minutes'
	@echo 'make check-full    make check and the long gates (every prefix of the series, objects)'
	@echo 'make kernel-host   the test kernel, with the series applied'
	@echo 'make kernel-debug  the same with lockdep, KASAN, kmemleak and KUnit'
	@echo 'make kernel-guest  the guest kernel, for microVMs'
	@echo 'make guest-table   build the guest kernels of other projects (ANCHORS=folder) and compare; an hour'
	@echo 'make series        put edited overlay files into patches/'
	@echo 'make tools         cgpoolctl with libcgpool, kimg-prepatch'
	@echo 'make selftests     the kernel selftests of this project'
	@echo 'make bench         the benchmark; results in $(BUILD)/results'
	@echo 'make deps          install the Debian packages that all of these need'
	@echo 'make clean         remove $(BUILD)'
	@echo
	@echo 'KSRC=  kernel source tree or archive (default: Debian package linux-source-6.12)'
	@echo 'BUILD= folder for everything that is made (default: build)'

deps:
	@scripts/deps

demo: deps
	@scripts/demo

check: deps
	@scripts/check

check-fast: deps
	@scripts/check --fast

check-full: deps
	@scripts/check --full

kernel-host: deps
	@scripts/kbuild host

kernel-debug: deps
	@scripts/kbuild host-debug

kernel-guest: deps
	@scripts/kbuild guest

guest-table: deps
	@bench/guest-table/run

series:
	@scripts/series sync

tools: deps
	@test -f '$(BUILD)/tools/build.ninja' || meson setup '$(BUILD)/tools' tools
	@meson compile -C '$(BUILD)/tools'

selftests: deps
	@bash -euc '. scripts/lib.sh; . scripts/check.d/selftests.sh; build_selftests'

bench: deps
	@bench/cgroup/run

clean:
	rm -rf -- '$(BUILD)'
