// Runs each stage of a pipeline in two processes on a real broker, kills random ones from the first training step to
// the last, and restarts the broker now and then. Each kill is followed by a census; the weights have to equal those of
// an undisturbed run on the embedded log.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { planOf } from '../../dist/pipelines/plan/plan.js';
import { readSpec } from '../../dist/pipelines/spec/parse.js';
import { ensureTopics, openLog } from '../../dist/pipelines/topic-log.js';
import { lastWeights } from '../../dist/runs/weights/publisher.js';
import { startBroker } from '../../test/broker/broker.mjs';
import { seeded } from '../adversary/random.mjs';
import { incomplete, newCensus, repeated } from './census.mjs';
import { file, main, settingsOf, startRlsd, undisturbed, withSettings } from './pipeline.mjs';

const STAGES = ['ingest', 'rollout', 'verify', 'teach', 'shape', 'learn', 'evaluate'];
/** Kills for each restart of the broker. */
const KILLS_PER_RESTART = 17;
/** Milliseconds that sampling for a prompt takes, so that most kills strike in the middle of a step. */
const LATENCY = 150;
/** Milliseconds for each kill, and for each step: more is a stall. */
const LIMIT_PER_KILL = 15_000;
const PATIENCE = 180_000;

/** @returns figures of the loop and what went wrong */
export async function killKafka(kills, folder, seed) {
  const given = process.env.KAFKA_BROKERS?.split(',');
  const broker = given ? undefined : await startBroker();
  const steps = 2 * kills;
  const name = `chaos-${Date.now()}`;
  const sets = [
    ...settingsOf(steps, LATENCY),
    `topics.kafka.brokers=${(given ?? broker.brokers).join(',')}`,
    'topics.kafka.partitions=4',
    'topics.kafka.sessionMs=2000',
  ];
  const { spec, folder: base } = readSpec(file, sets);
  const plan = planOf(spec, base);
  const log = await openLog(plan, name);
  await ensureTopics(log, plan.topics);
  const expected = await undisturbed(folder, settingsOf(steps));
  const fleet = startFleet(folder, name, sets);
  const progress = watchProgress(log, LIMIT_PER_KILL * kills + PATIENCE);
  try {
    const killed = await killInTurn({ kills, steps, fleet, progress, broker, random: seeded(seed), log, plan, spec });
    // No more kills: everything has to be finished.
    while (fleet.live.size > 0 && !progress.isLate()) {
      await sleep(500);
      await progress.trained();
    }
    const stuck = await fleet.stop();
    const digest = (await lastWeights(log))?.digest;
    const found = await killed.census.take(log);
    const wrong = [
      ...killed.wrong,
      ...fleet.unexpected,
      ...incomplete(found, spec),
      ...(digest === expected ? [] : [`weights ${digest}, without kills ${expected}`]),
      ...(killed.figures.killed === kills ? [] : [`${killed.figures.killed} kills, expected ${kills}`]),
      ...STAGES.filter((stage) => killed.of[stage] < Math.floor(kills / STAGES.length / 2)).map(
        (stage) => `${stage} was hardly killed`,
      ),
      ...(stuck.length === 0 ? [] : [`not done: ${stuck.join(', ')}`]),
    ];
    return {
      ...killed.figures,
      killedOf: killed.of,
      startedWithoutBroker: fleet.refused(),
      counts: found.counts,
      wrong,
    };
  } finally {
    await fleet.stop();
    await log.close();
    await broker?.stop();
  }
}

/** Two processes of each stage, each in its own folder, as if on another machine. One that ends early is started again. */
function startFleet(folder, name, sets) {
  const live = new Map();
  const unexpected = [];
  let [over, refused] = [false, 0];
  const start = (id, stage) => {
    const place = ['--run', join(folder, id, name), '--join', '--json', '--stage', stage];
    const { child, done } = startRlsd(['run', file, ...place, ...withSettings(sets)]);
    live.set(id, { stage, child, done });
    done.then(({ code, signal, complaint }) => {
      live.delete(id);
      if (over || code === 0) return;
      // A process that starts while the broker is down fails and is started again; no other ends before the run does.
      if (code === 2 && /no answer from Kafka/.test(complaint)) refused++;
      else if (signal !== 'SIGKILL') unexpected.push(`${id}: exit ${code ?? signal}: ${complaint}`);
      start(id, stage);
    });
  };
  for (const stage of STAGES) for (const n of [1, 2]) start(`${stage}-${n}`, stage);
  return {
    live,
    unexpected,
    refused: () => refused,
    /** Ends what still runs; resolves with its names. */
    async stop() {
      over = true;
      const stuck = [...live.keys()];
      if (stuck.length > 0) {
        const lag = promisify(execFile)(process.execPath, [main, 'lag', join(folder, 'learn-1', name)]);
        console.error((await lag.catch((error) => error)).stdout);
      }
      const ends = [...live.values()].map(({ child, done }) => {
        child.kill('SIGKILL');
        return done;
      });
      await Promise.all(ends);
      return stuck;
    },
  };
}

/** The newest version, and whether it has been the newest for too long. */
function watchProgress(log, limit) {
  const began = Date.now();
  let newest = { version: -1, at: began };
  return {
    async trained() {
      const version = (await lastWeights(log))?.version ?? 0;
      if (version > newest.version) newest = { version, at: Date.now() };
      return version;
    },
    isLate: () => Date.now() - began > limit || Date.now() - newest.at > PATIENCE,
  };
}

/**
 * Kills every process in turn, in random order, so that each stage gets its share: one kill for so many steps, or after
 * a while without any.
 */
async function killInTurn({ kills, steps, fleet, progress, broker, random, log, plan, spec }) {
  const census = newCensus(plan.topics);
  const perStep = spec.learn.prompts * spec.rollout.group;
  const of = Object.fromEntries(STAGES.map((stage) => [stage, 0]));
  const figures = { killed: 0, inMidStep: 0, restarts: 0 };
  const wrong = [];
  for (let deck = []; figures.killed < kills && wrong.length === 0 && !progress.isLate(); ) {
    const before = Date.now();
    const due = 1 + (figures.killed * (steps - 2)) / kills;
    do await sleep(100);
    while (
      Date.now() - before < 500 ||
      ((await progress.trained()) < due && (Date.now() - before < 15_000 || figures.killed === 0) && !progress.isLate())
    );
    if (deck.length === 0) deck = random.shuffled([...fleet.live.keys()]);
    const victim = fleet.live.get(deck.pop());
    if (!victim?.child.kill('SIGKILL')) continue;
    of[victim.stage]++;
    figures.killed++;
    const found = await census.take(log);
    // Topics are read one after the other while the run goes on, so only what is in each of them can be compared.
    wrong.push(...repeated(found).map((problem) => `after kill ${figures.killed}: ${problem}`));
    if (found.counts.rollouts.distinct > found.newest * perStep) figures.inMidStep++;
    if (figures.killed % 10 === 0)
      console.error(
        `${figures.killed} of ${kills} killed, the last a process of ${victim.stage}, at version ${found.newest}`,
      );
    if (broker && figures.killed % KILLS_PER_RESTART === 0) {
      figures.restarts++;
      await broker.restart();
    }
  }
  return { census, of, figures, wrong };
}
