import { setTimeout as wait } from 'node:timers/promises';
import type { PrivilegedTable } from '../../privileged/documents/table.js';
import { itemRecord, privilegedAppend } from '../../privileged/records.js';
import type { OnDeadLetter } from '../../runtime/stage.js';
import { type Found, isBad, type Positioned, type SourceItem } from '../../sources/source.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import type { Append, Position, TopicLog } from '../../topics/log.js';
import { newTrace, toAppend, traced } from '../../topics/record-codec.js';
import { scan } from '../../topics/scan.js';
import { taskContext } from '../running/context.js';
import type { PipelineSpec } from '../spec/spec.js';
import { itemIdIn, messagesOf, type Task } from '../spec/tasks.js';
import { type Fed, type Feed, type Places, placeIn } from './feed.js';
import type { Feedback } from './feedback.js';
import { passId } from './pass-id.js';
import { problemAppend } from './problem.js';
import type { TaskSource } from './sources.js';

export interface PromptEnvironment {
  /** The stage's name. */
  readonly name: string;
  readonly spec: PipelineSpec;
  /** Knows which items' texts were forgotten: these are not written again. */
  readonly table: Pick<PrivilegedTable, 'catchUp' | 'document'>;
  /** Whether an item is asked in this turn. Default: always. */
  readonly accepts?: Feedback['accepts'];
  /** Where topics of prompts are, and what the run has written so far. */
  readonly log: TopicLog;
  readonly run: string;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
}

/** A source while it is read. */
interface Reader extends TaskSource {
  readonly items: AsyncIterator<Positioned<Found | null>>;
}

/** Between two looks at topics that have nothing new, in milliseconds. */
const IDLE_MS = 100;

/**
 * The prompts of a pipeline's tasks, mixed by weight: the next prompt is of the task that has had the least for its
 * weight, among those that have one. With a learner the sources are read over and over; without one, each once or up to
 * its `limit`.
 */
export function promptFeed(sources: readonly TaskSource[], environment: PromptEnvironment): Feed {
  const { spec, table, log } = environment;
  const isOver = ({ task }: Reader, { pass }: Positioned<Found | null>, places: Places) =>
    !spec.learn && (pass > 0 || (task.limit !== undefined && placeIn(places, task.name).count >= BigInt(task.limit)));
  return {
    catchUp: () => table.catchUp(),
    async *from(start, signal) {
      const readers = sources.map(({ task, source }): Reader => {
        const items = source.from(placeIn(start, task.name).position, log)[Symbol.asyncIterator]();
        return { task, source, items };
      });
      const isNew = await newIds(sources, log);
      const idle = new Set<Reader>();
      try {
        let places = start;
        while (!signal.aborted) {
          const reader = nextReader(
            readers.filter((one) => !idle.has(one)),
            places,
          );
          if (!reader && readers.length === 0) return;
          if (!reader) {
            yield null;
            await wait(IDLE_MS, undefined, { signal }).catch(() => {});
            idle.clear();
            continue;
          }
          const { value, done } = await reader.items.next();
          if (done || isOver(reader, value, places)) {
            readers.splice(readers.indexOf(reader), 1);
            await reader.items.return?.();
          } else if (value.found === null) idle.add(reader);
          else {
            const positioned = { ...value, found: isNew(reader.task, value.found) };
            if (!isAsked(reader.task, positioned, environment)) {
              places = placesAfter(reader.task, positioned, places, false);
              continue;
            }
            const fed = fedItem(reader.task, positioned, places, environment);
            yield fed;
            places = fed.next;
            if (fed.counts) idle.clear();
          }
        }
      } finally {
        for (const { items } of readers) await items.return?.();
      }
    },
  };
}

/**
 * Finds items of topics that the run has had: whoever writes a topic may write a prompt twice. Files and generators
 * have ids of their own.
 */
async function newIds(sources: readonly TaskSource[], log: TopicLog): Promise<(task: Task, found: Found) => Found> {
  const isTopic = ({ prompts }: Task) => prompts !== undefined && 'topic' in prompts;
  const known = new Set<string>();
  if (sources.some(({ task }) => isTopic(task)))
    for (const { bounds } of (await log.describe()).filter(({ name }) => name === 'prompts'))
      for (const [partition, { start }] of bounds.entries())
        for await (const { key } of scan(log, 'prompts', partition, start)) known.add(key);
  return (task, found) => {
    if (!isTopic(task) || isBad(found)) return found;
    const id = passId(itemIdIn(task, found.itemId), 0, '#');
    if (known.has(id)) {
      const message = `${found.source}: id: found ${found.itemId} again; the first record counts`;
      return { source: found.source, error: new UserError('duplicate', message) };
    }
    known.add(id);
    return found;
  };
}

/** The reader whose task has had the least for its weight; the first of several. */
function nextReader(readers: readonly Reader[], places: Places): Reader | undefined {
  const due = ({ task }: Reader) => (Number(placeIn(places, task.name).count) + 1) / task.weight;
  return readers.reduce<Reader | undefined>(
    (least, reader) => (least === undefined || due(reader) < due(least) ? reader : least),
    undefined,
  );
}

/** Whether it is the turn of an item. What cannot be read has no turn. */
function isAsked(task: Task, { found, pass }: Positioned, { accepts }: PromptEnvironment): boolean {
  return isBad(found) || accepts === undefined || accepts(itemIdIn(task, found.itemId), String(pass));
}

function placesAfter(
  { name }: Task,
  { position, next = position + 1n }: Positioned,
  places: Places,
  counts: boolean,
): Places {
  const { count } = placeIn(places, name);
  return new Map(places).set(name, { position: next, count: counts ? count + 1n : count });
}

function fedItem(task: Task, positioned: Positioned, places: Places, environment: PromptEnvironment): Fed {
  const { found, position, at = { topic: 'source', partition: 0, offset: position } } = positioned;
  const counts = !isBad(found);
  const appends: Fed['appends'] = isBad(found)
    ? async () => [problemAppend({ ...found, at }, environment)]
    : (sequence, step) => promptAppends(task, found, { pass: positioned.pass, at }, { sequence, step }, environment);
  return {
    next: placesAfter(task, positioned, places, counts),
    counts,
    appends,
  };
}

async function promptAppends(
  task: Task,
  item: SourceItem,
  { pass, at }: { readonly pass: number; readonly at: Position },
  place: { readonly sequence: bigint; readonly step: number },
  environment: PromptEnvironment,
): Promise<Append[]> {
  const { name, spec, run } = environment;
  const { answer, data, source } = item;
  const itemId = itemIdIn(task, item.itemId);
  const promptId = passId(itemId, pass, '#');
  const messages = messagesOf(task, item);
  const plain = toAppend('prompts', {
    ...{ run, promptId, itemId, ...place, messages },
    seed: BigInt(spec.seed),
    source,
    level: item.level ?? null,
  });
  const prompt = traced(plain, newTrace(run, promptId), name);
  if (pass > 0) return [prompt];
  const reference = toAppend('references', { run, itemId, answer, data, hash: digest(answer, data ?? '') });
  const privileged = await privilegedAppends(task, { ...item, itemId }, at, environment);
  const isForgotten = await forgotten(`reference:${itemId}`, environment);
  return [...(isForgotten ? [] : [reference]), ...privileged, prompt];
}

/** The answer and the trace of an item, where its task shows them to the teacher. */
async function privilegedAppends(
  task: Task,
  { itemId, answer, trace, source }: SourceItem,
  at: Position,
  environment: PromptEnvironment,
): Promise<Append[]> {
  const { spec, run, now, table } = environment;
  const context = { reference: answer === '' ? null : answer, trace };
  const appends: Append[] = [];
  for (const kind of ['reference', 'trace'] as const) {
    const content = context[kind];
    const isShown = taskContext(spec, task).joins.includes(kind);
    if (content === null || !isShown || (await forgotten(`${kind}:${itemId}`, environment))) continue;
    const record = itemRecord({ run, itemId, kind, content, source, time: now() });
    const declared = (await table.document(record.documentId))?.current;
    // A declared source may have labelled its text; what the prompts have next to it must not take its place.
    if (!declared || declared.stamp === null) appends.push(privilegedAppend(record));
    else if (declared.version !== record.version) {
      const message =
        `${source}: document ${record.documentId} is in the source ${declared.source} already, ` +
        'which counts; expected it in one place';
      appends.push(problemAppend({ source, error: new UserError('document-twice', message), at }, environment));
    }
  }
  return appends;
}

const forgotten = async (id: string, { table }: PromptEnvironment): Promise<boolean> =>
  ((await table.document(id))?.forgotten.length ?? 0) > 0;
