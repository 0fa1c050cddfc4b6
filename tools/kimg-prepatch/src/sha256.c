// SPDX-License-Identifier: GPL-2.0-only
/* SHA-256 (FIPS 180-4), for the manifest: too little to depend on a library for. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define BLOCK	64

static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t ror(uint32_t v, unsigned int n)
{
	return v >> n | v << (32 - n);
}

static void do_block(struct sha256 *ctx, const uint8_t *p)
{
	uint32_t w[64], v[8];
	unsigned int i;

	for (i = 0; i < 16; i++)
		w[i] = (uint32_t)p[i * 4] << 24 | (uint32_t)p[i * 4 + 1] << 16 |
		       (uint32_t)p[i * 4 + 2] << 8 | p[i * 4 + 3];
	for (; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, ctx->h, sizeof(v));
	for (i = 0; i < 64; i++) {
		uint32_t a = v[0], e = v[4];
		uint32_t t1 = v[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
			      ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
			      ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (i = 0; i < 8; i++)
		ctx->h[i] += v[i];
}

void sha256_init(struct sha256 *ctx)
{
	*ctx = (struct sha256){ .h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				       0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_update(struct sha256 *ctx, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t at = ctx->len % BLOCK, n;

	ctx->len += len;
	while (len) {
		if (!at && len >= BLOCK) {
			do_block(ctx, p);
			p += BLOCK;
			len -= BLOCK;
			continue;
		}
		n = BLOCK - at < len ? BLOCK - at : len;
		memcpy(ctx->block + at, p, n);
		at += n;
		p += n;
		len -= n;
		if (at == BLOCK) {
			do_block(ctx, ctx->block);
			at = 0;
		}
	}
}

void sha256_final(struct sha256 *ctx, uint8_t hash[SHA256_SIZE])
{
	uint8_t tail[BLOCK + 8] = { 0x80 };
	uint64_t bits = ctx->len * 8;
	size_t n = (ctx->len % BLOCK < 56 ? 56 : 56 + BLOCK) - ctx->len % BLOCK;
	unsigned int i;

	for (i = 0; i < 8; i++)
		tail[n + i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_update(ctx, tail, n + 8);
	for (i = 0; i < SHA256_SIZE; i++)
		hash[i] = (uint8_t)(ctx->h[i / 4] >> (24 - i % 4 * 8));
}

int sha256_file(const char *path, char text[2 * SHA256_SIZE + 1])
{
	uint8_t hash[SHA256_SIZE], *buf;
	const size_t room = 1U << 20;
	struct sha256 ctx;
	int fd, ret = 0;
	ssize_t n;

	buf = malloc(room);
	if (!buf)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		free(buf);
		return -errno;
	}
	sha256_init(&ctx);
	while ((n = read(fd, buf, room))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ret = -errno;
			break;
		}
		sha256_update(&ctx, buf, (size_t)n);
	}
	close(fd);
	free(buf);
	sha256_final(&ctx, hash);
	report_hex(text, hash, sizeof(hash));
	return ret;
}
