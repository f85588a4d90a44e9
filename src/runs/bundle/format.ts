import { UserError } from '../../support/errors.js';
import type { TopicInfo } from '../../topics/log.js';

/**
 * Version of the bundle format: a run as one tar file. Every entry has its SHA-256 in its extended header, as the
 * comment
 * `sha256 HEX`:
 *
 *     bundle.json                            index: topics with their offsets, and committed offsets
 *     manifest.json                          the run's manifest
 *     topics/NAME/PARTITION/OFFSET.avro      Avro container files; OFFSET is that of the first record
 *     files/…                                weights and checkpoints, as in the run's folder
 *     inputs/…                               files that the pipeline names: prompts, documents, modules
 *     end.json                               number of entries and records
 */
export const FORMAT = 1;

/** Offsets are strings, since JSON has no 64-bit numbers. */
export interface BundleIndex {
  readonly format: number;
  readonly run: string;
  /** Name of the topic store that the run is from. */
  readonly from: string;
  /** Whether it contains references, documents and the files with them. */
  readonly privileged: boolean;
  /** The pipeline's folder, relative to `inputs`. */
  readonly folder: string;
  /** Input files that were left out with the privileged content; missing where there are none. */
  readonly leftOut?: readonly string[];
  readonly topics: readonly (Omit<TopicInfo, 'bounds'> & {
    readonly bounds: readonly { readonly start: string; readonly end: string }[];
  })[];
  readonly groups: readonly {
    readonly group: string;
    readonly topic: string;
    readonly partition: number;
    readonly offset: string;
  }[];
}

export interface BundleEnd {
  readonly entries: number;
  /** Digest of the names and hashes of all earlier entries, in order. */
  readonly names: string;
  readonly records: Readonly<Record<string, number>>;
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
