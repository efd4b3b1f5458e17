// What programs use of the language, and the last bits of its numbers.
const text = readFile('/in/text.txt');
const words = text.toLowerCase().match(/\p{L}+/gu);
const counts = new Map();
for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
print(words.length, JSON.stringify([...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, 5)));

const bits = (x) => new BigUint64Array(new Float64Array([x]).buffer)[0].toString(16);
for (const name of ['sin', 'exp', 'atan', 'cbrt', 'log1p', 'tanh', 'pow']) {
  print(name, [0.1, 0.7, 1.9].map((x) => bits(Math[name](x, 3.3))).join(' '));
}
print(0.1 + 0.2, 1e21, -0, 5e-324, (25).toString(36), (0.1).toFixed(20), 123.456.toPrecision(4), NaN);
print(2n ** 200n, BigInt.asUintN(64, -1n), (-7) % 3, 7 / 0, 1 << 31, 2 ** 53 + 1);
print(new Date(Date.UTC(2024, 1, 29, 23, 59, 59)).toISOString(), new Date('2024-03-01T00:00:00Z').getTime(), new Date(0).getTimezoneOffset());
print([3, 1, 2].toSorted(), Object.groupBy([1, 2, 3], (n) => (n % 2 ? 'odd' : 'even')), 'abc'.at(-1), [..."👩‍🚀é"].length);
print('x'.padStart(3, '-'), 'a-b-c'.replaceAll('-', '+'), /(?<year>\d{4})/.exec('in 2024').groups.year, 'İ'.toLowerCase().length);
class Point { #x = 1; static of = () => new Point(); get x() { return this.#x; } }
print(Point.of().x, [...(function* () { yield* [1, 2]; })()], structured({ a: [1, { b: 2 }] }));
function structured(value) { return JSON.parse(JSON.stringify(value)); }
const order = [];
Promise.resolve().then(() => order.push('microtask')).then(() => print('order', order));
order.push('script');
writeFile('/out/bytes.bin', Uint8Array.from({ length: 300 }, (_, n) => n));
print(readBytes('/out/bytes.bin').reduce((a, b) => a + b, 0), text.length, new Uint8Array(3).fill(7));
let state = 1;
const list = Array.from({ length: 20000 }, (_, n) => ({ n, key: (state = (state * 1103515245 + 12345) % 2147483648) }));
list.sort((a, b) => a.key - b.key);
print(list[0].n, list[19999].n, JSON.stringify(list).length);
