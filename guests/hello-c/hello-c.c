/* A guest in C: touches every part of the contract between a guest and Sungrid.
 *
 *   hello-c NAME
 *
 * Reads /in/NAME (or stdin, if NAME is "-"), writes to /out/report.txt what it found: its arguments, the
 * length of the input, an FNV-1a hash of it, and numbers whose last digits would show it if two machines
 * computed differently. Says the same on stdout. Exit status 1 if the input cannot be read. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: hello-c NAME\n");
		return 2;
	}
	FILE *input = stdin;
	if (strcmp(argv[1], "-") != 0) {
		char path[4096];
		int length = snprintf(path, sizeof path, "/in/%s", argv[1]);
		if (length < 0 || (size_t)length >= sizeof path) {
			fprintf(stderr, "hello-c: the name is too long\n");
			return 1;
		}
		input = fopen(path, "rb");
		if (!input) {
			perror(path);
			return 1;
		}
	}

	uint64_t hash = 14695981039346656037u;
	uint64_t bytes = 0;
	unsigned char block[4096];
	size_t got;
	while ((got = fread(block, 1, sizeof block, input)) > 0) {
		for (size_t i = 0; i < got; i++)
			hash = (hash ^ block[i]) * 1099511628211u;
		bytes += got;
	}
	if (ferror(input)) {
		fprintf(stderr, "hello-c: the input broke off\n");
		return 1;
	}

	/* Order and rounding of floating point show in the last digits of a long sum. */
	double sum = 0;
	for (int i = 1; i <= 100000; i++)
		sum += 1.0 / ((double)i * (double)i);

	FILE *report = fopen("/out/report.txt", "wb");
	if (!report) {
		perror("/out/report.txt");
		return 1;
	}
	FILE *both[] = { report, stdout };
	for (int i = 0; i < 2; i++) {
		fprintf(both[i], "arguments %d\nbytes %llu\nhash %016llx\nsum %.17g\ntime %lld\n", argc,
			(unsigned long long)bytes, (unsigned long long)hash, sum, (long long)time(NULL));
	}
	if (fclose(report) != 0 || fflush(stdout) != 0) {
		fprintf(stderr, "hello-c: the report could not be written\n");
		return 1;
	}
	return 0;
}
