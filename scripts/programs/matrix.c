/* Product of two matrices of doubles, and a digest of its bits. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { N = 512 };
static double a[N][N], b[N][N], c[N][N];

int main(void)
{
	uint32_t state = 1;
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			state = state * 1664525u + 1013904223u;
			a[i][j] = (double)(state >> 8) / 16777216.0;
			b[j][i] = (double)(state & 0xffff) / 65536.0;
		}
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			for (int j = 0; j < N; j++)
				c[i][j] += a[i][k] * b[k][j];
	uint64_t digest = 14695981039346656037u;
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			uint64_t bits;
			memcpy(&bits, &c[i][j], sizeof bits);
			digest = (digest ^ bits) * 1099511628211u;
		}
	printf("%016llx\n", (unsigned long long)digest);
	return 0;
}
