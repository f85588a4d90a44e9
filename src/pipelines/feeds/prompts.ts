import type { PrivilegedTable } from '../../privileged/documents/table.js';
import { itemRecord, privilegedAppend } from '../../privileged/records.js';
import type { OnDeadLetter } from '../../runtime/stage.js';
import { type BadItem, isBad, type Positioned, type SourceItem } from '../../sources/source.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import type { Append } from '../../topics/log.js';
import { newTrace, toAppend, traced } from '../../topics/record-codec.js';
import { taskContext } from '../running/context.js';
import type { PipelineSpec } from '../spec/spec.js';
import { itemIdIn, messagesOf, type Task } from '../spec/tasks.js';
import { type Fed, type Feed, type Places, placeIn } from './feed.js';
import { passId } from './pass-id.js';
import { problemAppend } from './problem.js';
import type { TaskSource } from './sources.js';

export interface PromptEnvironment {
  /** The stage's name. */
  readonly name: string;
  readonly spec: PipelineSpec;
  /** Knows which items' texts were forgotten: these are not written again. */
  readonly table: Pick<PrivilegedTable, 'catchUp' | 'document'>;
  readonly run: string;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
}

/** A source while it is read. */
interface Reader extends TaskSource {
  readonly items: AsyncIterator<Positioned>;
}

/**
 * The prompts of a pipeline's tasks, mixed by weight: the next prompt is of the task that has had the least for its
 * weight. With a learner the sources are read over and over; without one, each once or up to its `limit`.
 */
export function promptFeed(sources: readonly TaskSource[], environment: PromptEnvironment): Feed {
  const { spec, table } = environment;
  const isOver = ({ task }: Reader, found: Positioned, places: Places) =>
    !spec.learn &&
    (found.pass > 0 || (task.limit !== undefined && placeIn(places, task.name).count >= BigInt(task.limit)));
  return {
    catchUp: () => table.catchUp(),
    async *from(start) {
      const readers = sources.map(({ task, source }): Reader => {
        const items = source.from(placeIn(start, task.name).position)[Symbol.asyncIterator]();
        return { task, source, items };
      });
      try {
        let places = start;
        for (;;) {
          const reader = nextReader(readers, places);
          if (!reader) return;
          const { value, done } = await reader.items.next();
          if (done || isOver(reader, value, places)) {
            readers.splice(readers.indexOf(reader), 1);
            await reader.items.return?.();
            continue;
          }
          const fed = fedItem(reader.task, value, places, environment);
          yield fed;
          places = fed.next;
        }
      } finally {
        for (const { items } of readers) await items.return?.();
      }
    },
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

function fedItem(task: Task, positioned: Positioned, places: Places, environment: PromptEnvironment): Fed {
  const { found, position } = positioned;
  const { count } = placeIn(places, task.name);
  const counts = !isBad(found);
  const next = new Map(places).set(task.name, { position: position + 1n, count: counts ? count + 1n : count });
  const appends: Fed['appends'] = isBad(found)
    ? async () => [badItem(found, position, environment)]
    : (sequence, step) => promptAppends(task, found, positioned, { sequence, step }, environment);
  return { next, counts, appends };
}

const badItem = ({ source, error }: BadItem, position: bigint, environment: PromptEnvironment): Append =>
  problemAppend({ source, error, at: { topic: 'source', partition: 0, offset: position } }, environment);

async function promptAppends(
  task: Task,
  item: SourceItem,
  { pass, position }: Positioned,
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
  });
  const prompt = traced(plain, newTrace(run, promptId), name);
  if (pass > 0) return [prompt];
  const reference = toAppend('references', { run, itemId, answer, data, hash: digest(answer, data ?? '') });
  const privileged = await privilegedAppends(task, { ...item, itemId }, position, environment);
  const isForgotten = await forgotten(`reference:${itemId}`, environment);
  return [...(isForgotten ? [] : [reference]), ...privileged, prompt];
}

/** The answer and the trace of an item, where its task shows them to the teacher. */
async function privilegedAppends(
  task: Task,
  { itemId, answer, trace, source }: SourceItem,
  position: bigint,
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
      const message = `${source}: document ${record.documentId} is in the source ${declared.source} already, which counts; expected it in one place`;
      appends.push(badItem({ source, error: new UserError('document-twice', message) }, position, environment));
    }
  }
  return appends;
}

const forgotten = async (id: string, { table }: PromptEnvironment): Promise<boolean> =>
  ((await table.document(id))?.forgotten.length ?? 0) > 0;
