// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCG plugin of QEMU: how many instructions does the guest execute from the first one at address
 * "from" to the first one at address "to"?  Time that the CPU sleeps isn't part of it, as it is of
 * guest clocks with -icount.  Prints "insn N" through the log of plugins (-d plugin) once.
 *
 * qemu -plugin insncount.so,from=0x1000000,to=0x70001000 -d plugin -D FILE
 *
 * Exact with one CPU only.  The few declarations are those of QEMU's plugin API, version 1, so that
 * no header of QEMU has to be installed.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT	__attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_INLINE_ADD_U64 };

typedef void (*vcpu_tb_trans_t)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*vcpu_udata_t)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, vcpu_tb_trans_t cb);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, vcpu_udata_t cb,
					    int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *at,
						uint64_t add);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t idx);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_outs(const char *text);

EXPORT int qemu_plugin_version = 1;

static uint64_t executed, started, from, to;
static bool running, told;

static void begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	if (!running)
		started = executed;
	running = true;
}

static void end(unsigned int cpu, void *data)
{
	char text[64];

	(void)cpu;
	(void)data;
	if (!running || told)
		return;
	told = true;
	snprintf(text, sizeof(text), "insn %" PRIu64 "\n", executed - started);
	qemu_plugin_outs(text);
}

/* The order matters: an instruction is counted after begin() or end() saw it. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t addr = qemu_plugin_insn_vaddr(insn);

		if (addr == from || addr == to)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, addr == from ? begin : end,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   &executed, 1);
	}
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
			       char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "from=", 5))
			from = strtoull(argv[i] + 5, NULL, 0);
		else if (!strncmp(argv[i], "to=", 3))
			to = strtoull(argv[i] + 3, NULL, 0);
		else
			return -1;
	}
	if (!from || !to)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
