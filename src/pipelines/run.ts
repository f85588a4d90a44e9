import { join, resolve } from 'node:path';
import { UserError } from '../errors.js';
import { modelDigest, readModelFolder, writeModelFolder } from '../policy/folder.js';
import { fileDigest } from '../policy/safetensors.js';
import { privilegedTable } from '../privileged/table.js';
import { openEmbedded } from '../topics/embedded/index.js';
import type { Position, TopicLog } from '../topics/log.js';
import { scan } from '../topics/scan.js';
import { createVerifier } from '../verifiers/create.js';
import { checkPlan } from './check.js';
import { type ContextEnvironment, contextOf, ingestContext, watchContext } from './context.js';
import type { Evaluation } from './evaluate.js';
import { ingest, messagesOf } from './ingest.js';
import { lagByStage, stageLag } from './lag.js';
import { lastBase, leakMeter } from './leak-meter.js';
import { throughHashes } from './load-through.js';
import { claimFolder, type Manifest, manifestOf, type Parent } from './manifest.js';
import type { Plan } from './plan.js';
import { checkpointOf, folderPublisher, lastWeights, publishBase } from './publisher.js';
import { referenceTable } from './references.js';
import { baseFolder, logFolder, openLearner, openPolicy, openTeacher, teacherTemplate } from './resources.js';
import { openSource, type PromptSource } from './source.js';
import { type RunningStage, type StageEnvironment, startStage } from './stage.js';
import { makeShaper, type Resources, stagesOf } from './stages.js';
import type { StepReport } from './step-metrics.js';
import { followVersions } from './versions.js';
import { fromRecord } from './wire.js';

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
  | ({ readonly event: 'summary' } & Summary);

export interface Summary {
  readonly run: string;
  readonly folder: string;
  readonly steps: number;
  readonly seconds: number;
  readonly heldOut: { readonly before: number | null; readonly after: number | null; readonly n: number };
  readonly weights: { readonly version: number; readonly digest: string; readonly path: string };
  readonly records: Readonly<Record<string, number>>;
}

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
export interface Recorded {
  readonly parent: Parent;
  readonly source: PromptSource;
  /** Puts the recorded records into the topics, before any stage starts. */
  readonly fill: (log: TopicLog, manifest: Manifest) => Promise<void>;
  /** The version that sampled a prompt, where that was a matter of timing. */
  readonly sampledBy?: Resources['sampledBy'];
  /** Ends after this version; null: once no stage can go on. */
  readonly until: number | null;
}

/**
 * Runs a pipeline from where its folder stands to its last step.
 * @throws {UserError} `bad-plan` with every problem that `checkPlan` finds; `other-manifest` when the folder holds another run
 */
export async function runPipeline(options: RunOptions): Promise<Summary> {
  const { plan, folder, stages, onEvent = () => {}, signal, recorded } = options;
  const started = performance.now();
  const problems = await checkPlan(plan);
  if (problems.length > 0) throw new UserError('bad-plan', problems.join('\n'));
  const wanted = stages ?? plan.stages.map(({ name }) => name);
  const closing: Closers = [];
  try {
    const run = await open(plan, folder, wanted, onEvent, closing, recorded);
    onEvent({ event: 'started', run: run.manifest.run, folder, steps: plan.spec.steps, resumed: run.resumed });
    await drive(plan, run, wanted, closing, recorded?.until, signal);
    const summary = await summarize(run, folder, (performance.now() - started) / 1000);
    onEvent({ event: 'summary', ...summary });
    return summary;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** What to close, the last opened first. */
type Closers = (() => Promise<unknown>)[];

interface OpenRun {
  readonly manifest: Manifest;
  readonly resumed: boolean;
  readonly log: TopicLog;
  readonly source: PromptSource;
  readonly resources: Resources;
  readonly environment: StageEnvironment;
  readonly context: ContextEnvironment;
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
  const verifier = opened(await createVerifier(spec.verify));
  const source = recorded?.source ?? (await openSource(spec, plan.folder));
  const policy = opened(await openPolicy(spec, plan.folder));
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
    shaper: makeShaper(spec).id,
    prompts: source.hash,
    through: throughHashes(plan),
    ...(recorded && { parent: recorded.parent }),
  });
  const resumed = claimFolder(folder, manifest);
  const log = opened(await openEmbedded(logFolder(folder)));
  await log.ensureTopics(plan.topics);
  await recorded?.fill(log, manifest);
  const { run } = manifest;
  const environment: StageEnvironment = {
    log,
    run,
    attempts: spec.flow.attempts,
    now: Date.now,
    onDeadLetter: (stage, cause, error) => onEvent({ event: 'deadLetter', stage, cause, error }),
  };
  if (!(await lastWeights(log)) && (wanted.includes('learn') || spec.topics === 'embedded'))
    await publishBase(log, run, folder, baseFolder(spec, plan.folder));
  const context = { ...environment, table: await privilegedTable(log), spec, folder: plan.folder };
  if (wanted.includes('ingest')) await ingestContext(context);
  const teacher = wanted.includes('teach') ? openTeacher(spec, plan.folder, context.table) : noTeacher;
  const learner = wanted.includes('learn') ? await openTrainer(plan, folder, run, log, opened) : undefined;
  const versions = opened(
    await followVersions({
      log,
      policy,
      folder,
      keep: spec.flow.maxLag + 1,
      teacherOf: (version) => version - (version % spec.teach.every),
    }),
  );
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
      prompts: spec.learn.prompts,
      overlap: spec.flow.maxLag + spec.publish.every,
      privileged: teacher.privileged,
      onAlarm: (step, message) => onEvent({ event: 'alarm', stage: 'leak', step, message }),
      base: await lastBase(log),
    }),
    heldOut: source.heldOut,
    evaluation: {
      messages: (question) => messagesOf(spec, question),
      maxTokens: spec.rollout.maxTokens,
      ...(spec.rollout.stop && { stop: spec.rollout.stop }),
    },
    learner: learner?.trainer ?? noTrainer,
    publisher: learner?.publisher ?? noTrainer.publisher,
    nextStep: () => learner?.nextStep() ?? 0,
    ...(recorded?.sampledBy && { sampledBy: recorded.sampledBy }),
    onStep: async (report) =>
      onEvent({ event: 'step', steps: spec.steps, lag: lagByStage(await stageLag(plan, log)), ...report }),
    onEvaluation: (version, evaluation) => onEvent({ event: 'heldOut', version, ...evaluation }),
  };
  return { manifest, resumed, log, source, resources, environment, context };
}

const noTeacher: Resources['teacher'] = {
  privileged: { lookup: () => Promise.reject(new Error('this process does not teach')) },
  prompt: (messages) => ({ messages, documents: [] }),
  templateHash: '',
  catchUp: async () => {},
};

const noTrainer = {
  step: () => Promise.reject(new Error('this process does not learn')),
  publisher: () => ({ due: () => false, publish: async () => [] }),
};

/** The learner where the committed weights left it, and what publishes it. */
async function openTrainer(
  plan: Plan,
  folder: string,
  run: string,
  log: TopicLog,
  opened: <T extends { close(): unknown }>(resource: T) => T,
) {
  const { spec } = plan;
  const version = (await lastWeights(log))?.version ?? 0;
  const learner = opened(await openLearner(spec, plan.folder));
  if (version > 0) await learner.loadCheckpoint(checkpointOf(folder, version));
  const { config, files } = readModelFolder(baseFolder(spec, plan.folder));
  const published = {
    writeModel: async (to: string) => writeModelFolder(to, { config, files, parameters: await learner.weights() }),
    saveCheckpoint: (to: string, offsets: readonly Position[]) =>
      learner.saveCheckpoint(
        to,
        offsets.map((position) => ({ ...position, offset: String(position.offset) })),
      ),
  };
  let next = version;
  const trainer: Resources['learner'] = {
    async step(samples) {
      const stats = await learner.step(samples);
      next++;
      return { ...stats };
    },
  };
  return {
    trainer,
    nextStep: () => next,
    publisher: (offsets: Parameters<Resources['publisher']>[0]) =>
      folderPublisher(published, { run, folder, spec, offsets }),
  };
}

async function nextSequence(log: TopicLog): Promise<bigint> {
  let next = 0n;
  for await (const record of scan(log, 'prompts', 0))
    if (record.value !== null) {
      const { sequence } = fromRecord('prompts', { ...record, value: record.value });
      if (sequence >= next) next = sequence + 1n;
    }
  return next;
}

interface Running extends Pick<RunningStage, 'ended' | 'stop'> {
  readonly stats: Pick<RunningStage['stats'], 'running' | 'waiting'>;
}

/** Starts the stages and waits for the last step, or for what ends the run before. */
async function drive(
  plan: Plan,
  run: OpenRun,
  wanted: readonly string[],
  closing: Closers,
  until: number | null | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const running: Running[] = [];
  const { log, resources } = run;
  if (wanted.includes('ingest')) {
    running.push(await startIngest(plan, run));
    const { watch } = contextOf(plan.spec);
    if (watch !== undefined) running.push(watchContext(run.context, watch));
  }
  for (const [name, stage] of stagesOf(plan, resources))
    if (wanted.includes(name))
      running.push(await startStage(stage as Parameters<typeof startStage>[0], run.environment));
  closing.push(() => Promise.all(running.map((stage) => stage.stop())));
  const failed = Promise.race(running.map(({ ended }) => ended.then(never)));
  const stopped = new Promise<never>((_, reject) => {
    const stop = () => reject(new UserError('stopped', 'stopped; `rlsd resume` goes on from here'));
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
  const finished = async () => {
    const part = until === undefined && plan.stages.some(({ name }) => !wanted.includes(name));
    // Nobody else can write to embedded topics meanwhile, so some of the stages go on only as far as what is there lets them.
    if (until === null || (part && plan.spec.topics === 'embedded')) return idle(running, resources.versions);
    await resources.versions.published(until ?? plan.spec.steps);
    if (wanted.includes('evaluate')) await drained(log, 'evaluate', 'weights');
  };
  await Promise.race([finished(), failed.catch(runFailed), stopped]);
}

async function startIngest(
  { spec }: Plan,
  { log, source, resources, environment, context }: OpenRun,
): Promise<Running> {
  const consumer = await log.consumer('ingest', ['source']);
  const abort = new AbortController();
  const [committed] = await log.committed('ingest', 'source');
  const start = { position: committed?.offset ?? 0n, sequence: await nextSequence(log) };
  const aborted = new Promise<void>((resolve) => abort.signal.addEventListener('abort', () => resolve()));
  const ended = ingest(
    source,
    consumer,
    start,
    {
      spec,
      published: (version) => Promise.race([resources.versions.published(version), aborted]),
      table: context.table,
      ...environment,
    },
    abort.signal,
  );
  const stats = { running: 1, waiting: false };
  const over = () => Object.assign(stats, { running: 0, waiting: true });
  ended.then(over, over);
  return {
    ended,
    stats,
    async stop() {
      abort.abort();
      await ended.catch(() => {});
      await consumer.close();
    },
  };
}

/** What ends a run that had begun well is no mistake in the request; nothing that was committed is lost. */
function runFailed(cause: unknown): never {
  const { message } = cause as Error;
  throw Object.assign(new UserError('run-failed', `${message}\nthe run stopped; \`rlsd resume\` goes on from here`), {
    cause,
  });
}

const never = (): Promise<never> => new Promise(() => {});

/** Resolves once every stage has done all it can: what is in work waits for weights that nobody here makes. */
async function idle(stages: readonly Running[], versions: Resources['versions']): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const working = stages.reduce((sum, { stats }) => sum + stats.running, 0);
    if (working === versions.waiting() && stages.every(({ stats }) => stats.waiting || stats.running > 0)) return;
  }
}

/** Resolves once a group has committed all of a topic. */
async function drained(log: TopicLog, group: string, topic: string): Promise<void> {
  for (;;) {
    const ends = (await log.describe()).find(({ name }) => name === topic)?.bounds ?? [];
    const committed = await log.committed(group, topic);
    if (committed.every(({ partition, offset }) => offset >= (ends[partition]?.end ?? 0n))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function summarize({ manifest, log }: OpenRun, folder: string, seconds: number): Promise<Summary> {
  const accuracies = new Map<number, { accuracy: number; n: number }>();
  for await (const record of scan(log, 'metrics', 0)) {
    if (record.value === null) continue;
    const metric = fromRecord('metrics', { ...record, value: record.value });
    if (metric.stage === 'evaluate')
      accuracies.set(metric.step, { accuracy: metric.values.accuracy ?? 0, n: metric.values.n ?? 0 });
  }
  const last = await lastWeights(log);
  const version = last?.version ?? 0;
  const topics = await log.describe();
  return {
    run: manifest.run,
    folder,
    steps: version,
    seconds,
    heldOut: {
      before: accuracies.get(0)?.accuracy ?? null,
      after: accuracies.get(version)?.accuracy ?? null,
      n: accuracies.get(version)?.n ?? 0,
    },
    weights: { version, digest: last?.digest ?? '', path: resolve(folder, last?.location ?? '') },
    records: Object.fromEntries(
      topics.map(({ name, bounds }) => [name, bounds.reduce((sum, { start, end }) => sum + Number(end - start), 0)]),
    ),
  };
}
