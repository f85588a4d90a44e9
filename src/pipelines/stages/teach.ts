import { resolve } from 'node:path';
import { concatMap, EMPTY, from, identity, mergeMap, type Observable, pipe, toArray } from 'rxjs';
import { asksTeacher, readsPrivileged } from '../../methods/method.js';
import { readConfig } from '../../models/folder.js';
import { readTokenizer } from '../../models/tokenizer.js';
import { firstDifferentToken } from '../../models/vocabulary.js';
import { scoreTeacher } from '../../operators/score-teacher.js';
import { openEmbedder } from '../../privileged/embedding/embedder.js';
import { checkKinds, checkWindow } from '../../privileged/template/template.js';
import type { TeacherScore, Verdict } from '../../records/records.js';
import type { Side } from '../../runtime/stage.js';
import {
  baseFolder,
  drawnAndScored,
  engineOf,
  engineProblems,
  modelOptions,
  teacherFolder,
  teacherTemplate,
} from '../plan/model.js';
import { embeddingModels, shownKinds, taskContext } from '../running/context.js';
import { promptCredit, sampleCredit } from '../running/credit.js';
import { rolloutOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';
import { tasksOf } from '../spec/tasks.js';
import { type CheckContext, defineRecordStage, type Plan } from './definition.js';
import type { RecordedInputs, Resources } from './resources.js';

type TeachResources = Pick<Resources, 'teacherPolicy' | 'versions' | 'teacher' | 'leaks'>;

export const teachStage = defineRecordStage<'verdicts', 'teacher-scores', keyof TeachResources>({
  name: 'teach',
  summary: 'Scores each completion by a snapshot of the policy that sees the privileged context.',
  isPartOf: ({ method }) => asksTeacher(method),
  output: 'teacher-scores',
  spreads: true,
  tables: () => ['privileged', 'weights'],
  continuesFrom: ['metrics'],
  emits: ['metrics'],
  decidedBy: ['teach', 'privileged', 'tasks'],
  needs: ['teacherPolicy', 'versions', 'teacher', 'leaks'],
  check: checkTeach,
  build: ({ plan, resources, recorded }) => ({
    input: 'verdicts',
    output: 'teacher-scores',
    unit: 'group',
    operator: teachOperator(plan, resources, recorded),
    credit: sampleCredit(plan.spec),
    concurrency: promptCredit(plan.spec),
  }),
});

function teachOperator(
  { spec, method }: Plan,
  { teacherPolicy, versions, teacher, leaks }: TeachResources,
  { scores }: RecordedInputs,
) {
  const isSeparate = asksTeacher(method) && method.teacher.model === 'separate';
  const version = async (snapshot: number) => {
    if (isSeparate) return 0;
    // In a replay the samples are there before the weights.
    await versions.published(snapshot);
    await versions.load(snapshot);
    return snapshot;
  };
  // Documents that were added, changed or forgotten count from the next step on.
  let step = -1;
  const follow = async (verdict: Verdict) => {
    if (verdict.step !== step) {
      step = verdict.step;
      await teacher.catchUp();
    }
    return verdict;
  };
  const score = (group: readonly Verdict[]): Observable<TeacherScore> => {
    const [first] = group;
    if (!first) return EMPTY;
    const settings = {
      ...teacher.of(first.itemId),
      version: (policyVersion: number) => version(snapshotOf(spec, policyVersion, first.step)),
      ...(scores && { recorded: scores }),
    };
    return from(group).pipe(scoreTeacher(teacherPolicy, method, settings));
  };
  // Without privileged context there is nothing that could leak.
  const measure = (side: Side) => (readsPrivileged(method) ? leaks(side) : identity);
  return (side: Side) => pipe(concatMap(follow), toArray(), mergeMap(score), measure(side));
}

/** The teacher's version for a sample. No version of this run made recorded samples: their teacher follows the step. */
function snapshotOf({ from, learn, teach }: PipelineSpec, policyVersion: number, step: number): number {
  const student = from ? (learn ? step : 0) : policyVersion;
  return student - (student % teach.every);
}

async function checkTeach({ plan, documents, demand, attempt }: CheckContext): Promise<void> {
  const { spec, folder, method, components } = plan;
  const { teach, publish } = spec;
  demand(
    teach.every % publish.every === 0,
    `teach.every: found ${teach.every}, expected a multiple of publish.every (${publish.every})`,
  );
  demand(
    !readsPrivileged(method) || tasksOf(spec).every((task) => taskContext(spec, task).joins.length > 0),
    `privileged: is empty, but the teacher of ${method.name} needs context: expected some of reference, trace`,
  );
  await attempt(() => checkModel(plan, demand));
  demand(
    teach.weights === 'own' || method.loss.inputs.every((input) => input !== 'targetTopLogprobs'),
    `teach.weights: found permuted, but ${method.name} distills distributions, which belong to their positions`,
  );
  if (asksTeacher(method) && !components.policy) {
    const scores = { kind: method.teacher.scores, by: `shape ${method.name}` };
    await attempt(async () => {
      for (const problem of await engineProblems(plan, { scores })) demand(false, problem);
      for (const problem of await separateTeacherProblems(plan)) demand(false, problem);
    });
  }
  if (documents) for (const model of embeddingModels(spec)) await attempt(() => tryEmbedder(resolve(folder, model)));
  if (!readsPrivileged(method)) return;
  await attempt(() => {
    const base = baseFolder(spec, folder);
    const config = readConfig(base);
    const tokenizer = readTokenizer(base, config.vocabSize);
    const window = {
      countTokens: (text: string) => tokenizer.encodePlain(text).length,
      contextTokens: teach.contextTokens ?? 0,
      maxTokens: rolloutOf(spec).maxTokens,
      contextLength: config.maxPositionEmbeddings,
    };
    for (const task of tasksOf(spec)) {
      const template = teacherTemplate(task);
      checkKinds(template, shownKinds(taskContext(spec, task).joins), task.templateField);
      checkWindow(template, window, task.templateField);
    }
  });
}

/** What the engine finds wrong with a separate teacher model. */
async function separateTeacherProblems(plan: Plan): Promise<readonly string[]> {
  const folder = teacherFolder(plan);
  if (folder === undefined) return [];
  const engine = await engineOf(plan);
  return (await engine.check?.({ ...modelOptions(plan), folder, isTeacher: true, ...drawnAndScored(plan) })) ?? [];
}

/** A separate teacher model is there where the method asks for one, and its token ids mean the same. */
function checkModel({ spec, folder, method }: Plan, demand: CheckContext['demand']): void {
  const { model } = spec.teach;
  const isSeparate = asksTeacher(method) && method.teacher.model === 'separate';
  demand(
    !isSeparate || model !== undefined,
    `teach.model: is missing; expected the folder of ${method.name}'s teacher`,
  );
  demand(
    isSeparate || model === undefined,
    `teach.model: found ${model}, but the teacher of ${method.name} is the policy`,
  );
  if (!isSeparate || model === undefined) return;
  const different = firstDifferentToken(baseFolder(spec, folder), resolve(folder, model));
  const [student, teacher] = different?.tokens ?? [];
  demand(
    different === undefined,
    `teach.model: token ${different?.id} is ${JSON.stringify(teacher) ?? 'missing'} in ${model} and ` +
      `${JSON.stringify(student) ?? 'missing'} in ${spec.model.base}; expected the same vocabulary`,
  );
}

/** Finds a model that cannot embed one word before the run starts. */
async function tryEmbedder(folder: string): Promise<void> {
  const embedder = await openEmbedder(folder, 1);
  try {
    await embedder.query('word');
  } finally {
    await embedder.close();
  }
}
