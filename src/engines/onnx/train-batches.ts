import { at, get } from '../../support/required.js';
import type { TrainRow } from '../trainable.js';
import type { SessionTensor } from './session.js';

/**
 * Groups rows of one temperature and similar length into batches of at most `microTokens` tokens, padding included; a
 * longer row is a batch of its own. The order depends on the rows alone.
 */
export function microBatches<R extends Pick<TrainRow, 'tokens' | 'temperature'>>(
  rows: readonly R[],
  microTokens: number,
): R[][] {
  const batches: R[][] = [];
  const sorted = rows.toSorted((a, b) => a.temperature - b.temperature || b.tokens.length - a.tokens.length);
  for (const row of sorted) {
    const batch = batches.at(-1);
    const [longest] = batch ?? [];
    const fits =
      batch &&
      longest?.temperature === row.temperature &&
      (batch.length + 1) * (longest.tokens.length - 1) <= microTokens;
    if (fits) batch.push(row);
    else batches.push([row]);
  }
  return batches;
}

/**
 * Rows as feeds of one run, shorter rows padded on the right with zeros: of weight 0, so that the padding trains
 * nothing.
 */
export function batchFeeds(rows: readonly TrainRow[]): Map<string, SessionTensor> {
  const first = at(rows, 0);
  const width = Math.max(...rows.map(({ tokens }) => tokens.length)) - 1;
  const shape = [rows.length, width];
  const tokens = new BigInt64Array(rows.length * width);
  const targets = new BigInt64Array(rows.length * width);
  for (const [i, row] of rows.entries()) {
    for (let t = 0; t + 1 < row.tokens.length; t++) {
      tokens[i * width + t] = BigInt(at(row.tokens, t));
      targets[i * width + t] = BigInt(at(row.tokens, t + 1));
    }
  }
  const feeds = new Map<string, SessionTensor>([
    ['tokens', { data: tokens, shape }],
    ['targets', { data: targets, shape }],
    ['temperature', { data: Float32Array.of(first.temperature), shape: [1] }],
    ['weights', padded(rows, width, 1, ({ weights }) => weights)],
  ]);
  const k = first.top?.k ?? 1;
  for (const name of first.inputs.keys())
    feeds.set(
      name,
      padded(rows, width, name === 'targetTopLogprobs' ? k : 1, ({ inputs }) => get(inputs, name)),
    );
  if (first.top) feeds.set('topIds', topIds(rows, width, k));
  return feeds;
}

function padded(
  rows: readonly TrainRow[],
  width: number,
  perToken: number,
  values: (row: TrainRow) => Float32Array,
): SessionTensor {
  const data = new Float32Array(rows.length * width * perToken);
  for (const [i, row] of rows.entries()) data.set(values(row), i * width * perToken);
  return { data, shape: perToken === 1 ? [rows.length, width] : [rows.length, width, perToken] };
}

function topIds(rows: readonly TrainRow[], width: number, k: number): SessionTensor {
  const data = new BigInt64Array(rows.length * width * k);
  for (const [i, { top }] of rows.entries()) {
    if (top?.k !== k) throw new RangeError(`a row has ${top?.k ?? 'no'} distillation targets per token, another ${k}`);
    for (const [j, id] of top.ids.entries()) data[i * width * k + j] = BigInt(id);
  }
  return { data, shape: [rows.length, width, k] };
}
