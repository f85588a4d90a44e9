import { codecFor } from '../../records/codec.js';
import type { TopicRecords } from '../../records/records.js';
import { arrayFields, isArrayField, pack, type Unpacked } from '../../records/unpacked.js';
import { UserError } from '../../support/errors.js';

/** Topics that can be transformed: those whose records are samples of a prompt's group. */
export const groupTopics = ['rollouts', 'verdicts', 'teacher-scores', 'advantages'] as const;
export type GroupTopic = (typeof groupTopics)[number];

/** Groups and steps are put together by these. */
const fixed = ['run', 'promptId', 'itemId', 'sequence', 'step', 'sampleIndex', 'groupSize'] as const;

/** Log-probabilities that are -Infinity where a distribution leaves nothing for a token. */
const unbounded: readonly string[] = ['topLogprobs', 'tailLogprobs'];

/**
 * Checks what a transform emitted for a sample, and packs it: same prompt and sample, typed arrays of the right type
 * and length, finite numbers, the topic's schema.
 *
 * @throws {UserError} `bad-output`, naming sample and field.
 */
export function checkSample<T extends GroupTopic>(
  topic: T,
  input: TopicRecords[T],
  output: Unpacked<TopicRecords[T]>,
): TopicRecords[T] {
  const bad = (problem: string) =>
    new UserError('bad-output', `sample ${input.promptId}/${input.sampleIndex}: ${problem}`);
  const fields = new Map<string, unknown>(Object.entries(output));
  for (const name of fixed)
    if (fields.get(name) !== input[name])
      throw bad(`${name} is ${show(fields.get(name))}, expected ${show(input[name])}: a transform must not change it`);
  const problem = fieldProblem(output, fields.get('completionTokens'));
  if (problem) throw bad(problem);
  const record = pack<TopicRecords[T]>(output);
  try {
    codecFor(topic).encode(record);
  } catch (error) {
    throw error instanceof UserError ? bad(error.message) : error;
  }
  return record;
}

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));

/** The first field that is not a typed array of the right length, or not finite. */
function fieldProblem(record: object, completionTokens: unknown): string | undefined {
  for (const [name, value] of Object.entries(record)) {
    const problem = isDistribution(value)
      ? fieldProblem(value, completionTokens)
      : (typeProblem(name, value) ??
        lengthProblem(name, value, record, completionTokens) ??
        finiteProblem(name, value));
    if (problem) return isDistribution(value) ? `${name}.${problem}` : problem;
  }
  return undefined;
}

const isDistribution = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && 'topIds' in value;

function typeProblem(name: string, value: unknown): string | undefined {
  if (!isArrayField(name) || value === null) return undefined;
  const type = arrayFields[name] === 'int32' ? Int32Array : Float32Array;
  if (value instanceof type) return undefined;
  const found = typeof value === 'object' && value !== null ? value.constructor.name : show(value);
  return `${name} is ${found}, expected ${type.name}`;
}

function lengthProblem(name: string, value: unknown, record: object, tokens: unknown): string | undefined {
  const perToken = name === 'mask' || (isArrayField(name) && name !== 'promptTokens');
  if (!perToken || !hasLength(value) || !hasLength(tokens)) return undefined;
  const k = 'k' in record && name !== 'tailLogprobs' ? Number(record.k) : 1;
  if (value.length === tokens.length * k) return undefined;
  const each = k === 1 ? 'one per completion token' : `k (${k}) per completion token`;
  return `${name} has ${value.length} values, expected ${tokens.length * k}: ${each}`;
}

const hasLength = (value: unknown): value is { readonly length: number } =>
  typeof value === 'object' && value !== null && 'length' in value && typeof value.length === 'number';

function finiteProblem(name: string, value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return `${name} is ${value}, expected a finite number`;
  if (!(value instanceof Float32Array)) return undefined;
  const allowed = (x: number) => Number.isFinite(x) || (x === Number.NEGATIVE_INFINITY && unbounded.includes(name));
  const at = value.findIndex((x) => !allowed(x));
  return at < 0 ? undefined : `${name}[${at}] is ${value[at]}, expected a finite number`;
}
