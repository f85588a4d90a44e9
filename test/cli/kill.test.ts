import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Summary } from '../../src/runs/run.js';
import { seedOf } from '../../src/support/digest.js';
import { openEmbedded } from '../../src/topics/embedded/index.js';
import type { TopicLog } from '../../src/topics/log.js';
import { digests, records } from '../runs/tiny-run.js';
import { finished, parseLines, rlsdProcess, start, tinyProject } from './cli.js';

const STEPS = 10;
const KILLS = 12;
/** Each is killed while what makes it, or what reads it, is at work. */
const topics = ['prompts', 'rollouts', 'verdicts', 'teacher-scores', 'advantages', 'weights', 'metrics'];

/** Resolves once a topic has as many records as asked for, or the process has ended. */
async function grown(run: string, topic: string, least: number, child: ChildProcess): Promise<void> {
  let log: TopicLog | undefined;
  let count = 0;
  while (count < least && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    // There, and no longer empty.
    if (!statSync(join(run, 'topics', 'data.mdb'), { throwIfNoEntry: false })?.size) continue;
    log ??= await openEmbedded(join(run, 'topics'), { readOnly: true });
    const info = (await log.describe()).find(({ name }) => name === topic);
    count = Number(info?.bounds[0]?.end ?? 0n);
  }
  await log?.close();
}

it('a run killed repeatedly ends with exactly the weights and records of an uninterrupted one', {
  timeout: 400_000,
}, async () => {
  const { folder, file } = tinyProject({ steps: STEPS, evaluate: { every: 5 } });
  const whole = join(folder, 'whole');
  const { code, stdout } = await rlsdProcess(['run', file, '--run', whole, '--json']);
  expect(code).toBe(0);
  const uninterrupted = parseLines(stdout).at(-1) as unknown as Summary;

  const run = join(folder, 'killed');
  for (let kill = 0; kill < KILLS; kill++) {
    const child = start(kill === 0 ? ['run', file, '--run', run, '--json'] : ['resume', run, '--json']);
    const ended = finished(child);
    const topic = topics[kill % topics.length] ?? '';
    // Points spread over the whole run, at random within their share of it.
    const share = (kill + Number(seedOf('kill', kill) % 100n) / 100) / KILLS;
    const least = Math.max(1, Math.floor(share * (uninterrupted.records[topic] ?? 0)));
    await grown(run, topic, least, child);
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ code: null, stderr: '' });
  }
  const last = await rlsdProcess(['resume', run, '--json']);
  expect([last.code, last.stderr]).toEqual([0, '']);
  expect(parseLines(last.stdout).at(-1)).toMatchObject({
    event: 'summary',
    weights: { version: STEPS, digest: uninterrupted.weights.digest },
  });
  expect(await digests(run)).toEqual(await digests(whole));
  await census(run);
});

/**
 * Every prompt once in every stage, every sample once wherever samples are, and every step trained once on all of its
 * samples.
 */
async function census(run: string): Promise<void> {
  const prompts = (await records(run, 'prompts')).map(({ promptId }) => promptId);
  expect(prompts).toHaveLength(2 * STEPS);
  expect(new Set(prompts).size).toBe(prompts.length);
  const samples = prompts.flatMap((promptId) => [0, 1, 2, 3].map((n) => `${promptId}/${n}`)).sort();
  for (const topic of ['rollouts', 'verdicts', 'teacher-scores', 'advantages'] as const) {
    const there = await records(run, topic);
    expect(there.map(({ promptId, sampleIndex }) => `${promptId}/${sampleIndex}`).sort()).toEqual(samples);
    expect(there.gaps).toBe(0);
  }
  const weights = await records(run, 'weights');
  expect(weights.map(({ version }) => version)).toEqual(Array.from({ length: STEPS + 1 }, (_, n) => n));
  expect(weights.map(({ offsets }) => offsets.map(({ offset }) => Number(offset)))).toEqual(
    weights.map(({ version }) => (version === 0 ? [] : [8 * version])),
  );
  expect(await records(run, 'dead-letters')).toEqual(Object.assign([], { gaps: 0 }));
}
