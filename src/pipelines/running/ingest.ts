import { z } from 'zod';
import type { PrivilegedTable } from '../../privileged/documents/table.js';
import { itemRecord, privilegedAppend } from '../../privileged/records.js';
import type { Message } from '../../records/records.js';
import type { OnDeadLetter, StageObserver } from '../../runtime/stage.js';
import { type BadItem, isBad, type Positioned, type PromptSource, type SourceItem } from '../../sources/source.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { type Append, type Consumer, FencedError, type LogRecord, type TopicLog } from '../../topics/log.js';
import { newTrace, toAppend, traced } from '../../topics/record-codec.js';
import { lastRecord } from '../../topics/scan.js';
import { promptsPerStep, stepsOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';
import type { Plan } from '../stages/definition.js';
import { contextOf } from './context.js';
import { promptCredit } from './credit.js';

/** What the student is asked, as a conversation. */
export function messagesOf(spec: PipelineSpec, question: string): Message[] {
  const { system } = spec.prompts;
  return [
    ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user', content: question },
  ];
}

export interface IngestEnvironment extends Pick<Plan, 'spec' | 'store'> {
  readonly log: TopicLog;
  /** Resolves once a version has been published: prompts are not read further ahead than the run needs. */
  readonly published: (version: number) => Promise<unknown>;
  /** Knows which items' texts were forgotten: these are not written again. */
  readonly table: Pick<PrivilegedTable, 'catchUp' | 'document'>;
  readonly run: string;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
  readonly observer?: Pick<StageObserver, 'unit' | 'committed'>;
}

/** Steps of prompts that wait in one partition ahead of the one being trained. */
const STEPS_AHEAD = 4;

/**
 * Maximum number of steps written ahead of the published weights. Several partitions are not read in the order of the steps:
 * prompts that wait for newer weights must leave credit for those that do not.
 */
export const stepsAhead = ({ spec, store }: Pick<Plan, 'spec' | 'store'>): number =>
  store.traits.partitions === 1
    ? STEPS_AHEAD + spec.flow.maxLag + spec.publish.every
    : Math.floor(promptCredit(spec) / promptsPerStep(spec)) - 1;

/**
 * The topic `source` holds one token at a time: where the next prompt is in the source, and its number in the run. Whoever reads it
 * writes a step's prompts and the next token in one transaction, so there is one writer of prompts however many stand by.
 */
interface Token {
  readonly position: bigint;
  readonly sequence: bigint;
  /** All prompts are written. Only a pipeline that trains nothing has a last prompt of its own. */
  readonly done?: boolean;
}

export const tokenAppend = ({ position, sequence, done }: Token): Append => ({
  topic: 'source',
  key: 'next',
  value: Buffer.from(JSON.stringify({ position: String(position), sequence: String(sequence), ...(done && { done }) })),
});

/** Whether all prompts of a pipeline that trains nothing are written. */
export async function isIngested(log: TopicLog): Promise<boolean> {
  const last = await lastRecord(log, 'source', 0, ({ value }) => value !== null);
  return last !== undefined && tokenOf(last).done === true;
}

function tokenOf({ value }: LogRecord): Token {
  const { position, sequence, done } = tokenSchema.parse(JSON.parse(Buffer.from(value ?? []).toString('utf8')));
  return { position, sequence, ...(done && { done }) };
}

const tokenSchema = z.object({
  position: z.string().transform(BigInt),
  sequence: z.string().transform(BigInt),
  done: z.boolean().optional(),
});

/** A token that this process may go on from, and the offset behind it. */
interface Held {
  readonly token: Token;
  readonly offset: bigint;
}

/** The token, once this process is the one that writes prompts; undefined when it is not before the signal. */
export async function takeToken(log: TopicLog, consumer: Consumer, signal: AbortSignal): Promise<Held | undefined> {
  let newest: Held | undefined;
  while (!signal.aborted) {
    const records = await consumer.poll(16, newest ? 0 : 500, signal);
    for (const record of records) {
      const token = tokenOf(record);
      // Two processes may have begun at once; the one that got further counts.
      const further = !newest || token.sequence > newest.token.sequence ? token : newest.token;
      newest = { token: further, offset: record.offset + 1n };
    }
    if (newest && records.length === 0) return newest;
    if (newest || consumer.assigned().length === 0) continue;
    const end = (await log.describe()).find(({ name }) => name === 'source')?.bounds[0]?.end;
    if (end === 0n && consumer.assigned().length > 0) await log.append([tokenAppend({ position: 0n, sequence: 0n })]);
  }
  return undefined;
}

/**
 * Writes prompts until the run has as many as its steps need: a step's prompts, their references and what is privileged of them in
 * one transaction, together with the position in the source, so that a crash leaves no gap and no repeat.
 */
export async function ingest(
  source: PromptSource,
  consumer: Consumer,
  environment: IngestEnvironment,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      let held = await takeToken(environment.log, consumer, signal);
      while (held) held = await ingestFrom(held, source, consumer, environment, signal);
      return;
    } catch (error) {
      // Another process writes the prompts now.
      if (!(error instanceof FencedError)) throw error;
    }
  }
}

/** Prompts that the run asks for; without a learner each of its source once, unless `prompts.limit` says fewer. */
function promptsWanted({ learn, steps, prompts }: PipelineSpec): bigint | number {
  if (learn) return BigInt(stepsOf({ steps }) * learn.prompts);
  return prompts.limit === undefined ? Number.POSITIVE_INFINITY : BigInt(prompts.limit);
}

/** Goes on from a token to the last prompt or the signal, or resolves to the token of another process that got further meanwhile. */
async function ingestFrom(
  { token, offset }: Held,
  source: PromptSource,
  consumer: Consumer,
  environment: IngestEnvironment,
  signal: AbortSignal,
): Promise<Held | undefined> {
  const { spec } = environment;
  const ahead = stepsAhead(environment);
  const perStep = BigInt(promptsPerStep(spec));
  const total = promptsWanted(spec);
  let { sequence } = token;
  let appends: Append[] = [];
  let read = offset;
  let before = sequence;
  let started = performance.now();
  if (sequence >= total || token.done) return undefined;
  await environment.table.catchUp();
  for await (const positioned of source.from(token.position)) {
    if (signal.aborted) return undefined;
    if (!spec.learn && positioned.pass > 0) {
      const next = tokenAppend({ position: positioned.position, sequence, done: true });
      await consumer.commit({
        appends: [...appends, next],
        offsets: [{ topic: 'source', partition: 0, offset: read }],
      });
      return undefined;
    }
    if (isBad(positioned.found)) appends.push(problem(positioned.found, positioned.position, environment));
    else appends.push(...(await promptAppends(positioned.found, positioned, sequence++, environment)));
    if (sequence % perStep > 0n && sequence < total) continue;
    if (isBad(positioned.found)) continue;
    const done = !spec.learn && sequence >= total;
    const next = tokenAppend({ position: positioned.position + 1n, sequence, done });
    const offsets = [{ topic: 'source', partition: 0, offset: read }];
    await consumer.commit({ appends: [...appends, next], offsets });
    const seconds = (performance.now() - started) / 1000;
    environment.observer?.unit('ingest', { records: Number(sequence - before), seconds, tokens: 0 });
    environment.observer?.committed('ingest', offsets, appends.length);
    appends = [];
    if (sequence >= total) return undefined;
    const held = await nextToken(consumer, sequence, signal);
    if (held?.token.sequence !== sequence) return held;
    read = held.offset;
    // Without a learner there are no newer weights to wait for.
    if (spec.learn) await environment.published(Number(sequence / perStep) - ahead);
    await environment.table.catchUp();
    before = sequence;
    started = performance.now();
  }
  return undefined;
}

/** Reads the token that was just written, or that of another process that wrote prompts while this one had lost its place. */
async function nextToken(consumer: Consumer, sequence: bigint, signal: AbortSignal): Promise<Held | undefined> {
  while (!signal.aborted) {
    const [record] = await consumer.poll(1, 500, signal);
    const token = record && tokenOf(record);
    if (token && token.sequence >= sequence) return { token, offset: record.offset + 1n };
    if (consumer.assigned().length === 0) throw new FencedError('another process writes the prompts');
  }
  return undefined;
}

async function promptAppends(
  item: SourceItem,
  { pass, position }: Positioned,
  sequence: bigint,
  environment: IngestEnvironment,
): Promise<Append[]> {
  const { spec, run, now, table } = environment;
  const { itemId, answer, data, trace, source } = item;
  const promptId = pass === 0 ? itemId : `${itemId}#${pass}`;
  const plain = toAppend('prompts', {
    run,
    promptId,
    itemId,
    sequence,
    step: Number(sequence / BigInt(promptsPerStep(spec))),
    messages: messagesOf(spec, item.question),
    seed: BigInt(spec.seed),
    source,
  });
  const prompt = traced(plain, newTrace(run, promptId), 'ingest');
  if (pass > 0) return [prompt];
  const forgotten = async (kind: 'reference' | 'trace') =>
    ((await table.document(`${kind}:${itemId}`))?.forgotten.length ?? 0) > 0;
  const reference = toAppend('references', { run, itemId, answer, data, hash: digest(answer, data ?? '') });
  const context = { reference: answer === '' ? null : answer, trace };
  const privileged: Append[] = [];
  for (const kind of ['reference', 'trace'] as const) {
    const content = context[kind];
    if (content === null || !contextOf(spec).joins.includes(kind) || (await forgotten(kind))) continue;
    const record = itemRecord({ run, itemId, kind, content, source, time: now() });
    const declared = (await table.document(record.documentId))?.current;
    // A declared source may have labelled its text; what the prompts have beside it must not take its place.
    if (!declared || declared.stamp === null) privileged.push(privilegedAppend(record));
    else if (declared.version !== record.version) {
      const message = `${source}: document ${record.documentId} is in the source ${declared.source} already, which counts; expected it in one place`;
      privileged.push(problem({ source, error: new UserError('document-twice', message) }, position, environment));
    }
  }
  return [...((await forgotten('reference')) ? [] : [reference]), ...privileged, prompt];
}

function problem(bad: BadItem, position: bigint, environment: IngestEnvironment): Append {
  const { run, now, onDeadLetter } = environment;
  const at = { topic: 'source', partition: 0, offset: position };
  onDeadLetter?.('ingest', bad.error.code, bad.error.message, at);
  return toAppend('dead-letters', {
    run,
    id: digest('ingest', bad.source, bad.error.message).slice(0, 16),
    stage: 'ingest',
    cause: bad.error.code,
    error: bad.error.message,
    ...at,
    key: bad.source,
    // The line may hold what is privileged; its place in the file is enough to find it.
    value: null,
    headers: {},
    attempts: 1,
    time: now(),
  });
}
