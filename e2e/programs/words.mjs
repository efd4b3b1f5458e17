// Counts the words of each file that it is given, into /out/NAME.json, with a module of its own beside it.
import { count } from './count.mjs';

if (scriptArgs.length < 2) {
  console.error('which files?');
  exit(2);
}
for (const path of scriptArgs.slice(1)) {
  const found = count(readFile(path));
  const name = path.split('/').at(-1);
  writeFile(`/out/${name}.json`, JSON.stringify(found));
  print(name, found.words);
}
await Promise.resolve();
console.error('done');
