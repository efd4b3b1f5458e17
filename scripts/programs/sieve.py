"""Counts primes, and words, with loops, dictionaries and integers."""
limit = 400_000
sieve = bytearray([1]) * (limit + 1)
for n in range(2, int(limit**0.5) + 1):
    if sieve[n]:
        sieve[n * n :: n] = bytes(len(range(n * n, limit + 1, n)))
counts = {}
for n in range(2, limit):
    if sieve[n]:
        counts[n % 1000] = counts.get(n % 1000, 0) + 1
print(sum(counts.values()), max(counts.values()), hex(pow(3, 20_000)).count("a"))
