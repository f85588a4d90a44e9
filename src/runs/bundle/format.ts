import { UserError } from '../../support/errors.js';
import type { TopicInfo } from '../../topics/log.js';

/**
 * A run as one tar file. Every entry carries its SHA-256 in its extended header, as the comment `sha256 HEX`:
 *
 *     bundle.json                            what is in it
 *     manifest.json                          the run's manifest
 *     topics/NAME/PARTITION/OFFSET.avro      Avro container files of the records from that offset on
 *     files/…                                weights and checkpoints, as in the run's folder
 *     inputs/…                               what the pipeline's file names: prompts, documents, operators
 *     end.json                               how many entries and records there are
 */
export const FORMAT = 1;

/** Offsets and counts are strings, as JSON has no 64-bit numbers. */
export interface BundleIndex {
  readonly format: number;
  readonly run: string;
  /** Where the topics came from. */
  readonly from: string;
  /** Whether references, documents and the files that hold them are in it. */
  readonly privileged: boolean;
  /** Folder of the pipeline's file below `inputs`. */
  readonly folder: string;
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
  /** Digest of the names and digests of the entries before, in order. */
  readonly names: string;
  readonly records: Readonly<Record<string, number>>;
}

/** Topics that hold what only the teacher and the verifier may see. */
export const privilegedTopics: readonly string[] = ['references', 'privileged'];

export const segmentName = (topic: string, partition: number, offset: bigint): string =>
  `topics/${topic}/${partition}/${String(offset).padStart(20, '0')}.avro`;

/** The topic, partition and first offset that an entry's name tells; undefined for another entry. */
export function segmentOf(name: string): { topic: string; partition: number; offset: bigint } | undefined {
  const [, topic, partition, offset] = /^topics\/([A-Za-z0-9._-]+)\/(\d+)\/(\d+)\.avro$/.exec(name) ?? [];
  if (topic === undefined || partition === undefined || offset === undefined) return undefined;
  return { topic, partition: Number(partition), offset: BigInt(offset) };
}

/** @throws {UserError} `bundle-damaged` */
export function damaged(file: string, what: string): never {
  throw new UserError('bundle-damaged', `${file} is damaged: ${what}; nothing was imported`);
}
