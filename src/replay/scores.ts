import type { RecordedScores } from '../operators/score-teacher.js';
import type { TeacherScore, Verdict } from '../records/records.js';
import type { LogRecord, TopicLog } from '../topics/log.js';
import { fromRecord } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';
import { weightsOf } from './recorded.js';

export interface ScoresSettings {
  /** The recorded topics. */
  readonly log: TopicLog;
  /** Digest of a version of the weights in the replay, once it is published; undefined: recorded scores are not used. */
  readonly digestOf?: (version: number) => Promise<string>;
}

/**
 * What the teacher of a recorded run said of a group, and what it was shown. Its scores are taken over where they would come out the
 * same: the same tokens under the same weights. Memory holds a place for each prompt, no records.
 */
export async function recordedScores({ log, digestOf }: ScoresSettings): Promise<RecordedScores> {
  const places = new Map<string, { readonly partition: number; readonly offset: bigint }>();
  const partitions = (await log.describe()).find(({ name }) => name === 'teacher-scores')?.bounds ?? [];
  for (const [partition, { start }] of partitions.entries())
    for await (const { key, offset } of scan(log, 'teacher-scores', partition, start))
      if (!places.has(key)) places.set(key, { partition, offset });
  const digests = new Map([...(await weightsOf(log))].map(([version, { digest }]) => [version, digest]));

  const recordsOf = async (promptId: string): Promise<LogRecord[]> => {
    const place = places.get(promptId);
    if (!place) return [];
    const found: LogRecord[] = [];
    for (let next = place.offset; ; ) {
      const records = await log.read('teacher-scores', place.partition, next, 32);
      const own = records.filter(({ key }) => key === promptId);
      found.push(...own);
      const last = records.at(-1);
      if (!last || own.length < records.length) return found;
      next = last.offset + 1n;
    }
  };

  return async (group) => {
    const records = await recordsOf(group[0]?.promptId ?? '');
    const scores = records.flatMap((record) =>
      record.value === null ? [] : [fromRecord('teacher-scores', { ...record, value: record.value })],
    );
    const first = scores.find(({ teacherVersion }) => teacherVersion !== null);
    if (!first || first.teacherVersion === null) return undefined;
    const { documents, teacherVersion } = first;
    if (!digestOf || (await digestOf(teacherVersion)) !== digests.get(teacherVersion)) return { documents };
    const bySample = new Map(scores.map((score) => [score.sampleIndex, score]));
    const taken = group.map((verdict) => takenOver(verdict, bySample.get(verdict.sampleIndex)));
    const whole = taken.filter((score) => score !== undefined);
    return whole.length === group.length ? { documents, scores: whole } : { documents };
  };
}

function takenOver(verdict: Verdict, score: TeacherScore | undefined): TeacherScore | undefined {
  if (!score || !same(verdict.completionTokens, score.completionTokens)) return undefined;
  const { teacherLogprobs, contrastLogprobs, teacherTop, teacherVersion, teacherTemplateHash, documents } = score;
  return {
    ...verdict,
    teacherLogprobs,
    contrastLogprobs,
    teacherTop,
    teacherVersion,
    teacherTemplateHash,
    documents,
  };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
