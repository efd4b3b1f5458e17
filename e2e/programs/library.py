"""What programs use of the standard library, and the last bits of its numbers."""
import base64
import collections
import csv
import datetime
import decimal
import difflib
import fractions
import hashlib
import hmac
import heapq
import io
import itertools
import json
import math
import pickle
import random
import sqlite3
import statistics
import struct
import textwrap
import unicodedata
import zipfile
import zlib

text = open("/in/text.txt", encoding="utf-8").read()
data = text.encode()

print(hashlib.sha256(data).hexdigest(), hashlib.blake2b(data, digest_size=8).hexdigest())
print(hashlib.md5(data).hexdigest(), hmac.new(b"key", data, "sha1").hexdigest())
packed = zlib.compress(data * 50, 9)
print(zlib.crc32(data), len(packed), zlib.decompress(packed) == data * 50)
print(base64.b85encode(data[:40]).decode(), struct.pack("<if?q", -7, 1.5, True, 2**40).hex())
print(unicodedata.normalize("NFD", "Ångström").encode().hex(), "ß".upper(), "İ".lower().encode().hex())

for function in (math.sin, math.exp, math.lgamma, math.erf, math.atan, math.cbrt, math.log1p):
    print(function.__name__, *(function(x).hex() for x in (0.1, 0.7, 1.9)))
print((0.1 + 0.2).hex(), float("nan") == float("nan"), -0.0, 1e308 * 10, round(2.675, 2), f"{math.pi:.30f}")
print(math.fsum([0.1] * 10), math.dist((1, 2), (4, 6)), pow(3, 10**5, 10**9 + 7), 2**521 - 1)
decimal.getcontext().prec = 50
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7, fractions.Fraction(355, 113) + 1)
print(statistics.stdev([1, 2, 3.5, 9]), statistics.quantiles(range(100), n=7))
generator = random.Random(7)
print([generator.random().hex() for _ in range(3)], generator.sample(range(1000), 5), generator.gauss(0, 1).hex())

when = datetime.datetime(2024, 2, 29, 23, 59, 59, tzinfo=datetime.timezone.utc)
print(when.isoformat(), (when + datetime.timedelta(days=366)).strftime("%A %j %U"), when.timestamp())
print(json.loads('{"a": [1, 2.5e-3, "\\u00e9", null, true]}'), json.dumps({"é": [1e22, -0.0]}, sort_keys=True))
print(list(csv.reader(io.StringIO('a,"b ""c""",d\n1,2,3\n'))))
print(pickle.loads(pickle.dumps({"x": (1, 2**70, b"z", {3})})), collections.Counter("mississippi").most_common(2))
print(list(itertools.islice(heapq.merge([1, 4, 9], [2, 3, 10]), 4)), textwrap.shorten(text, 40))
print("".join(difflib.unified_diff(["a\n", "b\n"], ["a\n", "c\n"])))

database = sqlite3.connect(":memory:")
database.execute("create table words (word text primary key, length integer)")
database.executemany("insert or ignore into words values (?, ?)", ((word, len(word)) for word in text.split()))
print(database.execute("select length, count(*), group_concat(word) from (select * from words order by word) group by length").fetchall())

with zipfile.ZipFile("/out/texts.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name in ("one.txt", "two.txt"):
        archive.writestr(zipfile.ZipInfo(name), text)
with zipfile.ZipFile("/out/texts.zip") as archive:
    print(archive.namelist(), archive.read("two.txt") == data)
