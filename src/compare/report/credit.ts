import type { ShownToken } from '../../replay/sample.js';
import type { CreditExample, CreditedSample } from '../examples.js';
import { htmlText, runLink } from './format.js';

/** Opacity of the strongest credit, at which text on it can still be read in light and dark. */
const STRONGEST = 0.6;
/** Longer completions are cut. */
const MAX_TOKENS = 400;

/** Blue and vermilion differ with every kind of colour blindness; the line below a token tells its sign as well. */
export const creditStyle = `
  .credit { white-space: pre-wrap; line-height: 2; overflow-wrap: anywhere; }
  .credit span { padding: 0.1rem 0; }
  .plus { background: rgb(0 114 178 / var(--share)); border-bottom: 2px solid #0072b2; }
  .minus { background: rgb(213 94 0 / var(--share)); border-bottom: 2px dotted #d55e00; }
  .error { outline: 2px solid currentColor; outline-offset: 1px; }
  .arm { display: grid; grid-template-columns: 11rem 1fr; gap: 0 1rem; align-items: baseline; }
  blockquote { margin-left: 0; padding-left: 1rem; border-left: 3px solid currentColor; white-space: pre-wrap; }
`;

/**
 * The section of a report that shows which tokens each arm credits.
 * @param folder of the report
 */
export function creditSection(examples: readonly CreditExample[], folder: string): string {
  if (examples.length === 0) return '';
  return `<h2>Credit, token by token</h2>
<p>Completions of the same prompts in each arm: <span class="plus" style="--share:.4">blue with a solid line</span> is
rewarded, <span class="minus" style="--share:.4">orange with a dotted line</span> is penalized, and the deeper the colour
the larger the advantage, on one scale for all arms of a completion. <span class="error">A frame</span> marks the first
error, where it is known. Point at a token for its numbers, or open them as a table. Log-probabilities are natural
logarithms; the weight is the token's advantage relative to that of its completion.</p>
${examples.map((example) => exampleOf(example, folder)).join('\n')}`;
}

function exampleOf({ promptId, question, step, verdict, samples }: CreditExample, folder: string): string {
  const strongest = samples
    .flatMap(({ tokens }) => tokens)
    .reduce((most, { credit }) => Math.max(most, Math.abs(credit ?? 0)), 0);
  const same = step === 0 ? ', the same completion in every arm' : '';
  return `<h3>${verdict === 'correct' ? 'Right' : 'Wrong'}, step ${step}${same}</h3>
<blockquote title="${htmlText(promptId)}">${htmlText(question)}</blockquote>
${samples.map((sample) => sampleOf(sample, strongest, folder)).join('\n')}`;
}

function sampleOf(sample: CreditedSample, strongest: number, folder: string): string {
  const { arm, tokens, advantage, firstError, sampleIndex } = sample;
  const shown = tokens.slice(0, MAX_TOKENS);
  const more = tokens.length > shown.length ? ` … ${tokens.length - shown.length} more tokens` : '';
  const painted = shown.map((token) => painting(token, strongest, token.index === firstError)).join('');
  const rows = shown.map((token) => `<tr><td>${cells(token, token.index === firstError).join('</td><td>')}</td></tr>`);
  return `<div class="arm"><div>${runLink(folder, sample.folder, arm)}<br><small>sample ${sampleIndex}, advantage ${signed(advantage)}</small></div>
<div><div class="credit">${painted}${more}</div>
<details><summary>numbers</summary><table>
<thead><tr><th>token</th><th>text</th><th>advantage</th><th>weight</th><th>student</th><th>teacher</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></details></div></div>`;
}

function painting(token: ShownToken, strongest: number, isError: boolean): string {
  const { credit, trained, text } = token;
  const sign = !trained || !credit ? '' : credit > 0 ? 'plus' : 'minus';
  const share = strongest === 0 ? 0 : (STRONGEST * Math.abs(credit ?? 0)) / strongest;
  const classes = [sign, isError ? 'error' : ''].filter((name) => name !== '').join(' ');
  const style = sign === '' ? '' : ` style="--share:${share.toFixed(3)}"`;
  return `<span class="${classes}"${style} title="${htmlText(titleOf(token, isError))}">${htmlText(text)}</span>`;
}

function titleOf({ credit, weight, logprob, teacherLogprob, trained }: ShownToken, isError: boolean): string {
  return [
    trained ? `advantage ${signed(credit)}` : 'not trained',
    ...(trained && weight !== null ? [`weight ${short(weight)}`] : []),
    `student ${short(logprob)}`,
    ...(teacherLogprob === null ? [] : [`teacher ${short(teacherLogprob)}`]),
    ...(isError ? ['first error'] : []),
  ].join(', ');
}

const cells = (token: ShownToken, isError: boolean): string[] => [
  isError ? `${token.index}, first error` : String(token.index),
  htmlText(JSON.stringify(token.text)),
  token.trained ? signed(token.credit) : 'not trained',
  short(token.weight),
  short(token.logprob),
  short(token.teacherLogprob),
];

const short = (value: number | null): string => (value === null ? '–' : String(Number(value.toPrecision(3))));
const signed = (value: number | null): string => `${value !== null && value > 0 ? '+' : ''}${short(value)}`;
