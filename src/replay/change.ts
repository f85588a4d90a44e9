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

/** Whether other documents are declared than those of the record. */
export const newDocuments = (was: PipelineSpec, is: PipelineSpec): boolean =>
  !isDeepStrictEqual(contextOf(was).sources, contextOf(is).sources);

/** Whether the teacher would be shown what the record says it was shown. */
export const sameContext = (was: PipelineSpec, is: PipelineSpec): boolean =>
  isDeepStrictEqual(
    [was.privileged, was.teach.contextTokens, was.teach.context],
    [is.privileged, is.teach.contextTokens, is.teach.context],
  );

/** Whether the same weights and template would teach each sample. */
export const sameTeacher = (was: Plan, is: Plan): boolean =>
  isDeepStrictEqual([was.spec.teach, was.method.teacher], [is.spec.teach, is.method.teacher]);

export async function changedPlan(run: RunFolder, folder: string, from: string, set: readonly string[]): Promise<Plan> {
  const { manifest } = run;
  const recorded = withBase(manifest, folder);
  const spec = changeSpec(recorded, set);
  const order: readonly string[] = ['prompts', ...groupTopics];
  const present = order.filter((topic) => run.plan.topics.some(({ name }) => name === topic));
  if (!present.includes(from)) {
    const near = nearest(from, present);
    throw new UserError(
      'unknown-topic',
      `--from ${from}: a replay begins after one of ${present.join(', ')}${near ? `; did you mean ${near}?` : ''}`,
    );
  }
  const plan = await loadPlan(spec, manifest.folder);
  if (!plan.topics.some(({ name }) => name === from))
    throw new UserError('bad-change', `--from ${from}: the changed pipeline has no such topic; begin with verdicts`);
  for (const field of decidedBefore(plan, from)) {
    const [was, is] = [JSON.stringify(fieldAt(recorded, field)), JSON.stringify(fieldAt(spec, field))];
    if (was !== is)
      throw new UserError(
        'bad-change',
        `--set ${field}: found ${is}, expected ${was} as recorded: it was decided before ${from}${field === 'steps' ? '; --only step=..LAST ends a replay earlier' : ''}`,
      );
  }
  if (newDocuments(recorded, spec)) return plan;
  const kept = shownKinds(contextOf(manifest.spec).joins);
  const missing = readsPrivileged(plan.method)
    ? shownKinds(contextOf(spec).joins).filter((kind) => !kept.includes(kind))
    : [];
  if (missing.length > 0)
    throw new UserError(
      'bad-change',
      `--set privileged: found ${missing.join(', ')}, expected some of ${kept.join(', ') || 'nothing'}: the run recorded no other context`,
    );
  return plan;
}
