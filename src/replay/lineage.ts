import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stagesWith } from '../pipelines/plan/plan.js';
import { float32Array, int32Array } from '../records/arrays.js';
import type { Advantage, DocumentUse, TeacherScore, Verdict } from '../records/records.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { type RecordedWeights, recordedWeights } from '../runs/weights/recorded.js';
import { nearest, UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import type { LogRecord, TopicLog } from '../topics/log.js';
import { recordsOf } from '../topics/scan.js';

/** What made one sample, and what it was used for. Contains no privileged text. */
export interface SampleLineage {
  readonly run: string;
  readonly promptId: string;
  readonly itemId: string;
  readonly sampleIndex: number;
  readonly step: number;
  readonly seed: bigint;
  readonly promptSource: string | null;
  /** SHA-256 of the prompt's token ids as the student saw them; null where the rollout has been deleted. */
  readonly promptDigest: string | null;
  readonly policy: { readonly version: number; readonly digest: string; readonly template: string };
  readonly verifier: {
    readonly name: string;
    readonly hash: string;
    readonly verdict: string;
    readonly reward: number;
  };
  /** null where no teacher scored the sample. */
  readonly teacher: { readonly version: number; readonly template: string | null } | null;
  readonly documents: readonly DocumentUse[];
  readonly shaper: string | null;
  readonly advantage: number | null;
  /** The first published weights that were trained on it; null where there are none yet. */
  readonly weights: { readonly version: number; readonly digest: string; readonly onDisk: boolean } | null;
  readonly token?: TokenLineage;
}

/** One token of the completion. Log-probabilities are natural logarithms. */
export interface TokenLineage {
  readonly index: number;
  readonly id: number;
  readonly samplingLogprob: number | null;
  readonly teacherLogprob: number | null;
  readonly advantage: number | null;
  readonly trained: boolean;
}

export interface LineageQuery {
  /** `PROMPT/INDEX`, or `PROMPT` for the whole group. */
  readonly sample?: string;
  readonly token?: number;
  readonly document?: string;
  readonly step?: number;
}

/**
 * The lineage of one sample or group, of every sample that was scored with a document, or of every sample of a step.
 * @throws {UserError} `unknown-sample`, `unknown-document`, `unknown-step` or `unknown-token`
 * @example
 * const [sample] = await lineageOf(await openRunFolder('runs/sums'), 'runs/sums', { sample: 'sum-7/3' });
 */
export async function lineageOf(run: RunFolder, folder: string, query: LineageQuery): Promise<SampleLineage[]> {
  const scores = await findScores(run, query);
  const prompts = new Set(scores.map(({ promptId }) => promptId));
  const related = await relatedRecords(run.log, ({ key }) => prompts.has(key));
  return scores.map((score) => {
    const { token } = query;
    const advantage = related.advantages.get(sampleId(score));
    return {
      run: run.manifest.run,
      ...sampleFields(score),
      promptSource: related.sources.get(score.promptId) ?? null,
      promptDigest: related.promptDigests.get(score.promptId) ?? null,
      shaper: advantage ? advantage.shaper : null,
      advantage: advantage ? advantage.advantage : null,
      weights: advantage ? weightsAfter(score.step, related.versions, folder) : null,
      ...(token !== undefined && { token: tokenOf(score, advantage, token) }),
    };
  });
}

/** A teacher's score, or a verdict where the pipeline has no teacher. */
type Scored = Verdict & Partial<TeacherScore>;

const sampleId = ({ promptId, sampleIndex }: Pick<Verdict, 'promptId' | 'sampleIndex'>) => `${promptId}/${sampleIndex}`;

const documentsOf = ({ documents = [] }: Scored): readonly DocumentUse[] => documents;

async function findScores({ log, plan }: RunFolder, query: LineageQuery): Promise<Scored[]> {
  const topic = stagesWith(plan, 'teacher').length > 0 ? 'teacher-scores' : 'verdicts';
  const { names, matches } = criterion(query);
  const found: Scored[] = [];
  const known = new Set<string>();
  for await (const score of recordsOf(log, topic)) {
    for (const name of names(score)) known.add(name);
    if (matches(score)) found.push(score);
  }
  if (found.length === 0) throw unknown(query, [...known]);
  return found;
}

/** What a query looks for: which samples match, and the names that it could have asked for. */
function criterion({ sample, document, step }: LineageQuery): {
  readonly names: (score: Scored) => readonly string[];
  readonly matches: (score: Scored) => boolean;
} {
  if (sample !== undefined)
    return {
      names: (score) => [sampleId(score)],
      matches: (score) => sampleId(score) === sample || score.promptId === sample,
    };
  const ids = (score: Scored) => documentsOf(score).map(({ id }) => id);
  if (document !== undefined) return { names: ids, matches: (score) => ids(score).includes(document) };
  return { names: (score) => [String(score.step)], matches: (score) => score.step === step };
}

interface RelatedRecords {
  /** By `PROMPT/INDEX`. */
  readonly advantages: ReadonlyMap<string, Advantage>;
  /** By prompt id. */
  readonly sources: ReadonlyMap<string, string>;
  /** By prompt id. */
  readonly promptDigests: ReadonlyMap<string, string>;
  /** In ascending order. */
  readonly versions: readonly RecordedWeights[];
}

async function relatedRecords(log: TopicLog, keep: (record: LogRecord) => boolean): Promise<RelatedRecords> {
  const advantages = new Map<string, Advantage>();
  for await (const advantage of recordsOf(log, 'advantages', keep)) advantages.set(sampleId(advantage), advantage);
  const sources = new Map<string, string>();
  for await (const { promptId, source } of recordsOf(log, 'prompts', keep)) sources.set(promptId, source);
  const promptDigests = new Map<string, string>();
  for await (const { promptId, promptDigest } of recordsOf(log, 'rollouts', keep))
    promptDigests.set(promptId, promptDigest);
  const versions = [...(await recordedWeights(log)).values()].sort((a, b) => a.version - b.version);
  return { advantages, sources, promptDigests, versions };
}

function sampleFields(score: Scored) {
  const { promptId, itemId, sampleIndex, step, seed, teacherVersion, teacherTemplateHash = null } = score;
  return {
    promptId,
    itemId,
    sampleIndex,
    step,
    seed,
    policy: { version: score.policyVersion, digest: score.policyDigest, template: score.templateHash },
    verifier: { name: score.verifier, hash: score.verifierHash, verdict: score.verdict, reward: score.reward },
    teacher: typeof teacherVersion === 'number' ? { version: teacherVersion, template: teacherTemplateHash } : null,
    documents: documentsOf(score),
  };
}

/** The first weights published after a step. */
function weightsAfter(step: number, versions: readonly RecordedWeights[], folder: string): SampleLineage['weights'] {
  const weights = versions.find(({ version }) => version > step);
  if (!weights) return null;
  const { version, digest, location } = weights;
  return { version, digest, onDisk: location !== null && existsSync(join(folder, location)) };
}

function tokenOf(score: Scored, advantage: Advantage | undefined, index: number): TokenLineage {
  const tokens = int32Array(score.completionTokens);
  if (index >= tokens.length)
    throw new UserError(
      'unknown-token',
      `--token ${index}: ${sampleId(score)} has ${tokens.length} completion tokens, expected 0 to ${tokens.length - 1}`,
    );
  const { teacherLogprobs } = score;
  return {
    index,
    id: at(tokens, index),
    samplingLogprob: at(float32Array(score.samplingLogprobs), index),
    teacherLogprob: teacherLogprobs ? at(float32Array(teacherLogprobs), index) : null,
    advantage: advantage ? at(float32Array(advantage.tokenAdvantages), index) : null,
    trained: advantage ? at(advantage.mask, index) === 1 : false,
  };
}

function unknown({ sample, document, step }: LineageQuery, known: readonly string[]): UserError {
  const [kind, name] = sample !== undefined ? ['sample', sample] : ['document', document];
  if (name === undefined)
    return new UserError('unknown-step', `--step ${step}: the run has no such step; ${examplesOf(known)}`);
  const near = nearest(name, known);
  return new UserError(
    `unknown-${kind}`,
    `--${kind} ${name}: the run has no such ${kind}; ${near ? `did you mean ${near}?` : examplesOf(known)}`,
  );
}

const examplesOf = (known: readonly string[]): string =>
  known.length === 0 ? 'it has none yet' : `expected one such as ${known.slice(0, 3).join(', ')}`;
