import type { RecordedScores } from '../operators/score-teacher.js';
import type { TeacherScore, Verdict } from '../records/records.js';
import { recordedWeights } from '../runs/weights/recorded.js';
import { at } from '../support/required.js';
import type { LogRecord, TopicLog } from '../topics/log.js';
import { recordIn } from '../topics/record-codec.js';
import { scan } from '../topics/scan.js';
import { partitionsOf } from './topics.js';

export interface ScoresSettings {
  /** The recorded topics. */
  readonly log: TopicLog;
  /** Digest of a version of the replay's weights, once published. Without it, scores are not reused. */
  readonly digestOf?: (version: number) => Promise<string>;
}

/**
 * Looks up what the teacher of a recorded run was shown for a group, and its scores where they would come out the same:
 * for the same tokens under the same weights. Keeps an offset per prompt in memory, not the records.
 */
export async function recordedScores({ log, digestOf }: ScoresSettings): Promise<RecordedScores> {
  const places = new Map<string, { readonly partition: number; readonly offset: bigint }>();
  for (const [partition, start] of await partitionsOf(log, 'teacher-scores'))
    for await (const { key, offset } of scan(log, 'teacher-scores', partition, start))
      if (!places.has(key)) places.set(key, { partition, offset });
  const digests = new Map([...(await recordedWeights(log))].map(([version, { digest }]) => [version, digest]));

  const readGroup = async (promptId: string): Promise<LogRecord[]> => {
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
    const records = await readGroup(at(group, 0).promptId);
    const scores = records.flatMap((record) => recordIn('teacher-scores', record) ?? []);
    const first = scores.find(({ teacherVersion }) => teacherVersion !== null);
    if (!first || first.teacherVersion === null) return undefined;
    const { documents, teacherVersion } = first;
    if (!digestOf || (await digestOf(teacherVersion)) !== digests.get(teacherVersion)) return { documents };
    const bySample = new Map(scores.map((score) => [score.sampleIndex, score]));
    const reused = group.map((verdict) => scoreAgain(verdict, bySample.get(verdict.sampleIndex)));
    const whole = reused.filter((score) => score !== undefined);
    return whole.length === group.length ? { documents, scores: whole } : { documents };
  };
}

/** The recorded score of the same tokens, on the new verdict. */
function scoreAgain(verdict: Verdict, score: TeacherScore | undefined): TeacherScore | undefined {
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
