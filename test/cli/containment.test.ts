import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { program } from '../../src/cli/program.js';
import { codecFor } from '../../src/records/codec.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import { tinyModel } from '../models/tiny-model.js';
import { sums, tinyPipeline } from '../runs/tiny-run.js';
import { main } from './cli.js';

/** Every planted text contains it. */
const marker = 'zqSECRET';
let base = '';
const at = (name: string) => join(base, name);

const declared = {
  sources: [{ files: ['docs/*'] }, { keyed: 'traces.csv', key: 'item', trace: 'steps' }],
  join: ['trace', { search: 1 }],
};
const pipeline = (file: string, change: object = {}) =>
  writeFileSync(
    at(file),
    stringify({
      ...tinyPipeline,
      privileged: declared,
      verify: { checked: [{ regex: { pattern: '[0-4]' } }, { exact: {} }] },
      teach: { every: 2, template: '{{ trace }} {{ context }} {{ question }}', contextTokens: 100 },
      ...change,
    }),
  );

/** All that a command says, with the inside of its error as RLSD_DEBUG shows it. */
async function said(args: readonly string[]): Promise<{ readonly code: unknown; readonly all: string }> {
  let all = '';
  const take = (chunk: unknown) => {
    all += String(chunk);
    return true;
  };
  for (const stream of [process.stdout, process.stderr]) vi.spyOn(stream, 'write').mockImplementation(take);
  vi.stubEnv('RLSD_LOG', 'json');
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await program().parseAsync(['node', 'rlsd', ...args]);
    return { code: process.exitCode, all };
  } catch (error) {
    return { code: 1, all: `${all}${inspect(error)}` };
  } finally {
    process.exitCode = before;
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  }
}

/** Copies the run and appends records to a topic of the copy. */
async function tampered(name: string, topic: 'privileged' | 'references', value: Uint8Array, schema: string) {
  cpSync(at('run'), at(name), { recursive: true });
  const log = await openEmbedded(at(join(name, 'topics')));
  await log.append([{ topic, key: 's1', value, headers: { schema } }]);
  await log.close();
}

/** Flips a bit within the first text of the file that begins so. */
function flip(file: string, text: string): void {
  const bytes = readFileSync(file);
  const found = bytes.indexOf(text);
  expect(found).toBeGreaterThan(0);
  for (let place = found; place >= 0; place = bytes.indexOf(text, place + 1))
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
  writeFileSync(file, bytes);
}

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'rlsd-cli-contained-'));
  tinyModel({ folder: at('model'), hiddenSize: 16, layers: 1, contextLength: 256, gain: 2 });
  const lines = sums(24).map((line, n) => {
    const item = { ...JSON.parse(line), answer: `${marker}a${n}`, trace: `${marker}t${n}`, data: { note: marker } };
    return JSON.stringify(item);
  });
  writeFileSync(at('sums.jsonl'), `${lines.join('\n')}\n{"id": "cut", "answer": "${marker}\n`);
  writeFileSync(at('broken.jsonl'), `{"id": "a", "question": 5, "answer": "${marker}"}\n${marker}\n`);
  mkdirSync(at('docs'));
  writeFileSync(at('docs/a.md'), `# ${marker}title\n\n1 + 1 = ${marker}md\n`);
  writeFileSync(at('docs/broken.pdf'), `%PDF-1.4 ${marker}`);
  writeFileSync(at('traces.csv'), `item,steps\n${[2, 3, 4].map((n) => `s${n},${marker}k${n}`).join('\n')}\n`);
  writeFileSync(at('headless.csv'), `s1,${marker}h1\ns2,${marker}h2\n`);
  pipeline('tiny.yaml');
  const { code, all } = await said(['run', at('tiny.yaml'), '--run', at('run')]);
  expect(code, all).toBe(0);
  expect(all).not.toContain(marker);
  for (const part of [
    '"level":"info"',
    '"level":"warn"',
    '"event":"committed"',
    '"event":"step"',
    '"event":"dead letter"',
  ])
    expect(all).toContain(part);
  const log = await openEmbedded(at('run/topics'), { readOnly: true });
  const [record] = await log.read('privileged', 0, 0n, 1);
  await log.close();
  const { fingerprint } = codecFor('privileged');
  const cut = (record?.value ?? new Uint8Array()).slice(0, -20);
  await tampered('cut', 'privileged', cut, fingerprint);
  await tampered('text', 'privileged', Buffer.from(marker.repeat(40)), fingerprint);
  await tampered('foreign', 'references', Buffer.from(marker.repeat(40)), codecFor('references').fingerprint);
  cpSync(at('run'), at('flipped'), { recursive: true });
  flip(at('flipped/topics/data.mdb'), `${marker}a`);
  flip(at('flipped/topics/data.mdb'), `${marker}md`);
  return () => rmSync(base, { recursive: true, force: true });
});

describe('no command prints privileged content, even with RLSD_DEBUG and RLSD_LOG', () => {
  it.each([
    ['mermaid', ['--format', 'mermaid']],
    ['dot', ['--format', 'dot']],
    ['json', ['--json']],
  ])('graph as %s', async (_, options) => {
    const { code, all } = await said(['graph', at('tiny.yaml'), ...options]);
    expect(code).toBe(0);
    expect(all).toContain('privileged');
    expect(all).not.toContain(marker);
  });

  it.each([
    ['fine', {}, 'fine', 0],
    [
      'a table without a header',
      { privileged: { ...declared, sources: [{ keyed: 'headless.csv', key: 'item', trace: 'steps' }] } },
      'no column steps; expected one of the 2 columns',
      2,
    ],
    ['no usable prompt', { prompts: { file: 'broken.jsonl' } }, 'found 0 usable prompts', 2],
    [
      'documents that are not there',
      { privileged: { ...declared, join: ['trace', { documents: ['docs/b.md'] }] } },
      'did you mean docs/a.md?',
      2,
    ],
    ['a template without a place', { teach: { template: '{{ question }}', contextTokens: 9 } }, 'teach.template', 2],
    ['wrong labels', { privileged: { ...declared, sources: [{ files: ['docs/*'], label: 'hr' }] } }, 'found hr', 2],
  ])('check of a pipeline: %s', async (name, change, message, code) => {
    const file = `${name.replaceAll(' ', '-')}.yaml`;
    pipeline(file, change);
    for (const options of [[], ['--json']]) {
      const ended = await said(['check', at(file), ...options]);
      expect(ended.all).toContain(options.length > 0 && code === 0 ? '"ok":true' : message);
      expect(ended.code).toBe(code);
      expect(ended.all).not.toContain(marker);
    }
  });

  it.each([
    ['eval', () => ['eval', '--model', at('model'), '--prompts', at('sums.jsonl'), '--max-tokens', '4', '--json'], 2],
    ['eval of nothing', () => ['eval', '--model', at('model'), '--prompts', at('broken.jsonl')], 1],
    ['lineage', () => ['lineage', at('run'), '--sample', 's1', '--json'], 0],
    ['lineage of a step', () => ['lineage', at('run'), '--step', '0', '--json'], 0],
    ['ingest', () => ['privileged', 'ingest', at('run'), '--json'], 1],
    ['requeue', () => ['dead-letters', at('run'), 'requeue', '--json'], 0],
  ])('%s', async (_, args, code) => {
    const ended = await said(args());
    expect(ended.all).not.toContain(marker);
    expect(ended.all.length).toBeGreaterThan(20);
    expect(ended.code, ended.all).toBe(code);
  });

  it('the command itself, with RLSD_DEBUG', () => {
    const env = { ...process.env, RLSD_DEBUG: '1' };
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'resume', at('cut')], {
      env,
      encoding: 'utf8',
    });
    expect(stderr).toMatch(/\n {4}at /);
    expect(stdout + stderr).not.toContain(marker);
    expect(status).not.toBe(0);
  });

  it.each(['cut', 'text', 'foreign', 'flipped'])('if a record is %s', async (name) => {
    const commands = [
      ['resume', at(name)],
      ['privileged', 'list', at(name)],
      ['privileged', 'forget', at(name), 'docs/a.md'],
      ['tail', at(name), name === 'foreign' ? 'references' : 'privileged', '-n', '99'],
      ['replay', at(name), '--verify'],
      ['replay', at(name), '--from', 'rollouts', '--set', 'teach.context=shuffled', '--run', at(`${name}-replay`)],
      ['topics', at(name)],
      ['export', at(name), at(`${name}.tar`), '--without-privileged'],
    ];
    let failures = 0;
    for (const command of commands) {
      const ended = await said(command);
      if (ended.code !== 0) failures++;
      expect(ended.all, command.join(' ')).not.toContain(marker);
      expect(ended.all, command.join(' ')).not.toContain(Buffer.from(marker).toString('base64').slice(0, 9));
    }
    expect(failures).toBeGreaterThan(0);
  });
});
