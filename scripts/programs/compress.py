"""Compresses and restores four megabytes of text with zlib."""
import random
import zlib

generator = random.Random(1)
words = ["sun", "grid", "idle", "machine", "work", "light", "roof", "solar", "unit", "receipt"]
text = " ".join(generator.choice(words) + str(n % 97) for n in range(500_000)).encode()
packed = zlib.compress(text, 9)
assert zlib.decompress(packed) == text
print(len(text), len(packed), zlib.crc32(packed))
