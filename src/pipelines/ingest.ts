import { digest } from '../digest.js';
import { itemRecord, privilegedAppend } from '../privileged/records.js';
import type { PrivilegedTable } from '../privileged/table.js';
import type { Append, Consumer } from '../topics/log.js';
import type { Message } from '../topics/records.js';
import { contextOf } from './context.js';
import { type BadLine, isBad, type Positioned, type PromptSource, type SourceItem } from './source.js';
import type { PipelineSpec } from './spec.js';
import { toAppend } from './wire.js';

/** What the student is asked, as a conversation. */
export function messagesOf(spec: PipelineSpec, question: string): Message[] {
  const { system } = spec.prompts;
  return [
    ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user', content: question },
  ];
}

export interface IngestEnvironment {
  readonly spec: PipelineSpec;
  /** Resolves once a version has been published: prompts are not read further ahead than the run needs. */
  readonly published: (version: number) => Promise<unknown>;
  /** Knows which items' texts were forgotten: these are not written again. */
  readonly table: Pick<PrivilegedTable, 'catchUp' | 'document'>;
  readonly run: string;
  readonly now: () => number;
  readonly onDeadLetter?: (stage: string, cause: string, error: string) => void;
}

/** Steps of prompts that wait in the topic ahead of the one being trained. */
const STEPS_AHEAD = 4;

/**
 * Writes prompts until the run has as many as its steps need: a step's prompts, their references and what is privileged of them in
 * one transaction, together with the position in the source, so that a crash leaves no gap and no repeat.
 */
export async function ingest(
  source: PromptSource,
  consumer: Consumer,
  start: { readonly position: bigint; readonly sequence: bigint },
  environment: IngestEnvironment,
  signal: AbortSignal,
): Promise<void> {
  const { steps, learn, flow, publish } = environment.spec;
  const ahead = STEPS_AHEAD + flow.maxLag + publish.every;
  const total = BigInt(steps * learn.prompts);
  let { sequence } = start;
  let appends: Append[] = [];
  if (sequence >= total) return;
  await environment.table.catchUp();
  for await (const positioned of source.from(start.position)) {
    if (signal.aborted) return;
    if (isBad(positioned.found)) appends.push(badLine(positioned.found, positioned.position, environment));
    else appends.push(...promptAppends(positioned.found, positioned, sequence++, environment));
    if (sequence % BigInt(learn.prompts) > 0n && sequence < total) continue;
    if (isBad(positioned.found)) continue;
    await consumer.commit({ appends, offsets: [{ topic: 'source', partition: 0, offset: positioned.position + 1n }] });
    appends = [];
    if (sequence >= total) return;
    await environment.published(Number(sequence / BigInt(learn.prompts)) - ahead);
    await environment.table.catchUp();
  }
}

function promptAppends(
  item: SourceItem,
  { pass }: Positioned,
  sequence: bigint,
  environment: IngestEnvironment,
): Append[] {
  const { spec, run, now, table } = environment;
  const { itemId, answer, data, trace, source } = item;
  const prompt = toAppend('prompts', {
    run,
    promptId: pass === 0 ? itemId : `${itemId}#${pass}`,
    itemId,
    sequence,
    step: Number(sequence / BigInt(spec.learn.prompts)),
    messages: messagesOf(spec, item.question),
    seed: BigInt(spec.seed),
    source,
  });
  if (pass > 0) return [prompt];
  const forgotten = (kind: 'reference' | 'trace') => (table.document(`${kind}:${itemId}`)?.forgotten.length ?? 0) > 0;
  const reference = toAppend('references', { run, itemId, answer, data, hash: digest(answer, data ?? '') });
  const context = { reference: answer === '' ? null : answer, trace };
  const joined = (['reference', 'trace'] as const).filter((kind) => contextOf(spec).joins.includes(kind));
  const privileged = joined.flatMap((kind) => {
    const content = context[kind];
    return content === null || forgotten(kind)
      ? []
      : [privilegedAppend(itemRecord({ run, itemId, kind, content, source, time: now() }))];
  });
  return [...(forgotten('reference') ? [] : [reference]), ...privileged, prompt];
}

function badLine(bad: BadLine, position: bigint, environment: IngestEnvironment): Append {
  const { run, now, onDeadLetter } = environment;
  onDeadLetter?.('ingest', bad.error.code, bad.error.message);
  return toAppend('dead-letters', {
    run,
    id: digest('ingest', bad.source).slice(0, 16),
    stage: 'ingest',
    cause: bad.error.code,
    error: bad.error.message,
    topic: 'source',
    partition: 0,
    offset: position,
    key: bad.source,
    // The line may hold what is privileged; its place in the file is enough to find it.
    value: null,
    headers: {},
    attempts: 1,
    time: now(),
  });
}
