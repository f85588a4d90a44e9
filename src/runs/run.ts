import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelDigest } from '../models/folder.js';
import { fileDigest } from '../models/safetensors.js';
import type { RecordedScores } from '../operators/score-teacher.js';
import { checkPlan } from '../pipelines/check.js';
import { contextOf, documentHashes, embeddingHashes, hasEmbeddings, ingestContext } from '../pipelines/context.js';
import type { Evaluation } from '../pipelines/evaluate.js';
import { earlierLeaks, leakMeter } from '../pipelines/leak-meter.js';
import { methodModuleHash } from '../pipelines/load-method.js';
import { throughHashes } from '../pipelines/load-through.js';
import { type Plan, topicsRead } from '../pipelines/plan.js';
import { referenceTable } from '../pipelines/references.js';
import type { Resources } from '../pipelines/stages.js';
import type { StepReport } from '../pipelines/step-metrics.js';
import { privilegedTable } from '../privileged/documents/table.js';
import { hiddenFromSearch } from '../privileged/lookup/lookup.js';
import type { OnDeadLetter, StageEnvironment } from '../runtime/stage.js';
import { openSource, type PromptSource } from '../sources/prompts.js';
import { UserError } from '../support/errors.js';
import type { TopicLog } from '../topics/log.js';
import { createVerifier } from '../verifiers/create.js';
import { type Closers, type Course, drive, type OpenRun } from './drive.js';
import { messagesOf } from './ingest.js';
import { lagByStage, recentLag } from './lag.js';
import {
  claimFolder,
  claimTopics,
  type Manifest,
  manifestOf,
  type Parent,
  refuseOtherDocuments,
  topicManifest,
} from './manifest/manifest.js';
import { observe } from './observe.js';
import { ensureTopics, openLog, refuseDeleted, runName } from './open-log.js';
import { type LineageEmitter, lineageEmitter } from './openlineage/emitter.js';
import { baseFolder, openPolicy, teacherTemplate } from './resources.js';
import { type Summary, summarize } from './summary.js';
import { openTeacher } from './teacher.js';
import { lastWeights, publishBase, type RunFiles, weightsFolder } from './weights/publisher.js';
import { openTrainer, type RunTrainer } from './weights/trainer.js';
import { followVersions } from './weights/versions.js';

export type { Summary } from './summary.js';

export type RunEvent =
  | {
      readonly event: 'started';
      readonly run: string;
      readonly folder: string;
      readonly steps: number;
      readonly resumed: boolean;
    }
  | ({
      readonly event: 'step';
      readonly steps: number;
      /** Records that each stage has yet to commit. */
      readonly lag: Readonly<Record<string, number>>;
    } & StepReport)
  | ({ readonly event: 'heldOut'; readonly version: number } & Evaluation)
  | { readonly event: 'alarm'; readonly stage: string; readonly step: number; readonly message: string }
  | { readonly event: 'deadLetter'; readonly stage: string; readonly cause: string; readonly error: string }
  /** Something beside the run that did not work; the run goes on. */
  | { readonly event: 'warning'; readonly message: string }
  | ({ readonly event: 'summary' } & Summary);

export interface RunOptions {
  readonly plan: Plan;
  /** The run's folder. */
  readonly folder: string;
  /** Stages to run here; default all of them. */
  readonly stages?: readonly string[];
  readonly onEvent?: (event: RunEvent) => void;
  /** Stops the run cleanly; what was not committed is done again by the next start. */
  readonly signal?: AbortSignal;
  readonly recorded?: Recorded;
}

/** What a replay brings along instead of making it anew. */
export interface Recorded extends Course {
  readonly parent: Parent;
  readonly source: PromptSource;
  /** Puts the recorded records into the topics, before any stage starts. */
  readonly fill: (log: TopicLog, manifest: Manifest) => Promise<void>;
  /** Reads the declared documents, which are not those of the record. */
  readonly documents?: boolean;
  /** The version that sampled a prompt, where that was a matter of timing. */
  readonly sampledBy?: Resources['sampledBy'];
  /** What the teacher was shown and said, given the digests of the weights of this replay. */
  readonly scores?: (digestOf: Resources['versions']['digestOf']) => Promise<RecordedScores>;
  /** Made to be compared and thrown away: tells nobody that it ran. */
  readonly proof?: boolean;
}

/**
 * Runs a pipeline from where its folder stands to its last step.
 * @throws {UserError} `bad-plan` with every problem that `checkPlan` finds; `other-manifest` when the folder holds another run
 */
export async function runPipeline(options: RunOptions): Promise<Summary> {
  const { plan, folder, stages, onEvent = () => {}, signal, recorded } = options;
  const started = performance.now();
  const wanted = stages ?? plan.stages.map(({ name }) => name);
  const reads = recorded ? wanted.includes('ingest') : true;
  const problems = await checkPlan(plan, { prompts: reads, documents: reads || (recorded?.documents ?? false) });
  if (problems.length > 0) throw new UserError('bad-plan', problems.join('\n'));
  const closing: Closers = [];
  let lineage: LineageEmitter | undefined;
  try {
    const run = await open(plan, folder, wanted, onEvent, closing, recorded);
    const { manifest, resumed } = run;
    if (!recorded?.proof) {
      const warn = (message: string) => onEvent({ event: 'warning', message });
      lineage = await lineageEmitter({ plan, manifest, folder, stages: wanted, warn });
    }
    await lineage?.start();
    for (const message of plan.warnings) onEvent({ event: 'warning', message });
    onEvent({ event: 'started', run: manifest.run, folder, steps: plan.spec.steps, resumed });
    await drive(plan, run, wanted, closing, recorded, signal).catch((error) => {
      run.observer.failed(error);
      throw error;
    });
    const summary = await summarize(run, plan, folder, (performance.now() - started) / 1000);
    await lineage?.complete(summary);
    onEvent({ event: 'summary', ...summary });
    return summary;
  } catch (error) {
    await lineage?.fail(error);
    throw error;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function open(
  plan: Plan,
  folder: string,
  wanted: readonly string[],
  onEvent: (event: RunEvent) => void,
  closing: Closers,
  recorded: Recorded | undefined,
): Promise<OpenRun> {
  const { spec } = plan;
  const opened = <T extends { close(): unknown }>(resource: T): T => {
    closing.push(async () => resource.close());
    return resource;
  };
  const verifier = opened(await createVerifier(spec.verify, { folder: plan.folder }));
  const source = recorded?.source ?? (await openSource(spec, plan.folder));
  const policy = opened(await openPolicy(spec, plan.folder));
  const readsDocuments = !recorded || recorded.documents || wanted.includes('ingest');
  const methodModule = methodModuleHash(spec.shape, plan.folder);
  const manifest = manifestOf({
    spec,
    folder: plan.folder,
    model: {
      weights: modelDigest(baseFolder(spec, plan.folder)),
      tokenizer: fileDigest(join(baseFolder(spec, plan.folder), 'tokenizer.json')),
      template: policy.templateHash,
    },
    teacherTemplate: plan.stages.some(({ does }) => does === 'teach') ? teacherTemplate(spec).hash : null,
    verifier: verifier.hash,
    shaper: plan.method.id,
    ...(methodModule && { methodModule }),
    prompts: source.hash,
    through: throughHashes(plan),
    // A replay that takes over what was found can do without the models.
    ...((!recorded || hasEmbeddings(plan)) && (await embeddingHashes(plan))),
    ...(readsDocuments && (await documentHashes(plan))),
    ...(recorded && { parent: recorded.parent }),
  });
  const inFolder = claimFolder(folder, manifest);
  const log = opened(await openLog(spec, folder));
  const begun = spec.topics === 'embedded' && existsSync(join(folder, weightsFolder(0)));
  if (begun || (await topicManifest(log))) await refuseDeleted(log, plan.topics);
  await ensureTopics(log, plan.topics);
  const inTopic = await claimTopics(log, folder, manifest);
  const before = spec.topics === 'embedded' ? inFolder : inTopic;
  await recorded?.fill(log, manifest);
  const { run } = manifest;
  const lag = recentLag(plan, log);
  const observer = opened(
    await observe({ run: spec.topics === 'embedded' ? run : runName(folder), stages: wanted, lag }),
  );
  const onDeadLetter: OnDeadLetter = (stage, cause, error, at) => {
    observer.deadLetter(stage, cause, error, at);
    onEvent({ event: 'deadLetter', stage, cause, error });
  };
  const environment: StageEnvironment = {
    log,
    run,
    attempts: spec.flow.attempts,
    now: Date.now,
    onDeadLetter,
    observer,
  };
  const files: RunFiles = { log, run, folder, base: baseFolder(spec, plan.folder), spec };
  if (spec.topics === 'embedded' && !(await lastWeights(log))) await publishBase(files);
  const trainer = wanted.includes('learn') ? opened(openTrainer({ ...files, specFolder: plan.folder })) : noTrainer;
  const reads = topicsRead(plan, wanted);
  const table = reads.has('privileged') ? await privilegedTable(log) : undefined;
  const context = table && { ...environment, table, spec, folder: plan.folder };
  if (table && before && readsDocuments)
    await refuseOtherDocuments(
      folder,
      before,
      manifest,
      async (id) => ((await table.document(id))?.forgotten.length ?? 0) > 0,
    );
  if (context && (wanted.includes('ingest') || recorded?.documents)) await ingestContext(context);
  const teaches = context && wanted.includes('teach');
  const teacher = teaches ? opened(await openTeacher({ ...context, run: folder })) : noTeacher;
  for (const [label, documents] of teaches ? await hiddenFromSearch(context.table, contextOf(spec)) : [])
    onEvent({
      event: 'warning',
      message: `the search leaves out ${documents} documents marked ${label}, which is not in privileged.labels`,
    });
  const versions = opened(
    await followVersions({
      files,
      policy,
      keep: spec.flow.maxLag + 1,
      teacherOf: (version) => version - (version % spec.teach.every),
    }),
  );
  const leakWindow = {
    prompts: spec.learn.prompts,
    samples: spec.rollout.group,
    overlap: spec.flow.maxLag + spec.publish.every,
  };
  const resources: Resources = {
    run,
    now: Date.now,
    policy,
    versions,
    verifier,
    reference: referenceTable(log),
    teacher,
    leaks: leakMeter({
      run,
      now: Date.now,
      ...leakWindow,
      privileged: teacher.privileged,
      onAlarm: (step, message) => onEvent({ event: 'alarm', stage: 'leak', step, message }),
      earlier: reads.has('metrics') ? await earlierLeaks(log, leakWindow) : undefined,
    }),
    heldOut: source.heldOut,
    evaluation: {
      messages: (question) => messagesOf(spec, question),
      maxTokens: spec.rollout.maxTokens,
      ...(spec.rollout.stop && { stop: spec.rollout.stop }),
    },
    ...(recorded?.sampledBy && { sampledBy: recorded.sampledBy }),
    ...(recorded?.scores && { recordedScores: await recorded.scores(versions.digestOf) }),
    ...trainer,
    onDeadLetter,
    onStep: async (report) => {
      observer.step(report);
      onEvent({ event: 'step', steps: spec.steps, lag: lagByStage(await lag()), ...report });
    },
    onEvaluation: (version, evaluation) => onEvent({ event: 'heldOut', version, ...evaluation }),
  };
  return { manifest, resumed: before !== undefined, log, source, resources, environment, context, reads, observer };
}

const noTeacher: Resources['teacher'] = {
  privileged: { lookup: () => Promise.reject(new Error('this process does not teach')) },
  prompt: (messages) => ({ messages, documents: [] }),
  templateHash: '',
  catchUp: async () => {},
};

const noTrainer: Pick<RunTrainer, 'learner' | 'publisher' | 'nextStep' | 'takeOver'> = {
  learner: { step: () => Promise.reject(new Error('this process does not learn')) },
  publisher: () => ({ due: () => false, publish: async () => [] }),
  nextStep: () => 0,
  takeOver: async () => {},
};
