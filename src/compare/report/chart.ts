import { at } from '../../support/required.js';
import type { ArmSummary, BandPoint } from '../summarize.js';
import { percentText } from './format.js';

const [WIDTH, HEIGHT] = [860, 400];
const margin = { left: 56, right: 16, top: 12, bottom: 40 };

/** Distinguishable with every kind of colour blindness. @see Okabe and Ito, Color Universal Design, 2008 */
export const palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', 'currentColor'];

/** Colour of an arm and dashes of a line: a control has the colour of its arm. */
export function styleOf(
  arms: readonly ArmSummary[],
  { name, control }: ArmSummary,
): { readonly colour: string; readonly dash: string } {
  const owners = arms.filter((arm) => arm.control === null).map((arm) => arm.name);
  const colour = at(palette, Math.max(0, owners.indexOf(control?.of ?? name)) % palette.length);
  const dash = control ? { shuffled: '6 4', none: '2 3', permuted: '8 3 2 3' }[control.name] : '';
  return { colour, dash };
}

export interface ChartOptions {
  readonly threshold: number;
  readonly label: string;
  /** Training steps, or seconds at each arm's mean time per step. */
  readonly axis: 'steps' | 'seconds';
}

/** Mean curves with 95 % confidence bands as SVG. */
export function accuracyChart(arms: readonly ArmSummary[], { threshold, label, axis }: ChartOptions): string {
  const points = arms.flatMap(({ curve }) => curve);
  const per = ({ secondsPerStep }: ArmSummary) => (axis === 'steps' ? 1 : secondsPerStep.mean);
  const last = Math.max(...arms.flatMap((arm) => arm.curve.map(({ step }) => step * per(arm))));
  const [low, high] = rangeOf(points, threshold);
  const x = (position: number) => margin.left + (position / last) * (WIDTH - margin.left - margin.right);
  const y = (accuracy: number) =>
    margin.top + ((high - accuracy) / (high - low)) * (HEIGHT - margin.top - margin.bottom);
  const bands = arms.map((arm) => {
    const at = ({ step }: BandPoint, accuracy: number) => `${x(step * per(arm)).toFixed(1)},${y(accuracy).toFixed(1)}`;
    const banded = arm.curve.filter(({ half }) => Number.isFinite(half));
    const upper = banded.map((point) => at(point, Math.min(high, point.mean + point.half)));
    const lower = banded.map((point) => at(point, Math.max(low, point.mean - point.half))).reverse();
    return (
      `<polygon points="${[...upper, ...lower].join(' ')}" fill="${styleOf(arms, arm).colour}" ` +
      'fill-opacity="0.12"/>'
    );
  });
  const lines = arms.map((arm) => {
    const { colour, dash } = styleOf(arms, arm);
    const path = arm.curve.map(({ step, mean }) => `${x(step * per(arm)).toFixed(1)},${y(mean).toFixed(1)}`).join(' ');
    return (
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2" ` +
      `stroke-dasharray="${dash}"><title>${arm.name}</title></polyline>`
    );
  });
  const limit =
    `<line x1="${margin.left}" x2="${WIDTH - margin.right}" y1="${y(threshold)}" y2="${y(threshold)}" ` +
    'stroke="currentColor" stroke-opacity="0.4" stroke-dasharray="1 4"/>';
  return [
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">`,
    ...axes({ x, y, low, high, last, axis }),
    limit,
    ...bands,
    ...lines,
    '</svg>',
  ].join('\n');
}

/** Accuracies that the chart spans, in whole tenths. */
function rangeOf(points: readonly BandPoint[], threshold: number): readonly [low: number, high: number] {
  const half = (point: BandPoint) => (Number.isFinite(point.half) ? point.half : 0);
  const low = Math.min(threshold, ...points.map((point) => point.mean - half(point)));
  const high = Math.max(threshold, ...points.map((point) => point.mean + half(point)));
  const [bottom, top] = [Math.max(0, Math.floor(low * 10) / 10), Math.min(1, Math.ceil(high * 10) / 10)];
  return top > bottom ? [bottom, top] : [Math.max(0, bottom - 0.1), Math.min(1, top + 0.1)];
}

interface Scales {
  readonly axis: ChartOptions['axis'];
  readonly x: (position: number) => number;
  readonly y: (accuracy: number) => number;
  readonly low: number;
  readonly high: number;
  readonly last: number;
}

function axes({ axis, x, y, low, high, last }: Scales): string[] {
  const rows = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4);
  const columns = Array.from({ length: 5 }, (_, i) => (last * i) / 4);
  const grid = rows.map(
    (value) =>
      `<line x1="${margin.left}" x2="${WIDTH - margin.right}" y1="${y(value)}" y2="${y(value)}" ` +
      'stroke="currentColor" stroke-opacity="0.12"/>' +
      `<text x="${margin.left - 8}" y="${y(value) + 4}" text-anchor="end">${percentText(value)}</text>`,
  );
  const ticks = columns.map((position) => {
    const text = last < 20 ? position.toFixed(1) : position.toFixed(0);
    return `<text x="${x(position)}" y="${HEIGHT - margin.bottom + 18}" text-anchor="middle">${text}</text>`;
  });
  const unit = axis === 'steps' ? 'training step' : 'seconds of training';
  const name = `<text x="${(WIDTH + margin.left) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${unit}</text>`;
  return [...grid, ...ticks, name];
}
