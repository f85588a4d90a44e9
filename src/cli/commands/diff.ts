import { type ComparedRuns, compareRuns } from '../../replay/diff/compare-runs.js';
import { examples, jsonOption, type Register } from '../options.js';
import { colour, print, table, toJson } from '../output.js';

export async function diff(a: string, b: string, { json }: { readonly json?: boolean }): Promise<void> {
  const compared = await compareRuns(a, b);
  print(json ? toJson({ event: 'diff', ...compared }) : text(compared));
}

const cut = (value: string): string => (value.length > 40 ? `${value.slice(0, 39)}…` : value);
const number = (value: number): number => Number(value.toPrecision(4));

function text({ runs, settings, topics, first, figures }: ComparedRuns): string {
  const { a, b } = runs;
  const differing = figures.filter(({ differsFrom }) => differsFrom !== null);
  const equal = figures.length - differing.length;
  return [
    settings.length === 0
      ? 'the manifests are equal'
      : table(
          ['manifest', a, b],
          settings.map(({ field, values }) => [field, cut(values.a), cut(values.b)]),
        ),
    '',
    table(
      ['topic', a, b, ''],
      topics.map(({ topic, records, digest, equal }) => [
        topic,
        digest.a === null ? '-' : `${records.a} (${digest.a.slice(0, 8)})`,
        digest.b === null ? '-' : `${records.b} (${digest.b.slice(0, 8)})`,
        equal ? 'equal' : 'differs',
      ]),
    ),
    '',
    first === null ? colour.green('no record differs') : firstText(first),
    ...(differing.length === 0
      ? []
      : [
          '',
          table(
            ['figure', 'step', a, b, 'differs from step'],
            differing.map(({ figure, step, values, differsFrom }) => [
              figure,
              step,
              number(values.a),
              number(values.b),
              differsFrom ?? '-',
            ]),
          ),
        ]),
    ...(equal > 0 ? [`${equal} figure${equal === 1 ? ' is' : 's are'} equal at every step`] : []),
  ].join('\n');
}

function firstText({ topic, step, sample, field, values }: NonNullable<ComparedRuns['first']>): string {
  const at = step === null ? '' : `step ${step}, `;
  return `first difference: ${at}${topic} ${sample}, ${field}: ${cut(values.a)} and ${cut(values.b)}`;
}

export const registerDiff: Register = (rlsd) => {
  rlsd
    .command('diff <run> <other>')
    .description('compare two runs: settings, topics, the first sample that differs, and figures')
    .addOption(jsonOption())
    .addHelpText('after', examples(['rlsd diff runs/arithmetic-1 runs/arithmetic-2']))
    .action(diff);
};
