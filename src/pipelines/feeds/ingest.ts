import type { StageObserver } from '../../runtime/stage.js';
import { type Append, type Consumer, FencedError, type TopicLog } from '../../topics/log.js';
import { gapAppend, UNUSED } from '../../topics/record-codec.js';
import { promptCredit } from '../running/credit.js';
import { promptsPerStep, stepsOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';
import type { Plan } from '../stages/definition.js';
import type { Feed } from './feed.js';
import type { Feedback } from './feedback.js';
import { type Held, nextToken, type Token, takeToken, tokenAppend } from './token.js';

export interface IngestEnvironment extends Pick<Plan, 'spec' | 'store'> {
  /** The stage's name. */
  readonly name: string;
  readonly log: TopicLog;
  /** How prompts follow from verdicts. */
  readonly feedback: Feedback;
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

const aheadInOne = ({ flow, publish }: PipelineSpec): number => STEPS_AHEAD + flow.maxLag + publish.every;
const aheadInMany = (spec: PipelineSpec): number => Math.floor(promptCredit(spec) / promptsPerStep(spec)) - 1;

/**
 * Steps that are written ahead of the published weights at most. The partitions of a cluster are not read in the order
 * of the steps: what waits for newer weights must leave credit for what does not.
 */
export const stepsAhead = ({ spec, store }: Pick<Plan, 'spec' | 'store'>): number =>
  store.traits.partitions === 1 ? aheadInOne(spec) : aheadInMany(spec);

/** The same in any store: choices by the verdicts of the steps before these are the same in all of them. */
export const stepsAheadAnywhere = (spec: PipelineSpec): number => Math.max(aheadInOne(spec), aheadInMany(spec));

/**
 * Writes prompts until the run has as many as its steps need, or the feed ends: those of a round in one transaction,
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
      if (signal.aborted) return;
      // Another process writes the prompts now.
      if (!(error instanceof FencedError)) throw error;
    }
  }
}

/** The records of one transaction: the prompts of a round, and what was in the place of a prompt. */
interface Batch {
  readonly appends: Append[];
  readonly started: number;
  /** Number of its first prompt. */
  readonly first: bigint;
  /** Prompts that it takes. */
  readonly quota: number;
  /** What was in the place of a prompt. */
  problems: number;
}

/** Writing prompts from a token on. */
interface Writer {
  readonly consumer: Consumer;
  readonly environment: IngestEnvironment;
  readonly signal: AbortSignal;
  /** What has been written so far. */
  held: Held;
  /** Whether another process got further meanwhile, from where `held` continues. */
  isBehind: boolean;
}

const stepAt = ({ environment: { spec } }: Writer, sequence: bigint): number =>
  Number(sequence / BigInt(promptsPerStep(spec)));

function isOver({ environment: { spec }, held: { token } }: Writer): boolean {
  const total = spec.learn ? BigInt(stepsOf(spec)) * BigInt(promptsPerStep(spec)) : undefined;
  return token.done === true || (total !== undefined && token.sequence >= total);
}

/**
 * Continues from a token to the last prompt or the signal, or resolves to the token of another process that got further
 * meanwhile.
 */
async function ingestFrom(
  held: Held,
  feed: Feed,
  consumer: Consumer,
  environment: IngestEnvironment,
  signal: AbortSignal,
): Promise<Held | undefined> {
  const writer: Writer = { consumer, environment, signal, held, isBehind: false };
  let batch = await nextBatch(writer, feed);
  if (!batch) return undefined;
  let { places, sequence } = writer.held.token;
  for await (const fed of feed.from(places, signal)) {
    if (signal.aborted) return undefined;
    environment.onIdle?.(fed === null);
    if (fed) {
      batch.appends.push(...(await fed.appends(sequence, stepAt(writer, sequence))));
      places = fed.next;
      if (fed.counts) sequence++;
      else batch.problems++;
    }
    const isFull = fed?.counts === true && Number(sequence - batch.first) === batch.quota;
    // Problems before the first prompt of a round need not wait for it, which may never come.
    const isAlone = sequence === batch.first && batch.problems >= (fed ? PROBLEMS : 1);
    if (!isFull && !isAlone) continue;
    await commit(writer, batch, { places, sequence, round: roundAfter(writer, sequence, isFull) });
    batch = writer.isBehind ? undefined : await nextBatch(writer, feed);
    if (writer.isBehind) return writer.held;
    if (!batch) return undefined;
    sequence = writer.held.token.sequence;
  }
  if (!signal.aborted) await commit(writer, batch, { places, sequence, done: true });
  return undefined;
}

/** The rounds that the step of the next prompt has had, after a batch. */
function roundAfter(writer: Writer, sequence: bigint, isFull: boolean): number {
  const { token } = writer.held;
  if (stepAt(writer, sequence) !== stepAt(writer, token.sequence)) return 0;
  return (token.round ?? 0) + (isFull ? 1 : 0);
}

/**
 * A batch for the next round of prompts, once their step may be written. Steps that need no more prompts end first.
 * @returns undefined where there are no more, another process goes on, or the signal aborted
 */
async function nextBatch(writer: Writer, feed: Feed): Promise<Batch | undefined> {
  const { environment, signal } = writer;
  const { spec, feedback } = environment;
  const perStep = promptsPerStep(spec);
  await feed.catchUp();
  while (!signal.aborted && !writer.isBehind && !isOver(writer)) {
    const { places, sequence, round = 0 } = writer.held.token;
    const step = stepAt(writer, sequence);
    const taken = Number(sequence % BigInt(perStep));
    // Without a learner there are no newer weights to wait for.
    if (taken === 0 && step > 0 && spec.learn) await environment.published(step - stepsAhead(environment));
    await feedback.prepare(step, signal);
    const quota = await feedback.quota({ step, taken, round }, signal);
    const batch = { appends: [], started: performance.now(), first: sequence, quota, problems: 0 };
    if (quota > 0) return batch;
    const next = sequence + BigInt(perStep - taken);
    await commit(writer, { ...batch, appends: unusedPlaces(step, sequence, next) }, { places, sequence: next });
  }
  return undefined;
}

/** Gaps in the places of a step that no prompt takes, so that every stage knows that it is complete. */
function unusedPlaces(step: number, from: bigint, to: bigint): Append[] {
  return Array.from({ length: Number(to - from) }, (_, i) =>
    // No prompt has this id: that of an item is not empty.
    gapAppend('prompts', { promptId: `#${from + BigInt(i)}`, step, sampleIndex: null, groupSize: 1, cause: UNUSED }),
  );
}

/** Writes a batch and the token after it, and reads that token, or that of a process that got further. */
async function commit(writer: Writer, { appends, started, first }: Batch, token: Token): Promise<void> {
  const { consumer, signal, environment, held } = writer;
  const { name, observer } = environment;
  const offsets = [{ topic: 'source', partition: 0, offset: held.offset }];
  await consumer.commit({ appends: [...appends, tokenAppend(token)], offsets });
  const seconds = (performance.now() - started) / 1000;
  observer?.unit(name, { records: Number(token.sequence - first), seconds, tokens: 0 });
  observer?.committed(name, offsets, appends.length);
  if (isOver({ ...writer, held: { token, offset: held.offset } })) {
    writer.held = { token, offset: held.offset };
    return;
  }
  const next = await nextToken(consumer, token.sequence, signal);
  writer.isBehind = next !== undefined && next.token.sequence !== token.sequence;
  if (next) writer.held = next;
}
