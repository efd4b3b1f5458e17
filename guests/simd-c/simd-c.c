/* A guest with SIMD: sums and products of vectors, once in lanes and once one by one, and the bits of both. Exit status 1 if they
 * differ. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wasm_simd128.h>

enum { N = 4096 };
static float a[N], b[N];
static uint8_t text[N];

__attribute__((target("simd128"))) static void lanes(float out[4], uint32_t *letters)
{
	v128_t sum = wasm_f32x4_const_splat(0);
	for (int i = 0; i < N; i += 4)
		sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(a + i), wasm_v128_load(b + i)));
	wasm_v128_store(out, wasm_f32x4_sqrt(sum));
	*letters = 0;
	for (int i = 0; i < N; i += 16) {
		v128_t same = wasm_i8x16_eq(wasm_v128_load(text + i), wasm_u8x16_const_splat('e'));
		*letters += (uint32_t)__builtin_popcount(wasm_i8x16_bitmask(same));
	}
}

static void one_by_one(float out[4], uint32_t *letters)
{
	float sum[4] = {0};
	for (int i = 0; i < N; i++)
		sum[i % 4] += a[i] * b[i];
	for (int i = 0; i < 4; i++)
		out[i] = __builtin_sqrtf(sum[i]);
	*letters = 0;
	for (int i = 0; i < N; i++)
		*letters += text[i] == 'e';
}

int main(void)
{
	uint32_t state = 1, letters[2];
	for (int i = 0; i < N; i++) {
		state = state * 1664525u + 1013904223u;
		a[i] = (float)(state >> 8) / 16777216.0f;
		b[i] = (float)(state & 0xffff) / 65536.0f;
		text[i] = (uint8_t)('a' + (state >> 16) % 26);
	}
	float sums[2][4];
	lanes(sums[0], &letters[0]);
	one_by_one(sums[1], &letters[1]);
	for (int way = 0; way < 2; way++) {
		for (int i = 0; i < 4; i++) {
			uint32_t bits;
			memcpy(&bits, &sums[way][i], 4);
			printf("%08x ", (unsigned)bits);
		}
		printf("%u\n", (unsigned)letters[way]);
	}
	return memcmp(sums[0], sums[1], sizeof sums[0]) != 0 || letters[0] != letters[1];
}
