# A WASI command over files as tasks of Ray, one a file, under the wasmtime of PyPI: map_ray.py MODULE IN OUT.
# Each file NAME below IN is seen as /in/NAME, and what the command writes to /out stands in OUT/NAME.
import os
import sys

import ray
import wasmtime

ready = {}


def engine(module):
    """The module, compiled once in each process of Ray."""
    if module not in ready:
        made = wasmtime.Engine()
        linker = wasmtime.Linker(made)
        linker.define_wasi()
        ready[module] = made, linker, wasmtime.Module.from_file(made, module)
    return ready[module]


@ray.remote
def run(path, inputs, outputs, name):
    made, linker, module = engine(path)
    out = os.path.join(outputs, name)
    os.makedirs(out)
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["hello-c", name]
    wasi.preopen_dir(inputs, "/in")
    wasi.preopen_dir(out, "/out")
    wasi.stdout_file = os.path.join(out, "stdout")
    store = wasmtime.Store(made)
    store.set_wasi(wasi)
    try:
        linker.instantiate(store, module).exports(store)["_start"](store)
    except wasmtime.ExitTrap as ended:
        if ended.code:
            raise RuntimeError(f"{name}: exit code {ended.code}") from None


path, inputs, outputs = (os.path.abspath(argument) for argument in sys.argv[1:4])
names = [
    os.path.relpath(os.path.join(folder, file), inputs)
    for folder, _, files in os.walk(inputs)
    for file in files
]
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
ray.get([run.remote(path, inputs, outputs, name) for name in names])
ray.shutdown()
