// Runs a WASI command under Node's own WebAssembly and WASI, to compare with: node wasi.mjs MODULE IN OUT [ARGUMENTS].
// IN and OUT are folders that it sees as /in and /out.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [path, input, output, ...args] = process.argv.slice(2);
if (output === undefined) {
  console.error('usage: node wasi.mjs MODULE IN OUT [ARGUMENTS]');
  process.exit(2);
}
const env = { SUNGRID_UNIT: '0', SUNGRID_UNITS: '1' };
const wasi = new WASI({ version: 'preview1', args, env, preopens: { '/in': input, '/out': output }, returnOnExit: true });
const module = new WebAssembly.Module(readFileSync(path));
process.exitCode = wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()));
