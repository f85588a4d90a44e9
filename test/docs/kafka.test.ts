import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import { openKafka } from '../../src/topics/kafka/index.js';
import { toAppend } from '../../src/topics/record-codec.js';
import { type Broker, startBroker } from '../broker/broker.mjs';
import { startApicurio } from '../broker/registry.mjs';
import { finished, main, parseLines } from '../cli/cli.js';
import { kafkaPython, lacks } from '../needs.js';
import { blocksOf, root } from './markdown.js';

const blocks = blocksOf('docs/kafka.md');
const python = blocks.filter(({ language }) => language === 'python').map(({ text }) => text);
const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n'))
  .filter((line) => /^npx rlsd run examples\/arithmetic\.yaml/.test(line));

const noPython = await lacks('kafka-python');

const digestOf = (summary: Record<string, unknown> | undefined): unknown =>
  (summary as { weights?: { digest: string } } | undefined)?.weights?.digest;

describe.skipIf(await lacks('kafka'))('docs/kafka.md, on a broker', () => {
  let broker: Broker;
  let folder: string;
  beforeAll(async () => {
    broker = await startBroker();
    folder = mkdtempSync(join(tmpdir(), 'rlsd-guide-'));
    // The guide's pipeline with a model of constants and two steps.
    const arithmetic = parse(readFileSync(join(root, 'examples/arithmetic.yaml'), 'utf8'));
    const module = join(root, 'test/fakes/constant-engine.mjs');
    const model = { ...arithmetic.model, engine: { module } };
    const short = {
      ...{ ...arithmetic, model, steps: 2, prompts: { ...arithmetic.prompts, heldOut: 4 } },
      ...{ rollout: { ...arithmetic.rollout, group: 2 }, learn: { ...arithmetic.learn, prompts: 2 } },
    };
    mkdirSync(join(folder, 'examples'));
    writeFileSync(join(folder, 'examples/arithmetic.yaml'), stringify(short));
    cpSync(join(root, 'examples/models'), join(folder, 'examples/models'), { recursive: true });
  }, 120_000);
  afterAll(async () => {
    await broker?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A line of the guide on the test's broker. */
  function run(line: string) {
    const own = line.replace(/127\.0\.0\.1:(9092|PORT)/, broker.brokers[0] ?? '');
    const child = spawn('bash', ['-c', `${own.replace(/^npx rlsd/, `exec ${process.execPath} ${main}`)} --json`], {
      cwd: folder,
      stdio: 'pipe',
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return finished(child);
  }

  it('its commands run the pipeline: in one process, and its stages in four', { timeout: 300_000 }, async () => {
    const [alone = '', ...rest] = commands;
    const apart = rest.filter((line) => line.includes('--stage'));
    expect([commands.length, apart.length]).toEqual([6, 4]);
    const ends = [await run(alone), ...(await Promise.all(apart.map(run)))];
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(ends.map(() => [0, '']));
    const [one, ...four] = ends.map(({ stdout }) => parseLines(stdout).at(-1));
    expect(four.at(-1)).toMatchObject({
      event: 'summary',
      weights: { digest: digestOf(one) },
    });
  });

  describe.skipIf(noPython)('its programs in Python read the records', () => {
    const reference = (n: number) => ({ run: 'r', itemId: `item-${n}`, answer: `${n} °C`, data: null, hash: `h${n}` });

    /** What a program of the guide prints of records that this package wrote. */
    async function printed(program: string, third: string, schemaRegistry?: { url: string }): Promise<string[]> {
      const topicPrefix = schemaRegistry ? 'team.sums-2.' : 'team.sums.';
      const log = await openKafka({ brokers: broker.brokers, topicPrefix, ...(schemaRegistry && { schemaRegistry }) });
      await log.ensureTopics([{ name: 'references', partitions: 1, compact: true }]);
      await log.append([1, 2].map((n) => toAppend('references', reference(n))));
      await log.close();
      const args = ['-c', program, broker.brokers[0] ?? '', `${topicPrefix}references`, third];
      return new Promise((resolve, reject) =>
        execFile(kafkaPython, args, { cwd: root }, (error, stdout) =>
          error ? reject(error) : resolve(stdout.trim().split('\n')),
        ),
      );
    }

    it('without a registry', { timeout: 60_000 }, async () => {
      const lines = await printed(python[0] ?? '', 'schemas/references.avsc');
      expect(lines).toEqual([1, 2].map((n) => expect.stringMatching(`^item-${n} .*'answer': '${n} °C'`)));
    });

    it('with a registry', { timeout: 120_000 }, async () => {
      const registry = await startApicurio();
      onTestFinished(() => registry.close());
      const lines = await printed(python[1] ?? '', registry.url, { url: registry.url });
      expect(lines).toEqual([1, 2].map((n) => expect.stringMatching(`^item-${n} .*'answer': '${n} °C'`)));
    });
  });
});
