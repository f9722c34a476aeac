// Two lists of steps side by side: which step of one is which step of the other.

const MOST_CELLS = 4_000_000;

/** For each place of `a` its place in `b`, -1 for none; pairs never cross. */
export function align(a: Int32Array, b: Int32Array): Int32Array {
  const pairs = new Int32Array(a.length).fill(-1);
  const open: [number, number, number, number][] = [[0, a.length, 0, b.length]];
  while (open.length) {
    let [from, to, other, end] = open.pop()!;
    while (from < to && other < end && a[from] === b[other]) pairs[from++] = other++;
    while (from < to && other < end && a[to - 1] === b[end - 1]) pairs[--to] = --end;
    if (from >= to || other >= end) continue;
    const anchors = unique(a, b, from, to, other, end);
    if (anchors.length) {
      for (const [at, there] of [...anchors, [to, end] as const]) {
        open.push([from, at, other, there]);
        if (at < to) pairs[at] = there;
        [from, other] = [at + 1, there + 1];
      }
    } else if ((to - from) * (end - other) <= MOST_CELLS) longest(a, b, from, to, other, end, pairs);
  }
  return pairs;
}

/** Steps that stand exactly once on both sides, as many as keep their order. */
function unique(a: Int32Array, b: Int32Array, from: number, to: number, other: number, end: number): [number, number][] {
  const seen = new Map<number, [number, number, number, number]>();
  for (let at = from; at < to; at++) {
    const entry = seen.get(a[at]!);
    if (entry) entry[0]++;
    else seen.set(a[at]!, [1, at, 0, 0]);
  }
  for (let at = other; at < end; at++) {
    const entry = seen.get(b[at]!);
    if (entry) [entry[2], entry[3]] = [entry[2] + 1, at];
  }
  const both = [...seen.values()].filter(([left, , right]) => left === 1 && right === 1).map(([, at, , there]): [number, number] => [at, there]);
  return rising(both.sort((x, y) => x[0] - y[0]));
}

/** The longest part of the pairs in which the second places rise too. */
function rising(pairs: [number, number][]): [number, number][] {
  const tails: number[] = [];
  const before = new Int32Array(pairs.length);
  pairs.forEach(([, there], at) => {
    let low = 0;
    for (let high = tails.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (pairs[tails[middle]!]![1] < there) low = middle + 1;
      else high = middle;
    }
    before[at] = low ? tails[low - 1]! : -1;
    tails[low] = at;
  });
  const found: [number, number][] = [];
  for (let at = tails.length ? tails[tails.length - 1]! : -1; at >= 0; at = before[at]!) found.push(pairs[at]!);
  return found.reverse();
}

/** The longest common part, by the table of all lengths. */
function longest(a: Int32Array, b: Int32Array, from: number, to: number, other: number, end: number, pairs: Int32Array): void {
  const [rows, columns] = [to - from, end - other];
  const table = new Uint32Array((rows + 1) * (columns + 1));
  const at = (i: number, j: number) => i * (columns + 1) + j;
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      table[at(i, j)] = a[from + i] === b[other + j] ? table[at(i + 1, j + 1)]! + 1 : Math.max(table[at(i + 1, j)]!, table[at(i, j + 1)]!);
    }
  }
  for (let i = 0, j = 0; i < rows && j < columns; ) {
    if (a[from + i] === b[other + j]) pairs[from + i++] = other + j++;
    else if (table[at(i + 1, j)]! >= table[at(i, j + 1)]!) i++;
    else j++;
  }
}
