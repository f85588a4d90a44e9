import { extname } from 'node:path';
import { UserError } from '../../support/errors.js';
import { CrashError, createPool, DeadlineError, type Pool } from '../../support/workers/pool.js';
import { meterProcess } from '../../support/workers/process-meter.js';
import { processes } from '../../support/workers/transport.js';
import { workerUrl } from '../../support/workers/url.js';
import type { OptionalPart } from '../formats/extracted.js';
import { type Extracted, extractText, needsReader } from '../sources/extract.js';
import type { ReadCall } from './worker.js';

/** What reading one document may take. */
export interface ReadLimits {
  /** Processor time. */
  readonly seconds: number;
  /** Memory of the process that reads it, in MiB. */
  readonly memory: number;
}

export const defaultLimits: ReadLimits = { seconds: 30, memory: 1024 };

/** Reads documents within limits. */
export interface DocumentReader {
  /**
   * @throws {UserError} as `extractText`, and `document-unreadable` for a document that takes more than the limits
   */
  read(path: string, bytes: Uint8Array, include: readonly OptionalPart[]): Promise<Extracted>;
  close(): Promise<void>;
}

/** Loading the reader of a format does not count against its first document. */
const LOAD_SECONDS = 30;

/**
 * Reads formats that need a parser in a process that is ended at the limits, and replaced. It starts with the first
 * such document; texts are read here, in time linear in their size.
 */
export function documentReader(limits: ReadLimits = defaultLimits): DocumentReader {
  let pool: Pool<ReadCall> | undefined;
  const open = (): Pool<ReadCall> =>
    createPool<ReadCall>({
      start: processes(workerUrl('./worker.js', import.meta.url), {
        arguments: [String(limits.memory)],
        execArgv: [`--max-old-space-size=${limits.memory}`],
      }),
      size: 1,
      capacity: 1,
      lazy: true,
      meter: meterProcess,
      warmUp: { key: ({ path }) => extname(path).toLowerCase(), seconds: LOAD_SECONDS },
    });
  return {
    async read(path, bytes, include) {
      if (!needsReader(path)) return extractText(path, bytes, include);
      pool ??= open();
      try {
        return (await pool.call({ path, bytes, include }, 1, { seconds: limits.seconds })) as Extracted;
      } catch (error) {
        throw overLimit(path, limits, error) ?? error;
      }
    },
    async close() {
      await pool?.close();
      pool = undefined;
    },
  };
}

function overLimit(path: string, { seconds, memory }: ReadLimits, error: unknown): UserError | undefined {
  const found =
    error instanceof DeadlineError
      ? `takes more than ${seconds} s to read`
      : error instanceof CrashError
        ? `needs more than ${memory} MiB of memory to read, or crashes its reader (${error.how})`
        : undefined;
  return found === undefined
    ? undefined
    : new UserError(
        'document-unreadable',
        `${path}: ${found}; expected a document within privileged.limits: split it, or raise the limit`,
      );
}
