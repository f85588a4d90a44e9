import { UserError } from '../../support/errors.js';
import type { Manifest } from '../manifest/manifest.js';
import type { MetricRow } from './read.js';

/** What is written for other programs. */
export interface Exported {
  readonly manifest: Manifest;
  /** Not empty. */
  readonly rows: readonly MetricRow[];
}

/** @throws {UserError} `no-metrics` */
export function requireMetrics(rows: readonly MetricRow[], folder: string): void {
  if (rows.length === 0)
    throw new UserError('no-metrics', `${folder}: the run has no metrics yet; nothing was written`);
}
