"""Runs a script under the native QuickJS of PyPI's quickjs-ng and prints the milliseconds of processor time it took.

    native_quickjs.py SCRIPT.js
"""

import sys
import time

import quickjs

with open(sys.argv[1], encoding="utf-8") as file:
    script = file.read()
context = quickjs.Context()
context.add_callable("print", lambda *values: None)
start = time.process_time()
context.eval(script)
print(round((time.process_time() - start) * 1000))
