import type { Metric } from '../../records/records.js';
import type { TopicLog } from '../../topics/log.js';
import { recordsOf } from '../../topics/scan.js';

/** Figures that a stage has recorded for a step; of `evaluate`, for a version. */
export type MetricRow = Pick<Metric, 'stage' | 'step' | 'time' | 'values' | 'message'>;

/** All figures of a run, by step and then by stage; copies of a record count once. */
export async function readMetrics(log: TopicLog): Promise<MetricRow[]> {
  const rows = new Map<string, MetricRow>();
  for await (const { stage, step, time, values, message } of recordsOf(log, 'metrics')) {
    const place = `${stage} ${step} ${time}`;
    if (!rows.has(place)) rows.set(place, { stage, step, time, values, message });
  }
  return [...rows.values()].sort((a, b) => a.step - b.step || (a.stage < b.stage ? -1 : a.stage > b.stage ? 1 : 0));
}

/** The name of a figure outside of its record: `learn/loss`. */
export const figureName = ({ stage }: Pick<MetricRow, 'stage'>, name: string): string => `${stage}/${name}`;

/** Every figure of the rows, in the order in which they first appear. */
export const figureNames = (rows: readonly MetricRow[]): string[] => [
  ...new Set(rows.flatMap((row) => Object.keys(row.values).map((name) => figureName(row, name)))),
];

/** The figures of one step, over its stages. */
export interface StepRow {
  readonly step: number;
  /** Of the newest record, in milliseconds since the epoch. */
  readonly time: number;
  readonly values: ReadonlyMap<string, number>;
}

/** One row per step, by step. */
export function stepRows(rows: readonly MetricRow[]): StepRow[] {
  const steps = new Map<number, { time: number; readonly values: Map<string, number> }>();
  for (const row of rows) {
    const found = steps.get(row.step) ?? { time: row.time, values: new Map<string, number>() };
    steps.set(row.step, found);
    found.time = Math.max(found.time, row.time);
    for (const [name, value] of Object.entries(row.values)) found.values.set(figureName(row, name), value);
  }
  return [...steps].map(([step, row]) => ({ step, ...row }));
}
