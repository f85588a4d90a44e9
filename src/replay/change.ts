import { isDeepStrictEqual } from 'node:util';
import { readsPrivileged } from '../methods/method.js';
import { loadPlan } from '../pipelines/plan/load-method.js';
import { decidedBefore, type Plan } from '../pipelines/plan/plan.js';
import { contextOf, shownKinds } from '../pipelines/running/context.js';
import { changeSpec, fieldAt } from '../pipelines/spec/parse.js';
import type { PipelineSpec } from '../pipelines/spec/spec.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { nearest, UserError } from '../support/errors.js';
import { groupTopics } from '../topics/record-codec.js';
import { withBase } from './recorded.js';

/** Whether other documents are declared than in the recorded spec. */
export const newDocuments = (was: PipelineSpec, is: PipelineSpec): boolean =>
  !isDeepStrictEqual(contextOf(was).sources, contextOf(is).sources);

/** Whether the teacher would be shown the same context as recorded. */
export const sameContext = (was: PipelineSpec, is: PipelineSpec): boolean =>
  isDeepStrictEqual(
    [was.privileged, was.teach.contextTokens, was.teach.context],
    [is.privileged, is.teach.contextTokens, is.teach.context],
  );

/** Whether the same weights and template would teach each sample. */
export const sameTeacher = (was: Plan, is: Plan): boolean =>
  isDeepStrictEqual([was.spec.teach, was.method.teacher], [is.spec.teach, is.method.teacher]);

/**
 * The recorded plan with changes, for a replay that starts from a topic.
 * @param folder the run, for its copy of the base model
 * @throws {UserError} `unknown-topic`; `bad-change` for a field that was decided before the topic, or for context that
 * was not recorded
 */
export async function changedPlan(run: RunFolder, folder: string, from: string, set: readonly string[]): Promise<Plan> {
  const { manifest } = run;
  const recorded = withBase(manifest, folder);
  checkTopic(run.plan, from);
  const spec = changeSpec(recorded, set);
  const plan = await loadPlan(spec, manifest.folder);
  if (!plan.topics.some(({ name }) => name === from))
    throw new UserError(
      'bad-change',
      `--from ${from}: the changed pipeline has no such topic; expected --from verdicts`,
    );
  for (const field of decidedBefore(plan, from)) checkUnchanged(field, from, recorded, spec);
  if (!newDocuments(recorded, spec)) checkContext(plan, manifest.spec);
  return plan;
}

function checkTopic(plan: Plan, from: string): void {
  const order: readonly string[] = ['prompts', ...groupTopics];
  const present = order.filter((topic) => plan.topics.some(({ name }) => name === topic));
  if (present.includes(from)) return;
  const near = nearest(from, present);
  throw new UserError(
    'unknown-topic',
    `--from ${from}: expected one of ${present.join(', ')}${near ? `; did you mean ${near}?` : ''}`,
  );
}

function checkUnchanged(field: string, from: string, recorded: PipelineSpec, spec: PipelineSpec): void {
  const [was, is] = [JSON.stringify(fieldAt(recorded, field)), JSON.stringify(fieldAt(spec, field))];
  if (was === is) return;
  const hint = field === 'steps' ? '; --only step=..LAST ends a replay earlier' : '';
  throw new UserError(
    'bad-change',
    `--set ${field}: found ${is}, expected ${was} as recorded: it was decided before ${from}${hint}`,
  );
}

/** @throws {UserError} `bad-change` where the teacher would read kinds of context that the run did not record */
function checkContext({ spec, method }: Plan, recorded: PipelineSpec): void {
  if (!readsPrivileged(method)) return;
  const kept = shownKinds(contextOf(recorded).joins);
  const missing = shownKinds(contextOf(spec).joins).filter((kind) => !kept.includes(kind));
  if (missing.length > 0)
    throw new UserError(
      'bad-change',
      `--set privileged: found ${missing.join(', ')}, expected some of ${kept.join(', ') || 'nothing'}: the run ` +
        'recorded no other context',
    );
}
