import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import { extract, pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { replayFrom } from '../../../src/replay/from.js';
import { verifyRun } from '../../../src/replay/verify/verify-run.js';
import { exportRun } from '../../../src/runs/bundle/export.js';
import { importRun as importBundle } from '../../../src/runs/bundle/import.js';
import { openRunFolder } from '../../../src/runs/inspect/run-folder.js';
import { readManifest } from '../../../src/runs/manifest/manifest.js';
import { runPipeline } from '../../../src/runs/run.js';
import { required } from '../../../src/support/required.js';
import type { LogRecord } from '../../../src/topics/log.js';
import { scan } from '../../../src/topics/scan.js';
import { tinyModel } from '../../models/tiny-model.js';
import { sums, tinyPipeline } from '../tiny-run.js';

// The pipeline has a loss of its own.
const importRun = (file: string, to: string) => importBundle(file, to, { trust: true });

let root: string;
let run: string;
let bundle: string;

const project = () => join(root, 'project');
const learners = { other: { lr: 1e-3, loss: { module: 'loss.mjs', ceiling: 3 } } };
const plan = () => planOf(checkSpec({ ...tinyPipeline, steps: 2, evaluate: { every: 1 }, learners }), project());

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'rlsd-bundle-'));
  tinyModel({ folder: join(project(), 'model'), hiddenSize: 16, layers: 1, contextLength: 64, gain: 2 });
  writeFileSync(join(project(), 'sums.jsonl'), `${sums(40).join('\n')}\n`);
  const loss = new URL('../../../examples/losses/dual-clip.mjs', import.meta.url);
  writeFileSync(join(project(), 'loss.mjs'), `export { default } from '${loss.href}';\n`);
  run = join(root, 'run');
  bundle = join(root, 'run.tar');
  await runPipeline({ plan: plan(), folder: run });
  await exportRun(run, { to: bundle });
}, 60_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A run's topics with bounds and records, and its committed offsets. */
async function contents(folder: string) {
  const { log, plan } = await openRunFolder(folder);
  const records: Record<string, LogRecord[]> = {};
  const infos = await log.describe();
  for (const { name } of infos) {
    records[name] = [];
    for await (const record of scan(log, name, 0)) records[name].push(record);
  }
  const groups = await Promise.all(plan.stages.map(({ name, input }) => log.committed(name, input)));
  await log.close();
  return { infos, records, groups };
}

/** Runs `work` while the pipeline's folder is missing, as on another machine. */
async function elsewhere<T>(work: () => Promise<T>): Promise<T> {
  renameSync(project(), `${project()}-gone`);
  try {
    return await work();
  } finally {
    renameSync(`${project()}-gone`, project());
  }
}

/** A copy of the bundle with changed bytes. */
function changed(name: string, change: (bytes: Buffer) => Buffer | undefined): string {
  const bytes = readFileSync(bundle);
  const file = join(root, `${name}.tar`);
  writeFileSync(file, change(bytes) ?? bytes);
  return file;
}

/** A copy of the bundle with one changed entry and its old digest. */
async function rewritten(name: string, change: (text: string) => string): Promise<string> {
  const [from, to] = [extract(), pack()];
  from.end(readFileSync(bundle));
  const parts: Buffer[] = [];
  to.on('data', (part: Buffer) => parts.push(part));
  for await (const entry of from) {
    const content: Buffer[] = [];
    for await (const part of entry) content.push(part);
    const old = Buffer.concat(content);
    const now = entry.header.name === name ? Buffer.from(change(old.toString())) : old;
    to.entry({ ...entry.header, size: now.length }, now);
  }
  to.finalize();
  await new Promise((resolve) => to.once('end', resolve));
  const file = join(root, 'rewritten.tar');
  writeFileSync(file, Buffer.concat(parts));
  return file;
}

const refuses = async (file: string, code: string, message: RegExp) => {
  const to = join(root, 'refused');
  await expect(importRun(file, to)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  expect(readdirSync(root).filter((name) => name.startsWith('refused'))).toEqual([]);
};

describe('exportRun and importRun', () => {
  it('keep every record with its offset and time, and the committed offsets', async () => {
    const to = join(root, 'moved');
    const { records, notes } = await importRun(bundle, to);
    expect(records).toMatchObject({ prompts: 4, rollouts: 16, weights: 3 });
    expect(notes).toEqual([]);
    expect(await contents(to)).toEqual(await contents(run));
    await elsewhere(async () => {
      expect(await verifyRun(to)).toMatchObject({ equal: true, mode: 'source', notes: [] });
    });
  }, 60_000);

  it('write segments that any Avro tool can read', async () => {
    const from = extract();
    from.end(readFileSync(bundle));
    let found: unknown[] = [];
    for await (const entry of from) {
      const content: Buffer[] = [];
      for await (const part of entry) content.push(part);
      if (!entry.header.name.startsWith('topics/weights/')) continue;
      const decoder = new avro.streams.BlockDecoder();
      decoder.end(Buffer.concat(content));
      found = await decoder.toArray();
    }
    expect(found).toHaveLength(3);
    expect(found[1]).toMatchObject({ key: 'policy', offset: 1, value: { version: 1, location: 'weights/v000001' } });
  });

  it('let a run resume elsewhere to the same weights', async () => {
    const half = join(root, 'half');
    const stop = new AbortController();
    const stopped = runPipeline({
      plan: plan(),
      folder: half,
      signal: stop.signal,
      onEvent: ({ event }) => event === 'step' && stop.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'stopped' });
    await exportRun(half, { to: join(root, 'half.tar') });
    const to = join(root, 'half-moved');
    await importRun(join(root, 'half.tar'), to);
    await elsewhere(async () => {
      const { spec, folder } = readManifest(to);
      const { weights, learners } = await runPipeline({ plan: planOf(spec, folder), folder: to });
      const { log } = await openRunFolder(run);
      const trained = { weights: weights.digest, 'weights.other': learners?.other?.weights.digest ?? '' };
      for (const [topic, digest] of Object.entries(trained)) {
        const [last] = await log.read(topic, 0, 2n, 1);
        expect(last?.value && Buffer.from(last.value).includes(digest)).toBe(true);
      }
      await log.close();
    });
  }, 60_000);

  it('leave out privileged content on request, and name what is missing', async () => {
    const file = join(root, 'plain.tar');
    const exported = await exportRun(run, { to: file, withoutPrivileged: true });
    expect(exported.notes).toEqual(['left out as privileged: sums.jsonl']);
    const texts = sums(4).map((line) => String(JSON.parse(line).trace));
    for (const text of texts) expect(readFileSync(file).includes(text)).toBe(false);
    const to = join(root, 'plain');
    const { records, notes } = await importRun(file, to);
    expect(records).toMatchObject({ references: 0, privileged: 0, rollouts: 16 });
    expect(existsSync(join(to, 'inputs/sums.jsonl'))).toBe(false);
    expect(notes).toEqual([expect.stringMatching(/does not contain privileged content.*\(sums\.jsonl\): replay/)]);
    const options = { from: 'rollouts', to: join(root, 'plain-replay') };
    await expect(replayFrom(to, options)).rejects.toMatchObject({ code: 'privileged-gone' });
    await elsewhere(async () => {
      expect((await replayFrom(to, { ...options, from: 'teacher-scores' })).summary.records).toMatchObject({
        advantages: 16,
      });
      expect(await verifyRun(to)).toMatchObject({
        equal: true,
        mode: 'recorded',
        notes: [expect.stringMatching(/privileged content/)],
      });
    });
  }, 60_000);

  it.each([
    'prompts',
    'references',
    'privileged',
    'rollouts',
    'verdicts',
    'teacher-scores',
    'advantages',
    'weights',
    'metrics',
    'source',
  ])('detect a flipped bit in %s', async (topic) => {
    const file = changed(`flip-${topic}`, (bytes) => {
      const at = bytes.indexOf(`topics/${topic}/0/`);
      const content = bytes.indexOf('Obj\u0001', at) + 300;
      bytes[content] = required(bytes[content], 'byte to flip') ^ 1;
      return bytes;
    });
    await refuses(
      file,
      'bundle-damaged',
      new RegExp(`topic ${topic}, partition 0, records from offset \\d+: found SHA-256`),
    );
  });

  it('detect a flipped bit in the weights', async () => {
    const file = changed('flip-files', (bytes) => {
      const at = bytes.indexOf('files/weights/v000001/model.safetensors') + 2048;
      bytes[at] = required(bytes[at], 'byte to flip') ^ 1;
      return bytes;
    });
    await refuses(file, 'bundle-damaged', /files\/weights\/v000001\/model.safetensors: found SHA-256/);
  });

  it('detect truncation anywhere', async () => {
    for (const part of [0.3, 0.9])
      await refuses(
        changed('cut', (bytes) => bytes.subarray(0, Math.floor(part * bytes.length))),
        'bundle-damaged',
        /is damaged: (it cannot be read after|it is truncated)/,
      );
  });

  it('reject another format and other files', async () => {
    await refuses(
      changed('text', () => Buffer.from('hello')),
      'no-bundle',
      /expected a bundle that `rlsd export` wrote/,
    );
    await refuses(
      changed('empty', () => Buffer.alloc(0)),
      'no-bundle',
      /expected a bundle/,
    );
    await refuses(join(root, 'nowhere.tar'), 'no-file', /no such file/);
    const { createHash } = await import('node:crypto');
    const sha = (text: string) => createHash('sha256').update(text).digest('hex');
    const to = pack();
    const parts: Buffer[] = [];
    to.on('data', (part: Buffer) => parts.push(part));
    const text = JSON.stringify({ format: 9 });
    to.entry({ name: 'bundle.json', pax: { comment: `sha256 ${sha(text)}` } } as never, text);
    to.finalize();
    await new Promise((resolve) => to.once('end', resolve));
    await refuses(
      changed('other', () => Buffer.concat(parts)),
      'other-version',
      /found a bundle of format 9, expected 1/,
    );
    await refuses(
      await rewritten('manifest.json', (text) => text.replace('tiny', 'tiny2')),
      'bundle-damaged',
      /manifest.json: found SHA-256/,
    );
  });

  it('never overwrite', async () => {
    await expect(importRun(bundle, run)).rejects.toMatchObject({ code: 'run-exists' });
    await expect(exportRun(run, { to: bundle })).rejects.toMatchObject({ code: 'file-exists' });
  });
});
