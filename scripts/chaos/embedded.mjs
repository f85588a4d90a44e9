// Kills a run on the embedded log again and again, as soon as a random topic has grown by a random number of records,
// and resumes it. Each kill is followed by a census; each run that reaches its last step has to have the weights of an
// undisturbed one.
import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { planOf } from '../../dist/pipelines/plan/plan.js';
import { readSpec } from '../../dist/pipelines/spec/parse.js';
import { openEmbedded } from '../../dist/topics/embedded/index.js';
import { seeded } from '../adversary/random.mjs';
import { incomplete, newCensus, repeated } from './census.mjs';
import { file, settingsOf, startRlsd, undisturbed, withSettings } from './pipeline.mjs';

const STEPS = 40;
/** Topics that a step passes through, and the records of one step in each. */
const PER_STEP = { prompts: 4, rollouts: 16, verdicts: 16, 'teacher-scores': 16, advantages: 16, weights: 1 };

/** @returns figures of the loop and what went wrong */
export async function killEmbedded(kills, folder, seed) {
  const random = seeded(seed);
  const settings = settingsOf(STEPS, 1);
  const { spec, folder: base } = readSpec(file, settings);
  const { topics } = planOf(spec, base);
  const expected = await undisturbed(folder, settings);
  const perStep = spec.learn.prompts * spec.rollout.group;
  const state = { killed: 0, inMidStep: 0, beforeFirst: 0, runs: 0, wrong: [] };
  while (state.killed < kills && state.wrong.length === 0) {
    const run = join(folder, `run${state.runs++}`);
    const census = newCensus(topics);
    for (let ended = false; !ended && state.wrong.length === 0; ) {
      const topic = random.pick(Object.keys(PER_STEP));
      const growth = random.int(1, 2 * PER_STEP[topic]);
      const { signal, code, summary, complaint } = await life(run, settings, async (child) => {
        if (state.killed >= kills) return;
        await grown(run, topic, growth, child);
        child.kill('SIGKILL');
      });
      ended = signal !== 'SIGKILL';
      if (ended && code !== 0) state.wrong.push(`${run}: exit ${code ?? signal}: ${complaint}`);
      else if (!ended) state.killed++;
      const found = await look(run, census);
      const problems = !found ? [] : ended ? incomplete(found, spec) : broken(found, perStep);
      const digest = ended && code === 0 ? JSON.parse(summary).weights.digest : expected;
      if (digest !== expected) problems.push(`weights ${digest}, without kills ${expected}`);
      state.wrong.push(...problems.map((problem) => `${run}, after kill ${state.killed}: ${problem}`));
      if (ended) continue;
      if (!found || found.counts.prompts.distinct === 0) state.beforeFirst++;
      else if (found.counts.rollouts.distinct > found.newest * perStep) state.inMidStep++;
      if (state.killed % 50 === 0) console.error(`${state.killed} of ${kills} killed, ${state.inMidStep} in mid-step`);
    }
    if (state.wrong.length === 0) rmSync(run, { recursive: true, force: true });
  }
  return state;
}

/** One process, from its start or its resumption to its end. @param meanwhile may kill it */
async function life(run, settings, meanwhile) {
  const args = existsSync(join(run, 'manifest.json'))
    ? ['resume', run, '--json']
    : ['run', file, '--run', run, '--json', ...withSettings(settings)];
  const { child, done } = startRlsd(args);
  await meanwhile(child);
  return done;
}

/** Resolves once a topic has grown by so many records, or the process has ended. */
async function grown(run, topic, growth, child) {
  let log;
  let [first, count] = [undefined, 0];
  while (child.exitCode === null && (first === undefined || count < first + growth)) {
    await sleep(2);
    // There, and no longer empty.
    if (!statSync(join(run, 'topics', 'data.mdb'), { throwIfNoEntry: false })?.size) continue;
    log ??= await openEmbedded(join(run, 'topics'), { readOnly: true });
    count = Number((await log.describe()).find(({ name }) => name === topic)?.bounds[0]?.end ?? 0n);
    first ??= count;
  }
  await log?.close();
}

/** A census of what is on disk; undefined where the log does not exist yet. */
async function look(run, census) {
  const folder = join(run, 'topics');
  if (!existsSync(join(folder, 'data.mdb'))) return undefined;
  const log = await openEmbedded(folder, { readOnly: true });
  try {
    return await census.take(log);
  } finally {
    await log.close();
  }
}

/** What is wrong at any moment: a step's weights, its metrics and its offsets are one commit. */
const broken = (found, perStep) => [
  ...repeated(found),
  ...(found.counts.metrics.distinct === found.newest
    ? []
    : [`version ${found.newest} after ${found.counts.metrics.distinct} steps`]),
  ...(found.consumed === found.newest * perStep ? [] : [`version ${found.newest} after ${found.consumed} samples`]),
];
