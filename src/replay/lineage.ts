import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stagesWith } from '../pipelines/plan/plan.js';
import { float32Array, int32Array } from '../records/arrays.js';
import type { Advantage, DocumentUse, TeacherScore } from '../records/records.js';
import type { RunFolder } from '../runs/inspect/run-folder.js';
import { nearest, UserError } from '../support/errors.js';
import { fromRecord, type TopicName } from '../topics/record-codec.js';
import { scanInOrder, weightsOf } from './recorded.js';

/** Everything that made one sample, and what it went into. No privileged text. */
export interface SampleLineage {
  readonly run: string;
  readonly promptId: string;
  readonly itemId: string;
  readonly sampleIndex: number;
  readonly step: number;
  readonly seed: bigint;
  readonly promptSource: string | null;
  /** SHA-256 of the token ids that the student model was given; null where the rollout is not in its topic any more. */
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
  /** The first published weights that learnt from it; null where none did yet. */
  readonly weights: { readonly version: number; readonly digest: string; readonly onDisk: boolean } | null;
  readonly token?: TokenLineage;
}

/** One token of the completion; log-probabilities are natural. */
export interface TokenLineage {
  readonly index: number;
  readonly id: number;
  readonly samplingLogprob: number | null;
  readonly teacherLogprob: number | null;
  readonly advantage: number | null;
  readonly trained: boolean;
}

export interface LineageQuery {
  /** `PROMPT/INDEX`, or `PROMPT` for its whole group. */
  readonly sample?: string;
  readonly token?: number;
  readonly document?: string;
  readonly step?: number;
}

/**
 * The lineage of the samples that a query names: of one sample, of a document's uses, or of a step.
 * @throws {UserError} `unknown-sample`, `unknown-document`, `unknown-step`, `unknown-token`
 */
export async function lineageOf(run: RunFolder, folder: string, query: LineageQuery): Promise<SampleLineage[]> {
  const { log, plan, manifest } = run;
  const scored: TopicName = stagesWith(plan, 'teacher').length > 0 ? 'teacher-scores' : 'verdicts';
  const at = query.sample?.lastIndexOf('/') ?? -1;
  const promptId = at < 0 ? query.sample : query.sample?.slice(0, at);
  const index = at < 0 ? undefined : Number(query.sample?.slice(at + 1));
  const found: TeacherScore[] = [];
  const known = new Set<string>();
  for await (const record of scanInOrder(log, scored)) {
    if (record.value === null) continue;
    const score = fromRecord('teacher-scores' === scored ? 'teacher-scores' : 'verdicts', {
      ...record,
      value: record.value,
    }) as TeacherScore;
    const documents = score.documents ?? [];
    if (query.sample !== undefined) known.add(`${score.promptId}/${score.sampleIndex}`);
    else if (query.document !== undefined) for (const { id } of documents) known.add(id);
    else known.add(String(score.step));
    const wanted =
      query.sample !== undefined
        ? score.promptId === promptId && (index === undefined || score.sampleIndex === index)
        : query.document !== undefined
          ? documents.some(({ id }) => id === query.document)
          : score.step === query.step;
    if (wanted) found.push(score);
  }
  if (found.length === 0) throw unknown(query, [...known]);
  const ids = new Set(found.map(({ promptId: id }) => id));
  const advantages = new Map<string, Advantage>();
  for await (const record of scanInOrder(log, 'advantages')) {
    if (record.value === null || !ids.has(record.key)) continue;
    const advantage = fromRecord('advantages', { ...record, value: record.value });
    advantages.set(`${advantage.promptId}/${advantage.sampleIndex}`, advantage);
  }
  const sources = new Map<string, string>();
  for await (const record of scanInOrder(log, 'prompts'))
    if (record.value !== null && ids.has(record.key))
      sources.set(record.key, fromRecord('prompts', { ...record, value: record.value }).source);
  const given = new Map<string, string>();
  for await (const record of scanInOrder(log, 'rollouts'))
    if (record.value !== null && ids.has(record.key))
      given.set(record.key, fromRecord('rollouts', { ...record, value: record.value }).promptDigest);
  const versions = [...(await weightsOf(log)).values()].sort((a, b) => a.version - b.version);
  return found.map((score) => {
    const advantage = advantages.get(`${score.promptId}/${score.sampleIndex}`);
    const weights = versions.find(({ version }) => version > score.step);
    return {
      run: manifest.run,
      promptId: score.promptId,
      itemId: score.itemId,
      sampleIndex: score.sampleIndex,
      step: score.step,
      seed: score.seed,
      promptSource: sources.get(score.promptId) ?? null,
      promptDigest: given.get(score.promptId) ?? null,
      policy: { version: score.policyVersion, digest: score.policyDigest, template: score.templateHash },
      verifier: { name: score.verifier, hash: score.verifierHash, verdict: score.verdict, reward: score.reward },
      teacher:
        typeof score.teacherVersion === 'number'
          ? { version: score.teacherVersion, template: score.teacherTemplateHash }
          : null,
      documents: score.documents ?? [],
      shaper: advantage?.shaper ?? null,
      advantage: advantage?.advantage ?? null,
      weights:
        weights && advantage
          ? {
              version: weights.version,
              digest: weights.digest,
              onDisk: weights.location !== null && existsSync(join(folder, weights.location)),
            }
          : null,
      ...(query.token !== undefined && { token: tokenOf(score, advantage, query.token) }),
    };
  });
}

function tokenOf(score: TeacherScore, advantage: Advantage | undefined, index: number): TokenLineage {
  const tokens = int32Array(score.completionTokens);
  const id = tokens[index];
  if (id === undefined)
    throw new UserError(
      'unknown-token',
      `--token ${index}: ${score.promptId}/${score.sampleIndex} has ${tokens.length} completion tokens, expected 0 to ${tokens.length - 1}`,
    );
  return {
    index,
    id,
    samplingLogprob: float32Array(score.samplingLogprobs)[index] ?? null,
    teacherLogprob: score.teacherLogprobs ? (float32Array(score.teacherLogprobs)[index] ?? null) : null,
    advantage: advantage ? (float32Array(advantage.tokenAdvantages)[index] ?? null) : null,
    trained: (advantage?.mask[index] ?? 0) === 1,
  };
}

function unknown({ sample, document, step }: LineageQuery, known: readonly string[]): UserError {
  const [kind, name] =
    sample !== undefined
      ? ['sample', sample]
      : document !== undefined
        ? ['document', document]
        : ['step', String(step)];
  const near = step === undefined ? nearest(name, known) : undefined;
  const hint = near
    ? `did you mean ${near}?`
    : `expected one such as ${known.slice(0, 3).join(', ') || '(there is none yet)'}`;
  return new UserError(`unknown-${kind}`, `--${kind} ${name}: the run has no such ${kind}; ${hint}`);
}
