import type { ShownSample, ShownToken } from '../replay/sample.js';
import { colour, table } from './output.js';

/** A number with its sign, so that a reader sees the direction of a credit without colour. */
export const signed = (value: number): string => `${value < 0 ? '' : '+'}${Number(value.toPrecision(4))}`;

/** Text of a model on a terminal: a control character cannot move the cursor or change colours. */
export const printable = (text: string): string =>
  text.replace(/[^\P{Cc}\t\n]/gu, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** A sample for people: with colours the completion painted by credit, otherwise one line per token. */
export function sampleText(sample: ShownSample): string {
  const { promptId, sampleIndex, step, policyVersion, prompt, finishReason, tokens } = sample;
  const end = finishReason === 'length' ? 'cut off at the token limit' : `ended by ${finishReason}`;
  return [
    `${colour.bold(`${promptId}/${sampleIndex}`)}: step ${step}, sampled by version ${policyVersion}, ` +
      `${tokens.length} tokens, ${end}`,
    ...judgementLines(sample),
    ...prompt.map(({ role, content }) => `${colour.bold(role)}: ${printable(content)}`),
    ...(sample.privileged ? contextLines(sample.privileged) : []),
    colour.isColorSupported ? painted(sample) : tokenTable(sample),
  ].join('\n');
}

function judgementLines({ verdict, reward, reason, advantage, teacherVersion, documents }: ShownSample): string[] {
  if (verdict === null) return ['not judged yet'];
  const shape = verdict === 'correct' ? colour.green : colour.red;
  const why = reason === null ? '' : `: ${printable(reason)}`;
  const shown = documents.map(({ id }) => id).join(', ');
  return [
    `${shape(verdict)}, reward ${reward}${why}`,
    ...(teacherVersion === null ? [] : [`teacher: version ${teacherVersion}${shown === '' ? '' : `, shown ${shown}`}`]),
    advantage === null ? 'no advantage yet' : `advantage ${signed(advantage)}`,
  ];
}

const contextLines = ({ answer, documents }: NonNullable<ShownSample['privileged']>): string[] => [
  ...(answer === null ? [] : [`${colour.bold('reference answer')}: ${printable(answer)}`]),
  ...documents.map(({ id, content }) => `${colour.bold(id)}: ${printable(content)}`),
];

const legend = 'cyan: rewarded, red: penalized, bold: most, dim: least; --json has the numbers';
const errorLegend = 'underlined: where the first error begins';

function painted({ tokens, firstError }: ShownSample): string {
  const most = Math.max(...tokens.map(({ credit }) => Math.abs(credit ?? 0)));
  const paint = ({ index, text, credit, trained }: ShownToken) => {
    const plain = printable(text);
    const shown = index === firstError ? colour.underline(plain) : plain;
    if (credit === null || credit === 0 || !trained) return shown;
    const hue = credit > 0 ? colour.cyan(shown) : colour.red(shown);
    const share = Math.abs(credit) / most;
    return share > 2 / 3 ? colour.bold(hue) : share < 1 / 3 ? colour.dim(hue) : hue;
  };
  return `${colour.bold('assistant')}: ${tokens.map(paint).join('')}\n${legend}${
    firstError === null ? '' : `; ${errorLegend}`
  }`;
}

function tokenTable({ tokens, firstError }: ShownSample): string {
  const hasTeacher = tokens.some(({ teacherLogprob }) => teacherLogprob !== null);
  const rows = tokens.map(({ index, text, logprob, teacherLogprob, credit, weight, trained }) => [
    index === firstError ? `${index} error` : index,
    JSON.stringify(printable(text)),
    credit === null ? '-' : trained ? signed(credit) : 'not trained',
    weight === null ? '-' : Number(weight.toPrecision(4)),
    signed(logprob),
    ...(hasTeacher ? [teacherLogprob === null ? '-' : signed(teacherLogprob)] : []),
  ]);
  return table(['token', 'text', 'credit', 'weight', 'logprob', ...(hasTeacher ? ['teacher'] : [])], rows);
}
