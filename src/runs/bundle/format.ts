import { z } from 'zod';
import { check } from '../../support/check.js';
import { UserError } from '../../support/errors.js';
import { isInside } from './names.js';

/**
 * Version of the bundle format: a run as one tar file. Every entry has its SHA-256 in its extended header, as the
 * comment
 * `sha256 HEX`:
 *
 *     bundle.json                            index: topics with their offsets, and committed offsets
 *     manifest.json                          the run's manifest
 *     topics/NAME/PARTITION/OFFSET.avro      Avro container files; OFFSET is that of the first record
 *     files/…                                weights, checkpoints and base, as in the run's folder
 *     inputs/…                               files that the pipeline names: prompts, documents, modules
 *     end.json                               number of entries and records
 */
export const FORMAT = 1;

/** Partitions that the topics of a bundle have together at most. */
const MAX_PARTITIONS = 10_000;

const count = z.int().min(0);
/** A string, since JSON has no 64-bit numbers. */
const offset = z.string().regex(/^\d{1,18}$/);
const topicName = z.string().regex(/^[A-Za-z0-9._-]{1,249}$/);

const indexSchema = z
  .object({
    format: z.literal(FORMAT),
    run: z.string().min(1),
    /** Name of the topic store that the run is from. */
    from: z.string(),
    /** Whether it contains references, documents and the files with them. */
    privileged: z.boolean(),
    /** The pipeline's folder, relative to `inputs`. */
    folder: z.string().refine((path) => path === '' || isInside(path), 'expected a path inside the bundle'),
    /** Input files that were left out with the privileged content; missing where there are none. */
    leftOut: z.array(z.string()).optional(),
    topics: z.array(
      z
        .object({
          name: topicName,
          partitions: z.int().min(1).max(MAX_PARTITIONS),
          compact: z.boolean().optional(),
          retention: z
            .object({ ms: z.number().positive().optional(), bytes: z.number().positive().optional() })
            .optional(),
          bounds: z.array(
            z
              .object({ start: offset, end: offset })
              .refine(({ start, end }) => BigInt(start) <= BigInt(end), 'expected a start that is not after the end'),
          ),
        })
        .refine(({ partitions, bounds }) => partitions === bounds.length, 'expected bounds of each partition'),
    ),
    groups: z.array(z.object({ group: z.string().min(1).max(1000), topic: topicName, partition: count, offset })),
  })
  .superRefine(({ topics, groups }, { addIssue }) => {
    const refuse = (path: PropertyKey[], message: string) => addIssue({ code: 'custom', path, message });
    const byName = new Map(topics.map((topic) => [topic.name, topic]));
    if (byName.size < topics.length) refuse(['topics'], 'expected each topic once');
    const partitions = topics.reduce((sum, topic) => sum + topic.partitions, 0);
    if (partitions > MAX_PARTITIONS)
      refuse(['topics'], `found ${partitions} partitions, expected ${MAX_PARTITIONS} at most`);
    const places = new Set(groups.map(({ group, topic, partition }) => JSON.stringify([group, topic, partition])));
    if (places.size < groups.length) refuse(['groups'], 'expected one offset of a group in a partition');
    for (const [i, group] of groups.entries()) {
      const end = byName.get(group.topic)?.bounds[group.partition]?.end;
      if (end === undefined) refuse(['groups', i], `topic ${group.topic} has no partition ${group.partition}`);
      else if (BigInt(group.offset) > BigInt(end)) refuse(['groups', i, 'offset'], `expected at most ${end}`);
    }
  });

const endSchema = z.object({
  entries: count,
  /** Digest of the names and hashes of all earlier entries, in order. */
  names: z.string(),
  records: z.record(topicName, count),
});

export type BundleIndex = z.output<typeof indexSchema>;
export type BundleEnd = z.output<typeof endSchema>;

/** @throws {UserError} `other-version`, `bundle-damaged` */
export function parseIndex(file: string, text: string): BundleIndex {
  const written: unknown = parseJson(file, 'bundle.json', text);
  const format = typeof written === 'object' && written !== null && 'format' in written ? written.format : undefined;
  if (format !== FORMAT)
    throw new UserError(
      'other-version',
      `${file}: found a bundle of format ${JSON.stringify(format)}, expected ${FORMAT}`,
    );
  return checked(file, indexSchema, written, 'bundle.json');
}

/** @throws {UserError} `bundle-damaged` */
export const parseEnd = (file: string, text: string): BundleEnd =>
  checked(file, endSchema, parseJson(file, 'end.json', text), 'end.json');

function parseJson(file: string, name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return damaged(file, `${name}: not JSON`);
  }
}

function checked<T>(file: string, schema: z.ZodType<T>, value: unknown, name: string): T {
  try {
    return check(schema, value, name);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return damaged(file, error.message.split('\n').slice(0, 3).join('; '));
  }
}

/** Topics that only the teacher and the verifier may read. */
export const privilegedTopics: readonly string[] = ['references', 'privileged'];

export const segmentName = (topic: string, partition: number, offset: bigint): string =>
  `topics/${topic}/${partition}/${String(offset).padStart(20, '0')}.avro`;

/** Parses the name of a segment; undefined for any other entry. */
export function segmentOf(name: string): { topic: string; partition: number; offset: bigint } | undefined {
  const [, topic, partition, offset] = /^topics\/([A-Za-z0-9._-]+)\/(\d+)\/(\d+)\.avro$/.exec(name) ?? [];
  if (topic === undefined || partition === undefined || offset === undefined) return undefined;
  return { topic, partition: Number(partition), offset: BigInt(offset) };
}

/** @throws {UserError} `bundle-damaged` */
export function damaged(file: string, what: string): never {
  throw new UserError('bundle-damaged', `${file} is damaged: ${what}; nothing was imported, copy the file again`);
}
