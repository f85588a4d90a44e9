import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelDigest } from '../../models/folder.js';
import { fileDigest } from '../../models/safetensors.js';
import { openSources } from '../../pipelines/feeds/sources.js';
import { givenAdapterDigest, initialAdapter } from '../../pipelines/plan/adapter.js';
import { objectsOf, openVerifiers, verifiersHash } from '../../pipelines/plan/components.js';
import { lossModuleHashes } from '../../pipelines/plan/learn-loss.js';
import { methodModuleHash } from '../../pipelines/plan/load-method.js';
import { baseFolder, engineOf, teacherFolder, templatesHash } from '../../pipelines/plan/model.js';
import { needs, stagesWith, topicsRead } from '../../pipelines/plan/plan.js';
import { transformHashes } from '../../pipelines/plan/transforms.js';
import { documentHashes, embeddingHashes, hasEmbeddings } from '../../pipelines/running/context.js';
import { learnersOf, MAIN_LEARNER } from '../../pipelines/spec/learners.js';
import { stepsOf } from '../../pipelines/spec/sections.js';
import { ensureTopics, openLog, placeOf, refuseDeleted } from '../../pipelines/topic-log.js';
import type { StageEnvironment } from '../../runtime/stage.js';
import { get } from '../../support/required.js';
import type { TopicLog } from '../../topics/log.js';
import { lagByStage, recentLag } from '../inspect/lag.js';
import { folderClaim } from '../manifest/claim.js';
import { claimFolder, claimTopics, type Manifest, manifestOf, topicManifest } from '../manifest/manifest.js';
import { observe } from '../observe.js';
import { lastWeights, publishBase, type RunFiles, weightsFolder } from '../weights/publisher.js';
import { openResources } from './openers.js';
import type { Opening, OpenRun, RunInputs } from './opening.js';
import { openPolicy } from './resources.js';

export async function openRun(opening: Opening): Promise<OpenRun> {
  const { plan, folder, stages, onEvent, disposers, recorded } = opening;
  const { spec, store } = plan;
  const { multiProcess } = store.traits;
  // Known once the topics say whether the run has begun, and on which day; no prompt is encoded before.
  const day = { date: recorded?.date ?? new Date().toISOString().slice(0, 10) };
  const inputs = await openInputs(opening, () => day.date);
  const readsDocuments = !recorded || recorded.documents === true || stages.some((stage) => needs(stage, 'context'));
  const manifest = await describeRun(opening, inputs, { readsDocuments, date: day.date });
  const { log, before } = await claimRun(opening, manifest);
  day.date = (await topicManifest(log))?.date ?? day.date;
  await recorded?.fill(log, manifest);
  const lag = recentLag(plan, log);
  const observer = disposers.use(
    await observe({
      run: store.traits.location === 'folder' ? manifest.run : placeOf(folder).run,
      stages: stages.map(({ name }) => name),
      lag,
    }),
  );
  const environment: StageEnvironment = {
    log,
    run: manifest.run,
    attempts: spec.flow.attempts,
    now: Date.now,
    onDeadLetter(stage, cause, error, at) {
      observer.deadLetter(stage, cause, error, at);
      onEvent({ event: 'deadLetter', stage, cause, error });
    },
    observer,
  };
  const date = () => day.date;
  const base = baseFolder(spec, plan.folder);
  const adapter = () => initialAdapter(spec, plan.folder);
  const files: RunFiles = { log, run: manifest.run, learner: MAIN_LEARNER, folder, base, adapter, spec, store };
  if (!multiProcess || isBasePublisher(opening))
    for (const learner of learnersOf(spec))
      if (!(await lastWeights(log, learner))) await publishBase({ ...files, learner });
  const reads = topicsRead(
    plan,
    stages.map(({ name }) => name),
  );
  const claimed = { ...opening, inputs, manifest, before, log, files, environment, reads, readsDocuments, date };
  const learners = await openResources(claimed);
  const { versions } = get(learners, MAIN_LEARNER);
  return {
    ...claimed,
    resumed: before !== undefined,
    observer,
    learners,
    recordedInputs: { sampledBy: recorded?.sampledBy, scores: await recorded?.scores?.(versions.digestOf) },
    eventsOf({ name, learner }) {
      const owner = learner === MAIN_LEARNER ? {} : { learner };
      return {
        async onStep(report) {
          observer.step(name, report);
          // How far stages are behind is told along with a step, and no reason to end a run.
          const rows = await lag().catch(() => []);
          onEvent({ event: 'step', ...owner, steps: stepsOf(spec), lag: lagByStage(rows), ...report });
        },
        onWarning: (message) =>
          onEvent({ event: 'warning', message: learner === MAIN_LEARNER ? message : `learner ${learner}: ${message}` }),
        onEvaluation: (version, evaluation) => onEvent({ event: 'heldOut', ...owner, version, ...evaluation }),
      };
    },
  };
}

/** Without training there is no trainer to publish the base model, so the process with the first stage does. */
const isBasePublisher = ({ plan, stages }: Opening): boolean =>
  stagesWith(plan, 'trainer').length === 0 && plan.stages.slice(0, 1).some((stage) => stages.includes(stage));

async function openInputs({ plan, disposers, recorded }: Opening, date: () => string): Promise<RunInputs> {
  const { spec, folder, components } = plan;
  const verifiers = await openVerifiers(spec, folder, components);
  for (const verifier of verifiers.values()) disposers.use(verifier);
  const source = recorded?.source ?? (await openSources(spec, folder));
  const policy = components.policy ?? disposers.use(await openPolicy(plan, date));
  return { verifiers, source, policy };
}

async function describeRun(
  { plan, recorded }: Opening,
  { verifiers, source, policy }: RunInputs,
  { readsDocuments, date }: { readonly readsDocuments: boolean; readonly date: string },
): Promise<Manifest> {
  const { spec, folder } = plan;
  const base = baseFolder(spec, folder);
  const teacher = teacherFolder(plan);
  const adapter = givenAdapterDigest(spec, folder);
  const methodModule = spec.shape === undefined ? undefined : methodModuleHash(spec.shape, folder);
  return manifestOf({
    spec,
    folder,
    model: {
      weights: modelDigest(base),
      tokenizer: fileDigest(join(base, 'tokenizer.json')),
      template: policy.templateHash,
      ...(teacher !== undefined && { teacher: modelDigest(teacher) }),
      ...(adapter !== undefined && { adapter }),
    },
    teacherTemplate: stagesWith(plan, 'teacher').length > 0 ? templatesHash(spec) : null,
    engine: (await engineOf(plan)).id,
    verifier: verifiersHash(verifiers),
    shaper: plan.method.id,
    ...(methodModule && { methodModule }),
    ...lossModuleHashes(plan),
    prompts: source.hash,
    ...(Object.keys(source.heldOutShares).length > 0 && { heldOutShares: source.heldOutShares }),
    ...(policy.readsDate && { date }),
    transform: transformHashes(plan),
    ...objectsOf(plan.components),
    // A replay that reuses recorded contexts does not need the embedding models.
    ...((!recorded || hasEmbeddings(plan)) && (await embeddingHashes(plan))),
    ...(readsDocuments && (await documentHashes(plan))),
    ...(recorded && { parent: recorded.parent }),
  });
}

/** Opens the topics and claims them, and the folder, for the run of this manifest. */
async function claimRun(
  { plan, folder, disposers, onEvent, join: joins }: Opening,
  manifest: Manifest,
): Promise<{ readonly log: TopicLog; readonly before: Manifest | undefined }> {
  const { topics, store } = plan;
  const isInFolder = store.traits.location === 'folder';
  const own = isInFolder ? undefined : folderClaim(folder);
  const inFolder = claimFolder(folder, manifest);
  const log = disposers.use(
    await openLog(plan, folder, { onOutage: (message) => onEvent({ event: 'warning', message }) }),
  );
  const begun = isInFolder && existsSync(join(folder, weightsFolder(0)));
  if (begun || (await topicManifest(log))) await refuseDeleted(log, topics);
  await ensureTopics(log, topics);
  const inTopic = await claimTopics(log, folder, manifest, own && { own, join: joins });
  return { log, before: isInFolder ? inFolder : inTopic };
}
