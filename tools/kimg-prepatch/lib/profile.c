// SPDX-License-Identifier: GPL-2.0-only
/* Profiles: whole, of this kernel, and of a kind that patches can be known in advance for. */
#include <errno.h>

#include "private.h"

/* enum cfi_mode of the kernel */
#define CFI_OFF		1

#define CRC_START	offsetof(struct x86_prepatch_profile, build_id)

int kimg_profile_check(const struct x86_prepatch_profile *p, struct kimg_err *err)
{
	if (p->valid != 1)
		return kimg_fail(err, -EBADMSG, "profile is not complete");
	if (undo_crc((const uint8_t *)p + CRC_START, sizeof(*p) - CRC_START) != p->crc)
		return kimg_fail(err, -EBADMSG, "profile is damaged: wrong checksum");
	if (p->nr_cpuid > X86_PREPATCH_MAX_CPUID || p->nr_words > X86_PREPATCH_MAX_WORDS ||
	    p->nr_pv_ops > X86_PREPATCH_MAX_PV_OPS)
		return kimg_fail(err, -EBADMSG, "profile is damaged: too much of something");
	return 0;
}

int kimg_profile_parse(const void *data, size_t size, struct x86_prepatch_profile *profile,
		       struct kimg_err *err)
{
	if (size != sizeof(*profile))
		return kimg_fail(err, -EBADMSG, "not a profile: %zu bytes, not %zu", size,
				 sizeof(*profile));
	memcpy(profile, data, size);
	return kimg_profile_check(profile, err);
}

bool cpu_has(const struct cpu *cpu, unsigned int feature)
{
	return feature != X86_PREPATCH_F_NONE && feature / 32 < cpu->profile->nr_words &&
	       cpu->profile->words[feature / 32] >> feature % 32 & 1;
}

void cpu_init(struct cpu *cpu, const struct kimg *img, const struct x86_prepatch_profile *profile)
{
	const uint16_t *f = img->desc.features;

	*cpu = (struct cpu){ .img = img, .profile = profile };
	cpu->has_rethunk = cpu_has(cpu, f[X86_PREPATCH_F_RETHUNK]);
	cpu->has_retpoline = cpu_has(cpu, f[X86_PREPATCH_F_RETPOLINE]);
	cpu->has_retpoline_lfence = cpu_has(cpu, f[X86_PREPATCH_F_RETPOLINE_LFENCE]);
	cpu->has_its_thunk = cpu_has(cpu, f[X86_PREPATCH_F_INDIRECT_THUNK_ITS]);
}

static bool has_range(const struct kimg *img, enum x86_prepatch_ranges nr)
{
	return image_range(img, nr)->start != image_range(img, nr)->end;
}

int kimg_profile_fits(const struct kimg *img, const struct x86_prepatch_profile *p,
		      struct kimg_err *err)
{
	const struct x86_prepatch_desc *d = &img->desc;
	const struct x86_prepatch_range *pv = image_range(img, X86_PREPATCH_PV_OPS);
	struct cpu cpu;
	unsigned int i;
	int ret;

	ret = kimg_profile_check(p, err);
	if (ret)
		return ret;
	if (memcmp(p->build_id, img->build_id, sizeof(p->build_id)))
		return kimg_fail(err, -ESTALE, "profile is of another kernel: build ids differ");
	if (p->nr_words != d->ncapints + d->nbugints || p->nr_pv_ops != (pv->end - pv->start) / 8)
		return kimg_fail(err, -EBADMSG,
				 "profile is damaged: not laid out like this kernel");
	cpu_init(&cpu, img, p);
	if (p->flags & X86_PREPATCH_CALL_THUNKS ||
	    cpu_has(&cpu, d->features[X86_PREPATCH_F_CALL_DEPTH]))
		return kimg_fail(err, -EOPNOTSUPP,
				 "profile has call depth tracking (retbleed=stuff), which can't be pre-patched");
	if (p->flags & X86_PREPATCH_CFI_RANDOM)
		return kimg_fail(err, -EOPNOTSUPP,
				 "profile has FineIBT with random hashes, which can't be pre-patched (cfi=norand)");
	if (p->cfi_mode > CFI_OFF || (p->cfi_mode != CFI_OFF && has_range(img, X86_PREPATCH_CFI)))
		return kimg_fail(err, -EOPNOTSUPP,
				 "profile has kernel CFI (mode %u), which can't be pre-patched",
				 p->cfi_mode);
	if (p->flags & ~(X86_PREPATCH_LA57 | X86_PREPATCH_CALL_THUNKS | X86_PREPATCH_CFI_RANDOM))
		return kimg_fail(err, -EOPNOTSUPP, "profile has unknown flags %#x", p->flags);
	if (cpu.has_rethunk && !image_range_has(img, X86_PREPATCH_TEXT, p->return_thunk, 1))
		return kimg_fail(err, -EBADMSG, "profile is damaged: return thunk at %#llx",
				 (unsigned long long)p->return_thunk);
	for (i = 0; i < p->nr_pv_ops; i++)
		/* Some members are data (names, numbers), so this is checked where it is called. */
		if (p->pv_ops[i] && p->pv_ops[i] >> 32 == 0xffffffff &&
		    p->pv_ops[i] < d->ranges[X86_PREPATCH_TEXT].start)
			return kimg_fail(err, -EBADMSG,
					 "profile is damaged: pv_ops[%u] is %#llx", i,
					 (unsigned long long)p->pv_ops[i]);
	return 0;
}
