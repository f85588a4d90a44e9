import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { sums } from '../runs/tiny-run.js';

/** A base model of a second. */
export const tiny = {
  supervise: 'tiny',
  seed: 2,
  steps: 3,
  model: { hiddenSize: 16, layers: 1, heads: 2, contextLength: 48 },
  prompts: { file: 'sums.jsonl', heldOut: 4 },
  completion: '{{ trace }}',
  hinted: { template: 'As in {{ trace }}: {{ question }}' },
  learn: { batch: 8, lr: 1e-2, threads: 1 },
  verify: { math: { answer: 'last' } },
};

/** The file, changed as given, next to its prompts; gone after the test. */
export function tinyFile(change: object = {}, lines: readonly string[] = sums(40)): string {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-supervise-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'sums.jsonl'), `${lines.join('\n')}\n`);
  const file = join(folder, 'tiny.yaml');
  writeFileSync(file, stringify({ ...tiny, ...change }));
  return file;
}
