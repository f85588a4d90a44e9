import type { Join } from '../../privileged/lookup/lookup.js';
import type { Message } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { PipelineSpec } from './spec.js';

/**
 * A data set of a pipeline, and how it is judged and taught. A pipeline without `tasks` is one task whose name is ''.
 */
export interface Task {
  readonly name: string;
  /** undefined: none of its own, as where a run begins with recorded samples. */
  readonly prompts: PipelineSpec['prompts'];
  readonly verify: PipelineSpec['verify'];
  /** What the teacher is shown, where that is not what the whole pipeline declares. */
  readonly joins: readonly Join[] | undefined;
  /** The teacher's prompt; undefined: the default. */
  readonly template: string | undefined;
  /** Field of the spec that `template` is from, for messages. */
  readonly templateField: string;
  /** Share of the prompts, relative to the other tasks. */
  readonly weight: number;
  /** Prompts of a pipeline that trains nothing. */
  readonly limit: number | undefined;
}

/** The tasks of a pipeline, in the order in which they are declared. */
export function tasksOf(spec: Pick<PipelineSpec, 'tasks' | 'prompts' | 'verify' | 'teach'>): readonly Task[] {
  const { tasks, prompts, verify, teach } = spec;
  const common = { verify, joins: undefined, template: teach.template, templateField: 'teach.template', weight: 1 };
  if (!tasks) return [{ ...common, name: '', prompts, limit: prompts?.limit }];
  return Object.entries(tasks).map(([name, task]) => ({
    ...common,
    name,
    prompts: task.prompts,
    limit: task.prompts.limit,
    weight: task.weight,
    ...(task.verify && { verify: task.verify }),
    // The parser leaves out what was not written, so no field of a join is there and undefined.
    ...(task.privileged && { joins: task.privileged as Join[] }),
    ...(task.teach && { template: task.teach.template, templateField: `tasks.${name}.teach.template` }),
  }));
}

/** An item's id in the run: two tasks may use the same ids. */
export const itemIdIn = ({ name }: Pick<Task, 'name'>, itemId: string): string =>
  name === '' ? itemId : `${name}/${itemId}`;

/** Name of the task that an item belongs to; '' in a pipeline without `tasks`. */
export const taskNameOf = ({ tasks }: Pick<PipelineSpec, 'tasks'>, itemId: string): string =>
  tasks ? itemId.slice(0, Math.max(0, itemId.indexOf('/'))) : '';

/**
 * Finds what belongs to an item's task.
 * @throws {UserError} `no-task` on use, for an item of a task that the pipeline does not have
 */
export function byTask<T>(spec: Pick<PipelineSpec, 'tasks'>, values: ReadonlyMap<string, T>): (itemId: string) => T {
  return (itemId) => {
    const name = taskNameOf(spec, itemId);
    const found = values.get(name);
    if (found !== undefined) return found;
    const expected = [...values.keys()].map((task) => `${task}/…`).join(', ');
    throw new UserError('no-task', `item ${itemId}: belongs to no task of the pipeline; expected one of ${expected}`);
  };
}

/** What the student is asked, as a conversation. Its own system message counts before that of the pipeline. */
export function messagesOf(
  { prompts }: { readonly prompts: Pick<NonNullable<Task['prompts']>, 'system'> | undefined },
  { question, before = [] }: { readonly question: string; readonly before?: readonly Message[] },
): Message[] {
  const system = before.some(({ role }) => role === 'system') ? undefined : prompts?.system;
  return [
    ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
    ...before,
    { role: 'user', content: question },
  ];
}
