import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readTokenizer } from '../../src/models/tokenizer.js';

const root = fileURLToPath(new URL('tokenizers', import.meta.url));

interface Reference {
  readonly definition: object;
  /** What Hugging Face's tokenizers makes of each text; `scripts/tokenizer-reference.py` writes them. */
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[];
}

it.each(readdirSync(root))('%s: the ids and texts of the reference implementation', (name) => {
  const { definition, cases } = JSON.parse(readFileSync(join(root, name), 'utf8')) as Reference;
  const folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(definition));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ eos_token: '<|end|>' }));
  const { encode, decode } = readTokenizer(folder, 1000);
  expect(cases.length).toBeGreaterThan(10);
  for (const { text, ids, decoded } of cases) {
    expect([...encode(text)], text).toEqual(ids);
    expect(decode(Int32Array.from(ids), { skipSpecial: false }), text).toBe(decoded);
  }
});
