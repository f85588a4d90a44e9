import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { exportBundle, importBundle } from '../../src/cli/commands/bundle.js';
import { listDeadLetters } from '../../src/cli/commands/dead-letters.js';
import { diff } from '../../src/cli/commands/diff.js';
import { lag, topics } from '../../src/cli/commands/inspect.js';
import { lineage } from '../../src/cli/commands/lineage.js';
import { metrics } from '../../src/cli/commands/metrics.js';
import { forgetPrivileged, listPrivileged } from '../../src/cli/commands/privileged.js';
import { replay } from '../../src/cli/commands/replay.js';
import { showRun } from '../../src/cli/commands/show.js';
import { tail } from '../../src/cli/commands/tail.js';
import { reporter } from '../../src/cli/progress.js';
import type { SampleRequest } from '../../src/engines/policy.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { checkSpec } from '../../src/pipelines/spec/parse.js';
import { itemRecord } from '../../src/privileged/records.js';
import { parseTemplate, renderTeacher } from '../../src/privileged/template/template.js';
import { int32Array, int32Bytes } from '../../src/records/arrays.js';
import { codecFor } from '../../src/records/codec.js';
import type { Message } from '../../src/records/records.js';
import { compareRecords } from '../../src/replay/verify/compare-records.js';
import { runPipeline } from '../../src/runs/run.js';
import { digest } from '../../src/support/digest.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import { scan } from '../../src/topics/scan.js';
import { tinyModel } from '../models/tiny-model.js';
import { tinyEncoder } from '../privileged/embedding/tiny-encoder.js';
import { records, sums, tinyPipeline } from './tiny-run.js';

const students = vi.hoisted(() => ({
  prompts: [] as Int32Array[],
  decode: (_: Int32Array): string => '',
  encode: (_: readonly Message[]): Int32Array => new Int32Array(),
}));
vi.mock(import('../../src/runs/open/resources.js'), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    async openPolicy(...args: Parameters<typeof original.openPolicy>) {
      const policy = await original.openPolicy(...args);
      students.decode = policy.decode;
      students.encode = policy.encodePrompt;
      return {
        ...policy,
        sample(version: number, request: SampleRequest) {
          students.prompts.push(request.prompt);
          return policy.sample(version, request);
        },
      };
    },
  };
});

/** Every planted text contains it. */
const marker = 'zqSECRET';
let base = '';
let folder = '';
let written = '';
let scraped = '';
const scrapes: Promise<void>[] = [];
const listen = () => {
  const take = (chunk: unknown) => {
    written += String(chunk);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(take);
  vi.spyOn(process.stderr, 'write').mockImplementation(take);
};

function plant(): void {
  tinyModel({ folder: join(base, 'model'), hiddenSize: 16, layers: 1, contextLength: 512, gain: 2 });
  const lines = sums(24).map((line, n) => {
    const item = JSON.parse(line) as object;
    return JSON.stringify({ ...item, answer: `${marker}a${n}`, trace: `${marker}t${n}`, data: { note: `${marker}d` } });
  });
  lines.splice(3, 0, `{"id": "cut", "answer": "${marker}`, `{"id": "typed", "question": 5, "answer": "${marker}"}`);
  writeFileSync(join(base, 'sums.jsonl'), `${lines.join('\n')}\n`);
  mkdirSync(join(base, 'docs'));
  const documents: Record<string, string | Uint8Array> = {
    'a.md': `# ${marker}title\n\n1 + 1 = ${marker}md\n`,
    'b.txt': `2 + 1 = ${marker}txt`,
    'c.html': `<h1>${marker}h</h1><p>3 + 1 = ${marker}html</p>`,
    'd.csv': `sum,${marker}\n4 + 1,${marker}csv\n`,
    'e.jsonl': `{"sum": "5 + 1", "is": "${marker}"}\n`,
    'f.ts': `const sum = '6 + 1 = ${marker}ts';\n`,
    'broken.pdf': `%PDF-1.4 ${marker}`,
    'broken.docx': `PK ${marker}`,
    'empty.md': ' \n',
    'latin.txt': Buffer.from(`${marker} caf\xe9`, 'latin1'),
    'binary.txt': `${marker}\0`,
    'locked.docx': Buffer.concat([Buffer.from([0xd0, 0xcf, 0x11, 0xe0]), Buffer.from(marker)]),
  };
  for (const [name, content] of Object.entries(documents)) writeFileSync(join(base, 'docs', name), content);
  writeFileSync(
    join(base, 'keyed.jsonl'),
    `{"item": "s1", "steps": "${marker}k"}\n{"item": "${marker}\n{"steps": "${marker}"}\n`,
  );
  // The parser quotes the value before a quotation mark that stands where none may.
  writeFileSync(join(base, 'keyed.csv'), `item,steps\ns2,${marker}" x\n`);
  tinyEncoder([['sum', 'total']], { folder: join(base, 'encoder') });
}

/**
 * A topic of texts, one of them for another pipeline, one of an item whose pipeline may not read it, one that is no
 * text.
 */
async function plantTopic(): Promise<void> {
  const log = await openEmbedded(join(folder, 'topics'));
  await log.ensureTopics([{ name: 'notes', partitions: 1 }]);
  const note = (key: string, value: string | Uint8Array, headers: Record<string, string> = {}) => ({
    topic: 'notes',
    key,
    value: Buffer.from(value),
    headers: { title: `${marker}title`, ...headers },
  });
  await log.append([
    note('open', `7 + 1 = ${marker}note`),
    // As good an answer to every question's search as any.
    note('closed', `${Array.from({ length: 24 }, (_, n) => n).join(' ')} ${marker}hr`, { label: 'hr' }),
    note('bytes', Buffer.from(`${marker}\xff`, 'latin1')),
    note('kind', `${marker}kind`, { kind: 'secret' }),
    note('of-s1', `${marker}hr`, { label: 'hr', itemId: 's1' }),
  ]);
  await log.close();
}

/** The first scrape that comes through while the run is at work. */
async function scrape(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
  scraped += (await response?.text()) ?? '';
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const plan = () =>
  planOf(
    checkSpec({
      ...tinyPipeline,
      // The document of another label belongs to one of the first prompts.
      prompts: { ...tinyPipeline.prompts, shuffle: false },
      privileged: {
        sources: [
          { files: ['docs/*'], label: 'team' },
          { keyed: 'keyed.jsonl', key: 'item', trace: 'steps', label: 'team' },
          { keyed: 'keyed.csv', key: 'item', trace: 'steps' },
          { topic: 'notes' },
        ],
        join: [
          'reference',
          'trace',
          'document',
          { search: 2 },
          { search: 1, model: 'encoder' },
          { documents: ['docs/a.md'] },
        ],
        labels: ['team'],
      },
      verify: { checked: [{ regex: { pattern: '[0-4]' } }, { exact: {} }] },
      teach: { every: 2, template: '{{ context }} {{ question }}', contextTokens: 300 },
    }),
    base,
  );

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'rlsd-contained-'));
  folder = join(base, 'run');
  plant();
  await plantTopic();
  const port = await freePort();
  vi.stubEnv('RLSD_METRICS_PORT', String(port));
  vi.stubEnv('RLSD_LOG', 'json');
  listen();
  const [lines, people] = [reporter(plan(), true), reporter(plan(), false)];
  await runPipeline({
    plan: plan(),
    folder,
    onEvent(event) {
      lines.event(event);
      people.event(event);
      if (event.event === 'step') scrapes.push(scrape(port));
    },
  });
  await Promise.all(scrapes);
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  return () => rmSync(base, { recursive: true, force: true });
}, 60_000);
afterEach(() => vi.restoreAllMocks());

/** Key, headers and value of every record of a topic, as one text. */
async function bytesOf(topic: string): Promise<string> {
  const log = await openEmbedded(join(folder, 'topics'), { readOnly: true });
  let bytes = '';
  for await (const { key, headers, value } of scan(log, topic, 0))
    bytes += `${key} ${JSON.stringify(headers)} ${Buffer.from(value ?? []).toString('latin1')}\n`;
  await log.close();
  return bytes;
}

async function printed(command: () => Promise<void>): Promise<string> {
  written = '';
  listen();
  await command();
  vi.restoreAllMocks();
  return written;
}

describe('privileged content', () => {
  it('reaches the teacher, so that the markers can be found', async () => {
    expect(await bytesOf('privileged')).toContain(`${marker}md`);
    expect(await bytesOf('references')).toContain(`${marker}a`);
    const scores = await bytesOf('teacher-scores');
    expect(scores).toContain('docs/a.md');
    expect(scores).toContain('notes:open');
    expect(scores).not.toContain('notes:closed');
    expect(scores).not.toContain('notes:of-s0');
  });

  it('is in no input of the student model', () => {
    expect(students.prompts.length).toBeGreaterThanOrEqual(8);
    for (const prompt of students.prompts) expect(students.decode(prompt)).not.toContain(marker);
    expect(students.decode(students.prompts[0] ?? new Int32Array())).toContain('+ 1 =');
  });

  it('is in no recorded input of the student, which depends only on the prompt', async () => {
    const given = new Map(students.prompts.map((prompt) => [digest(int32Bytes(prompt)), prompt]));
    const prompts = new Map((await records(folder, 'prompts')).map((prompt) => [prompt.promptId, prompt]));
    const rollouts = await records(folder, 'rollouts');
    expect(rollouts.length).toBeGreaterThanOrEqual(24);
    for (const { promptId, promptDigest, promptTokens } of rollouts) {
      expect(given.get(promptDigest)).toEqual(int32Array(promptTokens));
      expect(promptDigest).toBe(digest(int32Bytes(students.encode(prompts.get(promptId)?.messages ?? []))));
    }
  });

  it('is in no topic except its own two', async () => {
    const log = await openEmbedded(join(folder, 'topics'), { readOnly: true });
    const topics = (await log.describe()).map(({ name }) => name);
    await log.close();
    expect(topics).toContain('dead-letters');
    expect(await bytesOf('disagreements')).not.toBe('');
    for (const topic of topics.filter((name) => !['privileged', 'references', 'notes'].includes(name)))
      expect(await bytesOf(topic), topic).not.toContain(marker);
  });

  it('is in no file of the run besides the topics', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const others = files
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.includes('/topics/'));
    expect(others.some((path) => path.endsWith('manifest.json'))).toBe(true);
    for (const name of ['openlineage.jsonl', 'model.safetensors', '.vectors'])
      expect(others.some((path) => path.endsWith(name))).toBe(true);
    for (const path of others) expect(readFileSync(path).includes(marker), path).toBe(false);
  });

  it('is never printed, though every broken document is reported', async () => {
    for (const part of ['summary', '"event":"committed"', '"event":"dead letter"', 'leaves out 1 documents marked hr'])
      expect(written).toContain(part);
    expect(written).not.toContain(marker);
    expect(scraped).toContain('rlsd_dead_letters_total');
    expect(scraped).not.toContain(marker);
    const letters = await printed(() => listDeadLetters(folder, { json: true }));
    for (const cause of 'document-unreadable document-empty document-encoding document-binary document-encrypted source-format source-field bad-prompt-line label-refused'.split(
      ' ',
    ))
      expect(letters).toContain(cause);
    expect(letters).not.toContain(marker);
  });

  it('is measured at every step, in numbers only', async () => {
    const metrics = await bytesOf('metrics');
    for (const name of ['leakRepeated', 'leakCited', 'completionWords', 'teacherMinusStudent4'])
      expect(metrics).toContain(name);
    expect(metrics.split('leakRepeatedCorrectBaseSd')).toHaveLength(1 + tinyPipeline.steps);
  });

  it('is shown by tail only when asked for by name, and never by the list', async () => {
    for (const topic of ['privileged', 'references', 'notes']) {
      const redacted = await printed(() => tail(folder, topic, { lines: 50 }));
      expect(redacted).toContain('[privileged');
      expect(redacted).not.toContain(marker);
      expect(redacted).not.toContain(Buffer.from(marker).toString('base64').slice(0, 8));
      expect(await printed(() => tail(folder, topic, { lines: 50, showPrivileged: true }))).toContain(marker);
    }
    const list = await printed(() => listPrivileged(folder, { json: true }));
    expect(list).toContain('docs/a.md');
    expect(list).not.toContain(marker);
  });

  it('is in no output of the other commands, and in no difference that a replay reports', async () => {
    const [verdict] = await records(folder, 'verdicts');
    const sample = `${verdict?.promptId}/${verdict?.sampleIndex}`;
    const commands = {
      topics: () => topics(folder, {}),
      lag: () => lag(folder, {}),
      lineage: () => lineage(folder, { step: 1 }),
      show: () => showRun(folder, { sample }),
      'show --json': () => showRun(folder, { sample, json: true }),
      metrics: () => metrics(folder, { json: true }),
      diff: () => diff(folder, folder, {}),
      document: () => lineage(folder, { document: 'docs/a.md', json: true }),
      replay: () => replay(folder, { from: 'rollouts', set: ['teach.context=shuffled'], run: `${folder}-replay` }),
    };
    for (const [name, command] of Object.entries(commands)) {
      const text = await printed(command);
      expect(text.length, name).toBeGreaterThan(50);
      expect(text, name).not.toContain(marker);
    }
    const log = await openEmbedded(join(folder, 'topics'), { readOnly: true });
    for (const topic of ['privileged', 'references'] as const) {
      const record = (await log.read(topic, 0, 0n, 1))[0];
      if (!record?.value) throw new Error(`${topic} is empty`);
      const codec = codecFor(topic);
      const field = topic === 'privileged' ? { content: `${marker}!` } : { answer: `${marker}!` };
      const other = { ...record, value: codec.encode({ ...codec.decode(record.value), ...field } as never) };
      const difference = compareRecords(topic, record, other);
      expect(difference).toMatchObject({ field: Object.keys(field)[0], found: expect.stringContaining('[privileged') });
      expect(
        JSON.stringify(difference, (_, value) => String(value) && (typeof value === 'bigint' ? 0 : value)),
      ).not.toContain(marker);
    }
    await log.close();
  });

  it('is exported only on request', async () => {
    const bundle = (name: string) => join(folder, '..', `${name}.tar`);
    await printed(() => exportBundle(folder, bundle('whole'), {}));
    expect(readFileSync(bundle('whole')).includes(marker)).toBe(true);
    const text = await printed(() => exportBundle(folder, bundle('bare'), { withoutPrivileged: true }));
    expect(text).not.toContain(marker);
    expect(readFileSync(bundle('bare')).includes(marker)).toBe(false);
    // The topics within are compressed.
    for (const [name, holds] of [
      ['whole', true],
      ['bare', false],
    ] as const) {
      const imported = join(folder, '..', `${name}-run`);
      await printed(() => importBundle(bundle(name), imported, {}));
      const topics = readFileSync(join(imported, 'topics', 'data.mdb'));
      expect(topics.includes('verdicts')).toBe(true);
      for (const text of [`${marker}md`, `${marker}a`, `${marker}note`]) expect(topics.includes(text)).toBe(holds);
    }
  });

  it('is in no error that a damaged record or a failing template causes', () => {
    const { encode, decode } = codecFor('privileged');
    const bytes = encode({
      ...itemRecord({ run: 'r', itemId: 'i', kind: 'trace', content: marker.repeat(9), source: 's', time: 1 }),
      title: marker,
    });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const damaged = cut ? bytes.slice(0, at) : bytes.map((one, k) => (k === at ? byte : one));
        try {
          decode(damaged);
        } catch (error) {
          expect(inspect(error)).not.toContain(marker);
        }
      }),
    );
    const template = parseTemplate(
      '{{ question }}{% if context == "2" %}{% else %}{{ context | nofilter }}{% endif %}',
      't',
    );
    const piece = {
      id: 'd',
      version: 'v',
      start: 0,
      end: 9,
      truncated: false,
      kind: 'document',
      title: '',
      content: marker,
    } as const;
    const render = () => renderTeacher(template, [{ role: 'user', content: 'q' }], { pieces: [piece] });
    // Not a word of the renderer's own message, whatever that quotes.
    expect(render).toThrow(/rendering failed with this prompt's context \(\w+\)$/);
    expect(render).not.toThrow(marker);
    expect(() => parseTemplate('{{ question }}{{ raise_exception(context) }}', 't')).toThrow('t: rendering failed');
  });

  it('is gone once forgotten, while its uses are still known', async () => {
    const [name = ''] = readdirSync(join(folder, 'vectors'));
    const vectorBytes = readFileSync(join(folder, 'vectors', name)).length;
    const forgotten = await printed(() => forgetPrivileged(folder, 'docs/a.md', { json: true }));
    expect(JSON.parse(forgotten)).toMatchObject({ event: 'forgotten', removed: 1, samples: expect.any(Number) });
    expect(JSON.parse(forgotten).samples).toBeGreaterThan(0);
    expect(await bytesOf('privileged')).not.toContain(`${marker}md`);
    expect(readFileSync(join(folder, 'topics', 'data.mdb')).includes(`${marker}md`)).toBe(false);
    expect(readFileSync(join(folder, 'topics', 'data.mdb')).includes(`${marker}txt`)).toBe(true);
    expect(readFileSync(join(folder, 'vectors', name)).length).toBeLessThan(vectorBytes);
    const answers = async () => (await records(folder, 'references')).map(({ answer }) => answer);
    const [{ itemId, answer } = { itemId: '', answer: '' }] = await records(folder, 'references');
    expect(answer).toContain(marker);
    await printed(() => forgetPrivileged(folder, `reference:${itemId}`, {}));
    expect(await answers()).not.toContain(answer);
    expect(await answers()).not.toEqual([]);
    await expect(forgetPrivileged(folder, 'docs/a.mx', {})).rejects.toThrow('did you mean docs/a.md?');
  });
});
