import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportRun } from '../../src/runs/bundle/export.js';
import { importRun } from '../../src/runs/bundle/import.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import { rewriteEmbedded } from '../../src/topics/embedded/rewrite.js';
import { newTinyFolder, tinyRun } from './tiny-run.js';

let base: string;
let run: string;
beforeAll(async () => {
  process.umask(0o022);
  base = newTinyFolder();
  run = (await tinyRun(base, 'run', { steps: 1 })).folder;
});
afterAll(() => rmSync(base, { recursive: true }));

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** Modes of a folder and of all that is in it. */
const modes = (folder: string) =>
  Object.fromEntries(['', ...readdirSync(folder).sort()].map((name) => [name, mode(join(folder, name))]));

it("a run's topics, which contain references and documents, can be read by their owner alone", async () => {
  expect(modes(join(run, 'topics'))).toEqual({ '': '700', 'data.mdb': '600', 'lock.mdb': '600' });
  // Forgetting a document writes the file again.
  await rewriteEmbedded(join(run, 'topics'));
  expect(mode(join(run, 'topics', 'data.mdb'))).toBe('600');
});

it('a log that an older release made readable is closed when it is next written', async () => {
  const folder = join(base, 'open');
  mkdirSync(folder);
  await (await openEmbedded(folder)).close();
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644);
  chmodSync(folder, 0o755);
  await (await openEmbedded(folder)).close();
  expect(modes(folder)).toEqual({ '': '700', 'data.mdb': '600', 'lock.mdb': '600' });
});

it('a bundle and what is imported from it can be read by their owner alone', async () => {
  const file = join(base, 'run.tar');
  await exportRun(run, { to: file });
  expect(mode(file)).toBe('600');
  const to = join(base, 'moved');
  await importRun(file, to);
  expect(mode(to)).toBe('700');
  expect(mode(join(to, 'inputs'))).toBe('700');
  expect(mode(join(to, 'inputs', 'sums.jsonl'))).toBe('600');
  expect(modes(join(to, 'topics'))).toEqual({ '': '700', 'data.mdb': '600', 'lock.mdb': '600' });
});

it('a folder that is already closer stays as it is', async () => {
  const folder = join(base, 'closed');
  mkdirSync(folder, { mode: 0o500 });
  writeFileSync(join(base, 'unrelated'), '');
  chmodSync(folder, 0o700);
  await (await openEmbedded(folder)).close();
  expect(mode(folder)).toBe('700');
  expect(mode(join(base, 'unrelated'))).toBe('644');
});
