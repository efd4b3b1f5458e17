// Makes, sorts and serialises objects.
let state = 1;
const list = Array.from({ length: 100000 }, (_, n) => ({ n, key: (state = (state * 1103515245 + 12345) % 2147483648) }));
list.sort((a, b) => a.key - b.key);
const text = JSON.stringify(list);
let sum = 0;
for (const item of JSON.parse(text)) sum = (sum * 31 + item.n) % 1000000007;
print(text.length, sum);
