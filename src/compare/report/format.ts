import { relative } from 'node:path';
import type { Estimate, PairedDifference } from '../statistics.js';

const percent = (value: number): string => (100 * value).toFixed(1);
const signed = (value: number): string => `${value >= 0 ? '+' : '−'}${percent(Math.abs(value))}`;

/** An accuracy in percent with its standard error: `91.4 ± 0.6`. */
export const accuracyText = ({ mean, se }: Estimate): string =>
  Number.isNaN(se) ? percent(mean) : `${percent(mean)} ± ${percent(se)}`;

/** A difference in points with its 95 % confidence interval: `+1.9 [+1.2, +2.6]`. */
export const differenceText = ({ mean, low, high }: PairedDifference): string =>
  Number.isNaN(low) ? signed(mean) : `${signed(mean)} [${signed(low)}, ${signed(high)}]`;

/** A standard error in points of accuracy. */
export const seText = ({ se }: Estimate): string => (Number.isNaN(se) ? '–' : percent(se));

export function pText(p: number): string {
  if (Number.isNaN(p)) return '–';
  return p < 0.0001 ? '< 0.0001' : p.toPrecision(2);
}

/** A figure of any size with its standard error. */
export function figureText({ mean, se }: Estimate): string {
  const short = (value: number) => String(Number(value.toPrecision(3)));
  return Number.isNaN(se) ? short(mean) : `${short(mean)} ± ${short(se)}`;
}

export const seedsText = (n: number): string => (n === 1 ? '1 seed' : `${n} seeds`);

export const percentText = percent;

/** Text as HTML, also inside of an attribute. */
export const htmlText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A link from a report in `folder` to the folder of a run. */
export function runLink(folder: string, run: string, text: string): string {
  const link = relative(folder, run).split('/').map(encodeURIComponent).join('/');
  return `<a href="${link}/">${htmlText(text)}</a>`;
}
