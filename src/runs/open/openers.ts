import type { Policy } from '../../engines/policy.js';
import { asksTeacher } from '../../methods/method.js';
import { folderTemplate } from '../../models/chat-template.js';
import { checkModelDigest } from '../../models/folder.js';
import { engineOf, modelOptions, teacherFolder } from '../../pipelines/plan/model.js';
import { needs, planOfLearner, stagesWith } from '../../pipelines/plan/plan.js';
import { type ContextEnvironment, contextOf, ingestContext } from '../../pipelines/running/context.js';
import { earlierLeaks, leakMeter } from '../../pipelines/running/leak-meter.js';
import { referenceTable } from '../../pipelines/running/references.js';
import { learnersOf, MAIN_LEARNER } from '../../pipelines/spec/learners.js';
import { promptsPerStep, rolloutOf } from '../../pipelines/spec/sections.js';
import { byTask } from '../../pipelines/spec/tasks.js';
import type { ResourceName, Resources, Versions } from '../../pipelines/stages/resources.js';
import { privilegedTable } from '../../privileged/documents/table.js';
import { hiddenFromSearch } from '../../privileged/lookup/lookup.js';
import { refuseOtherDocuments } from '../manifest/manifest.js';
import { restoreVersion, type WeightsSource } from '../weights/restore.js';
import { openTrainer } from '../weights/trainer.js';
import { followVersions } from '../weights/versions.js';
import type { ClaimedRun, OpenLearner } from './opening.js';
import { learnerOpener } from './resources.js';
import { openTeachers } from './teacher.js';

/** Opens a resource of the run, or returns the one already open. */
type Get = <K extends ResourceName>(name: K) => Promise<Resources[K]>;
type Openers = { readonly [K in ResourceName]: (run: ClaimedRun, get: Get) => Promise<Resources[K]> };

const openers: Openers = {
  source: async ({ inputs }) => inputs.source,
  policy: async ({ inputs }) => inputs.policy,
  teacherPolicy: openTeacherPolicy,
  verifier: async ({ plan, inputs }) => byTask(plan.spec, inputs.verifiers),
  references: async ({ log }) => referenceTable(log),
  context: openContext,
  teacher: openRunTeacher,
  leaks: openLeakMeter,
  versions: openVersions,
  trainer: async (run) => run.disposers.use(openTrainer(weightsSource(run))),
};

/** Opens what the stages of this process need: for each learner, each resource once. */
export async function openResources(run: ClaimedRun): Promise<ReadonlyMap<string, OpenLearner>> {
  const learners = new Map<string, OpenLearner>();
  for (const learner of new Set([MAIN_LEARNER, ...run.stages.map((stage) => stage.learner)]))
    learners.set(learner, await openLearner(runOfLearner(run, learner)));
  return learners;
}

/** Distance between the version numbers under which the policy knows two learners' weights. */
const APART = 2 ** 32;

/** The run as the stages of one learner see it. */
function runOfLearner(run: ClaimedRun, learner: string): ClaimedRun {
  const { plan, inputs, files, stages } = run;
  const first = APART * learnersOf(plan.spec).indexOf(learner);
  return {
    ...run,
    plan: planOfLearner(plan, learner),
    inputs: { ...inputs, policy: first === 0 ? inputs.policy : numberedFrom(first, inputs.policy) },
    files: { ...files, learner },
    stages: stages.filter((stage) => stage.learner === learner),
  };
}

/** A policy whose versions are numbered from `first`, as far as measuring them needs it. */
function numberedFrom(first: number, policy: Policy): Policy {
  return {
    encodePrompt: (messages) => policy.encodePrompt(messages),
    decode: (tokens) => policy.decode(tokens),
    templateHash: policy.templateHash,
    contextLength: policy.contextLength,
    ...(policy.checksDigests && { checksDigests: true }),
    load: (version, ...from) => policy.load(first + version, ...from),
    unload: (version) => policy.unload(first + version),
    has: (version) => policy.has(first + version),
    sample: (version, ...request) => policy.sample(first + version, ...request),
    score: (version, ...request) => policy.score(first + version, ...request),
    close: () => policy.close(),
  };
}

async function openLearner(run: ClaimedRun): Promise<OpenLearner> {
  const opened: { [K in ResourceName]?: Promise<Resources[K]> } = {};
  const get: Get = <K extends ResourceName>(name: K): Promise<Resources[K]> => {
    const opening: Promise<Resources[K]> = opened[name] ?? openers[name](run, get);
    Object.assign(opened, { [name]: opening });
    return opening;
  };
  const resources: Partial<Resources> = {};
  const open = async <K extends ResourceName>(name: K) => {
    resources[name] = await get(name);
  };
  const { plan, files, reads, stages } = run;
  // Processes that read the documents refuse to continue if they have changed.
  if (files.learner === MAIN_LEARNER && reads.has('privileged')) await get('context');
  const wanted = new Set(stages.flatMap(({ definition }) => definition.needs));
  for (const name of wanted) await open(name);
  return { plan, resources, versions: await get('versions') };
}

async function openContext(run: ClaimedRun): Promise<ContextEnvironment> {
  const { log, folder, plan, environment, before, manifest, readsDocuments, recorded, stages } = run;
  const table = await privilegedTable(log);
  const context = { ...environment, table, spec: plan.spec, folder: plan.folder };
  const isForgotten = async (id: string) => ((await table.document(id))?.forgotten.length ?? 0) > 0;
  if (before && readsDocuments) await refuseOtherDocuments(folder, before, manifest, isForgotten);
  const reads = stages.some((stage) => needs(stage, 'context')) || recorded?.documents;
  return reads ? { ...context, ingested: await ingestContext(context) } : context;
}

async function openTeacherPolicy({
  plan,
  inputs,
  manifest,
  disposers,
  date,
}: ClaimedRun): Promise<Resources['teacherPolicy']> {
  const folder = teacherFolder(plan);
  if (folder === undefined) return inputs.policy;
  const { template, ...options } = modelOptions(plan);
  // A separate teacher keeps its own template: it may be a chat model that teaches a base model.
  const own = folderTemplate(folder) ?? template;
  const policy = disposers.use(
    await (await engineOf(plan)).openPolicy({ ...options, folder, date, ...(own && { template: own }) }),
  );
  const { teacher } = manifest.model;
  if (!policy.checksDigests && teacher !== undefined) checkModelDigest(folder, teacher);
  await policy.load(0, folder, teacher);
  return policy;
}

async function openRunTeacher(run: ClaimedRun, get: Get): Promise<Resources['teacher']> {
  const { plan, folder, disposers, onEvent } = run;
  const { table } = await get('context');
  const { spec } = plan;
  const contrast = asksTeacher(plan.method) ? plan.method.teacher.contrast : undefined;
  const environment = { spec, folder: plan.folder, run: folder, table };
  const teacher = disposers.use(await openTeachers({ ...environment, contrasts: contrast !== undefined }));
  for (const [label, documents] of await hiddenFromSearch(table, contextOf(spec)))
    onEvent({
      event: 'warning',
      message: `the search leaves out ${documents} documents marked ${label}, which is not in privileged.labels`,
    });
  return teacher;
}

async function openLeakMeter(run: ClaimedRun, get: Get): Promise<Resources['leaks']> {
  const { plan, log, environment, reads, onEvent } = run;
  const { flow, publish } = plan.spec;
  const [prompts, samples] = [promptsPerStep(plan.spec), rolloutOf(plan.spec).group];
  const window = { prompts, samples, overlap: flow.maxLag + publish.every };
  const { privileged } = await get('teacher');
  return leakMeter({
    run: environment.run,
    now: environment.now,
    ...window,
    privileged,
    onAlarm: (step, message) => onEvent({ event: 'alarm', stage: 'leak', step, message }),
    earlier: reads.has('metrics') ? await earlierLeaks(log, window) : undefined,
  });
}

/** What this run can make its learner's weights from again. A replay has other samples than those they are from. */
function weightsSource({ plan, files, recorded, onEvent }: ClaimedRun): WeightsSource {
  const trainer = stagesWith(plan, 'trainer').find(({ learner }) => learner === files.learner);
  return {
    files,
    input: recorded ? undefined : trainer?.input,
    openLearner: learnerOpener(plan),
    warn: (message) => onEvent({ event: 'warning', message }),
  };
}

async function openVersions(run: ClaimedRun): Promise<Versions> {
  const { files, inputs, disposers, plan } = run;
  const { spec, store } = plan;
  const { flow, teach } = spec;
  return disposers.use(
    await followVersions({
      files,
      policy: inputs.policy,
      restore: (version, damage) => restoreVersion(weightsSource(run), version, damage),
      keep: flow.maxLag + 1,
      teacherOf: (version) => version - (version % teach.every),
      pollMs: store.traits.location === 'folder' ? 10 : 50,
    }),
  );
}
