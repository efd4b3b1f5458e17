"""Runs WASI commands under wasmtime as it comes, with its own WASI, to compare with.

Reads one JSON object a line: module, args, env (pairs), in and out (folders that the command sees as /in, read-only, and /out),
stdin (a file), stdout and stderr (files to write). Answers each with a line: {"exit": CODE}, or {"trap": MESSAGE}.
"""
import json
import sys

from wasmtime import Config, Engine, ExitTrap, Linker, Module, Store, WasiConfig, WasmtimeError

config = Config()
# Compiled modules are kept on disk: CPython takes long.
config.cache = True
engine = Engine(config)
linker = Linker(engine)
linker.define_wasi()
commands = {}


def command(path):
    if path not in commands:
        commands[path] = linker.instantiate_pre(Module.from_file(engine, path))
    return commands[path]


def run(case):
    wasi = WasiConfig()
    wasi.argv = case["args"]
    wasi.env = case["env"]
    wasi.preopen_dir(case["in"], "/in", fs_mutable=False)
    wasi.preopen_dir(case["out"], "/out")
    wasi.stdin_file = case["stdin"]
    wasi.stdout_file = case["stdout"]
    wasi.stderr_file = case["stderr"]
    store = Store(engine)
    store.set_wasi(wasi)
    try:
        command(case["module"]).instantiate(store).exports(store)["_start"](store)
        return {"exit": 0}
    except ExitTrap as exit:
        return {"exit": exit.code}
    except WasmtimeError as trap:
        return {"trap": str(trap)}
    finally:
        # Closes the files that it writes to.
        store.close()


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
