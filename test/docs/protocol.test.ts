import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startBroker } from '../broker/broker.mjs';
import { finished, jsonLines, parseLines, rlsdProcess, start } from '../cli/cli.js';
import { kafkaPython, lacks } from '../needs.js';
import { root } from './markdown.js';

const workers = join(root, 'python/conformance/workers.py');
const base = join(root, 'examples/models/arithmetic');

describe.skipIf((await lacks('kafka')) || (await lacks('kafka-python')))('docs/protocol.md', () => {
  it('is enough for a rollout, a verifier and a learner in Python', { timeout: 240_000 }, async () => {
    const broker = await startBroker();
    onTestFinished(() => broker.stop());
    const folder = mkdtempSync(join(tmpdir(), 'rlsd-protocol-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const run = join(folder, 'sums');
    const [brokers = ''] = broker.brokers;
    const settings = [
      'steps=2',
      'learn.prompts=2',
      'rollout.group=2',
      'prompts.heldOut=4',
      'evaluate.every=2',
      'learn.external=true',
    ];
    const others = start([
      ...['run', join(root, 'examples/arithmetic.yaml'), '--run', run, '--json'],
      ...[...settings, `topics.kafka.brokers=${brokers}`].flatMap((setting) => ['--set', setting]),
      ...['--stage', 'ingest', 'teach', 'shape', 'evaluate'],
    ]);
    // A full pipe would stop it.
    others.stderr?.resume();
    const ended = once(others, 'close');
    const lines = jsonLines(others);
    const until = async (event: string) => {
      for (let line = await lines.next(); line.value?.event !== event; line = await lines.next())
        if (line.done) throw new Error(`the run ended before its event ${event}`);
    };
    const python = (role: string) => {
      const child = spawn(kafkaPython, [workers, role, brokers, 'sums.', join(root, 'schemas'), base]);
      onTestFinished(() => void child.kill('SIGKILL'));
      return child;
    };

    await until('started');
    const killed = python('learn');
    // The base is evaluated once the learner has published it; the next learner finds it.
    await until('heldOut');
    killed.kill('SIGKILL');
    const toItsEnd = async (role: string) => {
      const end = await finished(python(role));
      expect(end, role).toEqual({ code: 0, stdout: '', stderr: '' });
    };
    await Promise.all(['rollout', 'verify', 'learn'].map(toItsEnd));
    await until('summary');
    expect(await ended).toEqual([0, null]);
    const { stdout } = await rlsdProcess(['topics', run, '--json']);
    const counts = Object.fromEntries(parseLines(stdout).map(({ topic, count }) => [topic, count]));
    // A chunk of the weights is a message, and the base has none.
    expect(counts).toMatchObject({ rollouts: 8, verdicts: 8, 'teacher-scores': 8, advantages: 8, weights: 3 });
    expect(counts['dead-letters']).toBe(0);
  });
});
