// What a script finds beside the language: arguments, files below /in and /out, streams. See guests/README.md.
(() => {
  'use strict';
  const host = globalThis.__host;
  delete globalThis.__host;
  const [WRITE, READ_FILE, WRITE_FILE, TEXT, EXIT, ARGUMENTS, EVALUATE, HOOKS] = [0, 1, 2, 3, 4, 5, 6, 7];
  const MODULE = 1;
  const reasons = { 31: 'it is a folder', 33: 'too many open files', 44: 'there is no such file', 54: 'a part of the path is no folder',
    69: 'it is read-only', 76: 'it is outside /in and /out' };

  // The preopened folder and the path in it. Relative paths are below /in.
  const place = (path) => {
    path = String(path);
    if (path.startsWith('/in/')) return [3, path.slice(4)];
    if (path.startsWith('/out/')) return [4, path.slice(5)];
    if (path.startsWith('/')) throw new Error(`cannot use ${path}: ${reasons[76]}`);
    return [3, path];
  };
  const failed = (verb, path, errno) => new Error(`cannot ${verb} ${path}: ${reasons[errno] ?? `error ${errno}`}`);
  const buffer = (data) => {
    if (data instanceof ArrayBuffer) return data.byteLength ? data : '';
    if (!ArrayBuffer.isView(data)) return String(data);
    return data.byteLength ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : '';
  };
  const shown = (value) => {
    if (typeof value === 'string') return value;
    // Frames below the script's own are of this file.
    if (value instanceof Error) return `${value}\n${value.stack ?? ''}`.split('\n    at __host')[0].trimEnd();
    if (typeof value !== 'object' || value === null) return String(value);
    try {
      return JSON.stringify(value) ?? String(value);
    } catch {
      return String(value);
    }
  };
  const line = (fd) => (...values) => {
    host(WRITE, fd, `${values.map(shown).join(' ')}\n`);
  };

  const readBytes = (path) => {
    const bytes = host(READ_FILE, ...place(path));
    if (typeof bytes === 'number') throw failed('read', path, bytes);
    return bytes;
  };
  const text = (bytes) => (bytes.byteLength ? host(TEXT, buffer(bytes)) : '');
  const readFile = (path) => text(readBytes(path));
  const writeFile = (path, data) => {
    const errno = host(WRITE_FILE, ...place(path), buffer(data));
    if (errno) throw failed('write', path, errno);
  };
  const exit = (code = 0) => host(EXIT, code);
  const report = (error) => {
    line(2)(error);
    exit(1);
  };

  // Modules are files; what an import names is relative to the file that imports it.
  const normalize = (base, name) => {
    if (!name.startsWith('.') && !name.startsWith('/')) {
      throw new Error(`cannot import ${name}: give the path of a file, such as ./${name}.js`);
    }
    const parts = name.startsWith('/') ? [] : base.split('/').slice(0, -1);
    for (const part of name.split('/')) {
      if (part === '..') parts.pop();
      else if (part !== '' && part !== '.') parts.push(part);
    }
    return `${name.startsWith('/') ? '/' : ''}${parts.join('/')}`;
  };
  host(HOOKS, normalize, readFile, report);

  const args = host(ARGUMENTS);
  const define = (name, value) => {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  };
  const console = { log: line(1), info: line(1), debug: line(1), warn: line(2), error: line(2) };
  const names = { console, print: line(1), readFile, readBytes, writeFile, text, exit, scriptArgs: args.slice(1) };
  for (const [name, value] of Object.entries(names)) define(name, value);

  if (args.length < 2) {
    line(2)(`usage: ${args[0] ?? 'quickjs'} SCRIPT.js [ARGUMENTS]: which script is to be run?`);
    exit(2);
  }
  try {
    const script = args[1];
    // A file that imports or exports says so by its name; every other one is a script.
    const result = host(EVALUATE, readFile(script), script, script.endsWith('.mjs') ? MODULE : 0);
    if (script.endsWith('.mjs')) result.then(undefined, report);
  } catch (error) {
    report(error);
  }
})();
