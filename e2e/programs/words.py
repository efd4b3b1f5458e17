"""Counts the words of each file that it is given, into /out/NAME.json; says the most frequent ones. --top N: how many."""
import argparse
import collections
import json
import os
import re

parser = argparse.ArgumentParser()
parser.add_argument("files", nargs="+")
parser.add_argument("--top", type=int, default=3)
options = parser.parse_args()

for path in options.files:
    with open(path, encoding="utf-8") as file:
        counts = collections.Counter(re.findall(r"\w+", file.read().lower()))
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: options.top]
    name = os.path.basename(path)
    with open(f"/out/{name}.json", "w", encoding="utf-8") as file:
        json.dump({"words": sum(counts.values()), "top": top}, file, ensure_ascii=False)
    print(name, top)
