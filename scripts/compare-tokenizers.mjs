// Compares the tokenizers of model folders with Hugging Face's tokenizers: ids and decoded texts.
//
//   node scripts/compare-tokenizers.mjs [--python PYTHON] [--count N] FOLDER…
//
// PYTHON: an interpreter with tokenizers installed; default python3. N: texts, default 12000. Needs a build (npm run
// build). The texts are the same each time.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readTokenizer } from '../dist/models/tokenizer.js';

const { values, positionals: folders } = parseArgs({
  allowPositionals: true,
  options: { python: { type: 'string', default: 'python3' }, count: { type: 'string', default: '12000' } },
});
if (folders.length === 0) {
  console.error('usage: node scripts/compare-tokenizers.mjs [--python PYTHON] [--count N] FOLDER…');
  process.exit(2);
}

/** Numbers in [0, 1) from a seed (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
const next = random(1);
const below = (n) => Math.floor(next() * n);
const pick = (list) => list[below(list.length)];
const some = (make, most) => Array.from({ length: 1 + below(most) }, make);

/** [first, last] code points of scripts, symbols and what is rare. */
const ranges = [
  [0x20, 0x7e],
  [0xa0, 0xff],
  [0x100, 0x24f],
  [0x300, 0x36f],
  [0x370, 0x3ff],
  [0x400, 0x4ff],
  [0x590, 0x5f4],
  [0x600, 0x6ff],
  [0x900, 0x97f],
  [0xe00, 0xe5b],
  [0x1100, 0x11ff],
  [0x1e00, 0x1fff],
  [0x2000, 0x206f],
  [0x2070, 0x218b],
  [0x2190, 0x23ff],
  [0x3000, 0x30ff],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe00, 0xfe0f],
  [0xff00, 0xffef],
  [0x1d400, 0x1d7ff],
  [0x1f300, 0x1faff],
  [0x20000, 0x200ff],
  [0xe0100, 0xe01ef],
  [0x0, 0x1f],
  [0x7f, 0x9f],
];
const words =
  "the a of rain 3.14 2024 12345 don't I'LL we'Ve it's x_1 fooBar HTTPServer naïve Straße ﬁn Ⅷ ½ œuvre".split(' ');
const spaces = [
  ' ',
  '  ',
  '   ',
  '\n',
  '\n\n',
  '\r\n',
  '\t',
  ' \n ',
  '\u00a0',
  '\u3000',
  '\u2028',
  '\u200b',
  '\ufeff',
  '\f',
  '\v',
  '\u0085',
];
const marks = [
  '.',
  ',',
  '...',
  '!?',
  '()',
  '{}',
  '[]',
  '<|',
  '|>',
  '</s>',
  '<s>',
  '<unk>',
  '#',
  '$',
  '\\',
  '`',
  "'",
  '"',
  "'S",
  "'ſ",
  '▁',
  'Ġ',
  '—',
];
const emoji = ['👩‍👩‍👧', '🏳️‍🌈', '👍🏽', '🇵🇹', 'e\u0301', 'ñ', 'か\u3099', '각', 'ﷺ', 'İ', 'ǅ', '\ud835\udd38'];

const charOf = ([first, last]) => String.fromCodePoint(first + below(last - first + 1));
const kinds = [
  () => some(() => pick(words), 12).join(' '),
  () => some(() => pick(words) + pick(spaces) + pick(marks), 10).join(''),
  () => {
    const range = pick(ranges);
    return some(() => charOf(range), 24).join('');
  },
  () => some(() => charOf(pick(ranges)), 20).join(''),
  () => some(() => pick([...emoji, ...spaces, ...marks, ...words]), 14).join(''),
  () => some(() => String(below(10 ** (1 + below(12)))) + pick([' ', ',', '.', '', '+', '\n']), 8).join(''),
  () => pick(spaces).repeat(1 + below(40)) + pick(words) + pick(spaces).repeat(below(8)),
  () =>
    `${' '.repeat(below(9))}def f${below(99)}(${pick(words)}):\n${'\t'.repeat(below(4))}return ${pick(words)} ${pick(marks)}\n`,
  () => pick([...words, ...marks, 'a', '你', 'я', '0']).repeat(1 + below(50)),
  () => `${pick(marks)}${pick(spaces)}${pick(emoji)}${pick(marks)}`,
];
/** Valid Unicode, which is all that the reference takes. */
const texts = Array.from({ length: Number(values.count) }, (_, i) => kinds[i % kinds.length]().toWellFormed());

const work = mkdtempSync(join(tmpdir(), 'compare-'));
const [request, answer] = [join(work, 'request.json'), join(work, 'answer.json')];
const script = fileURLToPath(new URL('compare-tokenizers.py', import.meta.url));
for (const folder of folders) {
  const tokenizer = readTokenizer(folder, Number.MAX_SAFE_INTEGER);
  // Added tokens of this very tokenizer, with and without space around them.
  const added = tokenizer.addedTokens.map(({ content }) => content);
  const all = [
    ...texts,
    ...added
      .slice(0, 300)
      .flatMap((token) => [token, `a ${token} b`, `x${token}y`, `${token}${token}`, `<${token.slice(1)}`]),
  ].map((text) => text.toWellFormed());
  writeFileSync(request, JSON.stringify({ folder, texts: all }));
  execFileSync(values.python, [script, request, answer], { stdio: ['ignore', 'ignore', 'inherit'] });
  const expected = JSON.parse(readFileSync(answer, 'utf8'));
  const wrong = { ids: 0, decoded: 0 };
  for (const [i, [ids, decoded]] of expected.entries()) {
    const found = tokenizer.encode(all[i]);
    if (found.join() !== ids.join() && ++wrong.ids <= 8)
      console.log(`ids of ${JSON.stringify(all[i])}: [${found}], expected [${ids}]`);
    const text = tokenizer.decode(Int32Array.from(ids), { skipSpecial: false });
    if (text !== decoded && ++wrong.decoded <= 8)
      console.log(`text of [${ids}]: ${JSON.stringify(text)}, expected ${JSON.stringify(decoded)}`);
  }
  console.log(
    `${folder}: ${all.length} texts, ${wrong.ids} with other ids, ${wrong.decoded} with another decoded text`,
  );
  if (wrong.ids + wrong.decoded > 0) process.exitCode = 1;
}
rmSync(work, { recursive: true });
