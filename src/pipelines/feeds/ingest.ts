import type { StageObserver } from '../../runtime/stage.js';
import { type Append, type Consumer, FencedError, type TopicLog } from '../../topics/log.js';
import { promptCredit } from '../running/credit.js';
import { promptsPerStep, stepsOf } from '../spec/sections.js';
import type { Plan } from '../stages/definition.js';
import type { Feed } from './feed.js';
import { type Held, nextToken, takeToken, tokenAppend } from './token.js';

export interface IngestEnvironment extends Pick<Plan, 'spec' | 'store'> {
  /** The stage's name. */
  readonly name: string;
  readonly log: TopicLog;
  /** Resolves once a version has been published: prompts are not read further ahead than the run needs. */
  readonly published: (version: number) => Promise<unknown>;
  readonly observer?: Pick<StageObserver, 'unit' | 'committed'>;
  /** Called whenever the sources begin to have nothing, and when they have something again. */
  readonly onIdle?: (isIdle: boolean) => void;
}

/** Problems in a source that are written together, where they come before the first prompt of a step. */
const PROBLEMS = 256;

/** Steps of prompts that wait in one partition ahead of the one being trained. */
const STEPS_AHEAD = 4;

/**
 * Steps that are written ahead of the published weights at most. The partitions of a cluster are not read in the order
 * of the steps: what waits for newer weights must leave credit for what does not.
 */
export const stepsAhead = ({ spec, store }: Pick<Plan, 'spec' | 'store'>): number =>
  store.traits.partitions === 1
    ? STEPS_AHEAD + spec.flow.maxLag + spec.publish.every
    : Math.floor(promptCredit(spec) / promptsPerStep(spec)) - 1;

/**
 * Writes prompts until the run has as many as its steps need, or the feed ends: a step's records in one transaction,
 * together with the places in the sources, so that a crash leaves no gap and no repeat.
 */
export async function ingest(
  feed: Feed,
  consumer: Consumer,
  environment: IngestEnvironment,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      let held = await takeToken(environment.log, consumer, signal);
      while (held) held = await ingestFrom(held, feed, consumer, environment, signal);
      return;
    } catch (error) {
      // Another process writes the prompts now.
      if (!(error instanceof FencedError)) throw error;
    }
  }
}

/** The records of one step. */
interface Batch {
  readonly appends: Append[];
  readonly started: number;
  /** Number of its first prompt. */
  readonly first: bigint;
  /** What was in the place of a prompt. */
  problems: number;
}

const newBatch = (first: bigint): Batch => ({ appends: [], started: performance.now(), first, problems: 0 });

/**
 * Continues from a token to the last prompt or the signal, or resolves to the token of another process that got further
 * meanwhile.
 */
async function ingestFrom(
  { token, offset }: Held,
  feed: Feed,
  consumer: Consumer,
  environment: IngestEnvironment,
  signal: AbortSignal,
): Promise<Held | undefined> {
  const { spec } = environment;
  const perStep = BigInt(promptsPerStep(spec));
  const total = spec.learn ? BigInt(stepsOf(spec)) * perStep : undefined;
  const isLast = (sequence: bigint) => total !== undefined && sequence >= total;
  let { sequence, places } = token;
  let read = offset;
  let batch = newBatch(sequence);
  if (isLast(sequence) || token.done) return undefined;
  const commit = async (done: boolean) => {
    const offsets = [{ topic: 'source', partition: 0, offset: read }];
    await consumer.commit({ appends: [...batch.appends, tokenAppend({ places, sequence, done })], offsets });
    const seconds = (performance.now() - batch.started) / 1000;
    environment.observer?.unit(environment.name, { records: Number(sequence - batch.first), seconds, tokens: 0 });
    environment.observer?.committed(environment.name, offsets, batch.appends.length);
  };
  await feed.catchUp();
  for await (const fed of feed.from(places, signal)) {
    if (signal.aborted) return undefined;
    environment.onIdle?.(fed === null);
    if (fed) {
      batch.appends.push(...(await fed.appends(sequence, Number(sequence / perStep))));
      places = fed.next;
      if (fed.counts) sequence++;
      else batch.problems++;
    }
    const isStep = fed?.counts === true && (sequence % perStep === 0n || isLast(sequence));
    // Problems before the first prompt of a step need not wait for it, which may never come.
    const isAlone = sequence === batch.first && batch.problems >= (fed ? PROBLEMS : 1);
    if (!isStep && !isAlone) continue;
    await commit(false);
    if (isLast(sequence)) return undefined;
    const held = await nextToken(consumer, sequence, signal);
    if (held?.token.sequence !== sequence) return held;
    read = held.offset;
    // Without a learner there are no newer weights to wait for.
    if (isStep && spec.learn) await environment.published(Number(sequence / perStep) - stepsAhead(environment));
    await feed.catchUp();
    batch = newBatch(sequence);
  }
  if (!signal.aborted) await commit(true);
  return undefined;
}
