import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { listDeadLetters } from '../../src/cli/dead-letters.js';
import { tail } from '../../src/cli/inspect.js';
import { forgetPrivileged, listPrivileged } from '../../src/cli/privileged.js';
import { reporter } from '../../src/cli/progress.js';
import { checkSpec } from '../../src/pipelines/parse.js';
import { planOf } from '../../src/pipelines/plan.js';
import { runPipeline } from '../../src/pipelines/run.js';
import type { SampleRequest } from '../../src/policy/policy.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import { scan } from '../../src/topics/scan.js';
import { tinyModel } from '../policy/tiny-model.js';
import { sums, tinyPipeline } from './tiny-run.js';

const students = vi.hoisted(() => ({ prompts: [] as Int32Array[], decode: (_: Int32Array): string => '' }));
vi.mock(import('../../src/pipelines/resources.js'), async (importOriginal) => {
  const original = await importOriginal();
  return {
    ...original,
    async openPolicy(...args: Parameters<typeof original.openPolicy>) {
      const policy = await original.openPolicy(...args);
      students.decode = policy.decode;
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
  writeFileSync(join(base, 'keyed.csv'), `item,steps\ns2,"${marker}" x\n`);
}

const plan = () =>
  planOf(
    checkSpec({
      ...tinyPipeline,
      privileged: {
        sources: [
          { files: ['docs/*'], label: 'team' },
          { keyed: 'keyed.jsonl', key: 'item', trace: 'steps', label: 'team' },
          { keyed: 'keyed.csv', key: 'item', trace: 'steps' },
        ],
        join: ['reference', 'trace', { search: 2 }, { documents: ['docs/a.md'] }],
        labels: ['team'],
      },
      teach: { every: 2, template: '{{ context }} {{ question }}', contextTokens: 300 },
    }),
    base,
  );

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'rlsd-contained-'));
  folder = join(base, 'run');
  plant();
  listen();
  const [lines, people] = [reporter(plan(), true), reporter(plan(), false)];
  await runPipeline({
    plan: plan(),
    folder,
    onEvent(event) {
      lines.event(event);
      people.event(event);
    },
  });
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

describe('what is privileged', () => {
  it('reaches the teacher: the markers are there to be found', async () => {
    expect(await bytesOf('privileged')).toContain(`${marker}md`);
    expect(await bytesOf('references')).toContain(`${marker}a`);
    const scores = await bytesOf('teacher-scores');
    expect(scores).toContain('docs/a.md');
  });

  it('is in nothing that the student model was given', () => {
    expect(students.prompts.length).toBeGreaterThanOrEqual(8);
    for (const prompt of students.prompts) expect(students.decode(prompt)).not.toContain(marker);
    expect(students.decode(students.prompts[0] ?? new Int32Array())).toContain('+ 1 =');
  });

  it('is in no topic but its own two', async () => {
    const log = await openEmbedded(join(folder, 'topics'), { readOnly: true });
    const topics = (await log.describe()).map(({ name }) => name);
    await log.close();
    expect(topics).toContain('dead-letters');
    for (const topic of topics.filter((name) => name !== 'privileged' && name !== 'references'))
      expect(await bytesOf(topic), topic).not.toContain(marker);
  });

  it('is in no file of the run beside the topics', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const others = files
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.includes('/topics/'));
    expect(others.some((path) => path.endsWith('manifest.json'))).toBe(true);
    for (const path of others) expect(readFileSync(path).includes(marker), path).toBe(false);
  });

  it('is in nothing that was printed, though every broken document was reported', async () => {
    expect(written).toContain('summary');
    expect(written).not.toContain(marker);
    const letters = await printed(() => listDeadLetters(folder, { json: true }));
    for (const cause of 'document-unreadable document-empty document-encoding document-binary document-encrypted source-format source-field bad-prompt-line'.split(
      ' ',
    ))
      expect(letters).toContain(cause);
    expect(letters).not.toContain(marker);
  });

  it('is measured at every step, in numbers alone', async () => {
    const metrics = await bytesOf('metrics');
    for (const name of ['leakRepeated', 'leakCited', 'completionWords', 'teacherMinusStudent4'])
      expect(metrics).toContain(name);
    expect(metrics.split('leakRepeatedBase')).toHaveLength(1 + tinyPipeline.steps);
  });

  it('is shown by tail only when asked for by name, and never by the list', async () => {
    for (const topic of ['privileged', 'references']) {
      const redacted = await printed(() => tail(folder, topic, { lines: 50 }));
      expect(redacted).toContain('[privileged');
      expect(redacted).not.toContain(marker);
      expect(await printed(() => tail(folder, topic, { lines: 50, showPrivileged: true }))).toContain(marker);
    }
    const list = await printed(() => listPrivileged(folder, { json: true }));
    expect(list).toContain('docs/a.md');
    expect(list).not.toContain(marker);
  });

  it('is gone once forgotten, and what used it is still known', async () => {
    const forgotten = await printed(() => forgetPrivileged(folder, 'docs/a.md', { json: true }));
    expect(JSON.parse(forgotten)).toMatchObject({ event: 'forgotten', removed: 1, samples: expect.any(Number) });
    expect(JSON.parse(forgotten).samples).toBeGreaterThan(0);
    expect(await bytesOf('privileged')).not.toContain(`${marker}md`);
    await printed(() => forgetPrivileged(folder, 'reference:s7', {}));
    expect(await bytesOf('references')).not.toContain(`${marker}a7"`);
    await expect(forgetPrivileged(folder, 'docs/a.mx', {})).rejects.toThrow('did you mean docs/a.md?');
  });
});
