import { required } from '../../support/required.js';
import type { Estimate } from '../statistics.js';
import type { ArmSummary, Comparison, Difference, HitRate } from '../summarize.js';
import { accuracyText, differenceText, figureText, percentText, pText, seedsText, seText } from './format.js';

/** A table of a report, as texts. */
export interface ReportTable {
  readonly title: string;
  /** What the figures are, in a sentence or two. */
  readonly caption: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The signals a person looks at first, where a run has them. */
const trainingFigures = [
  'reward',
  'withAdvantage',
  'uniformGroups',
  'entropy',
  'length',
  'kl',
  'klAfter',
  'meanRatioAfter',
  'clipped',
  'clippedWeights',
  'clippedWeightsPositive',
  'clippedWeightsNegative',
  'teacherStudentDelta',
  'teacherStudentDeltaPositive',
  'teacherStudentDeltaNegative',
  'gradientNorm',
] as const;
const sampledNames = ['samples', 'meanAtK', 'meanAtKError', 'passAtK'] as const;
const leakNames = ['leakRepeated', 'leakCited'].flatMap((name) =>
  ['Correct', 'Incorrect'].flatMap((judgement) => [`${name}${judgement}Base`, `${name}${judgement}`]),
);

/** The tables of a comparison, in the order in which they are read. */
export function reportTables(comparison: Comparison): readonly ReportTable[] {
  const { arms, sweep, againstBaseline, againstControls } = comparison;
  return [
    armTable(comparison),
    ...differenceTables('Against the baseline', againstBaseline),
    ...differenceTables('Against the controls', againstControls),
    ...(arms.some(({ blame }) => blame.credit ?? blame.teacher) ? [blameTable(arms)] : []),
    costTable(comparison),
    ...(sweep.length > 0 ? [sweepTable(comparison)] : []),
    ...figureTable(arms, sampledNames, {
      title: 'Sampled accuracy',
      caption: 'mean@k and pass@k of the last version, as shares, ± standard error over the seeds.',
    }),
    ...figureTable(arms, partNames(arms), {
      title: 'Accuracy by task and level',
      caption: 'Greedy held-out accuracy of the last version, as a share, ± standard error over the seeds.',
    }),
    ...figureTable(arms, trainingFigures, {
      title: 'Training figures',
      caption: 'Means over steps and seeds ± standard error over the seeds.',
    }),
    ...figureTable(arms, leakNames, {
      title: 'Leak meters',
      caption:
        "How much completions repeat, or speak of, what only the teacher saw: in the run's first part (Base) and at " +
        'its end.',
    }),
    settingsTable(comparison),
  ];
}

/** Figures of tasks and levels, levels that are numbers in their order. */
const partNames = (arms: readonly ArmSummary[]): readonly string[] =>
  [...new Set(arms.flatMap(({ figures }) => Object.keys(figures)))]
    .filter((name) => name.startsWith('accuracy/'))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

function armTable({ arms, seeds, threshold }: Comparison): ReportTable {
  const arrival = ({ arrival: { reached, steps, seconds } }: ArmSummary) =>
    steps === null || seconds === null
      ? ['never', 'never']
      : [`${steps.toFixed(0)} (${reached} of ${seeds.length})`, seconds.toFixed(1)];
  return {
    title: 'Arms',
    caption:
      `Held-out accuracy in percent, greedy, mean ± standard error over ${seedsText(seeds.length)}. The ` +
      `threshold is ${percentText(threshold)} %; in brackets, how many seeds reached it.`,
    header: ['arm', 'start', 'end', 'mean over training', 'steps to threshold', 'seconds to threshold'],
    rows: arms.map((arm) => [
      arm.name,
      percentText(required(arm.curve[0], `first point of ${arm.name}`).mean),
      accuracyText(arm.final),
      accuracyText(arm.area),
      ...arrival(arm),
    ]),
  };
}

/** Two tables: at equal steps and in equal time. */
function differenceTables(title: string, differences: readonly Difference[]): ReportTable[] {
  if (differences.length === 0) return [];
  const table = (scale: string, of: 'atSteps' | 'atTime'): ReportTable => ({
    title: `${title}, ${scale}`,
    caption:
      'Paired differences in points of accuracy over the same seeds, with 95 % confidence intervals and two-sided ' +
      'p values of the paired t test; the last column is p of the mean over training, corrected for the number of ' +
      'rows (Holm).',
    header: [
      'arm',
      'minus',
      'n',
      'mean over training',
      'se',
      'p',
      'wins',
      'end',
      'se at end',
      'p at end',
      'p corrected',
    ],
    rows: differences.map((difference) => {
      const { area, final, correctedP } = difference[of];
      return [
        difference.arm,
        difference.than,
        String(area.n),
        differenceText(area),
        seText(area),
        pText(area.p),
        `${area.wins} of ${area.n}`,
        differenceText(final),
        seText(final),
        pText(final.p),
        pText(correctedP),
      ];
    }),
  });
  return [table('at equal steps', 'atSteps'), table('in equal training time', 'atTime')];
}

function blameTable(arms: readonly ArmSummary[]): ReportTable {
  const cells = (rate: HitRate | null) => (rate === null ? ['–', '–'] : [accuracyText(rate), String(rate.completions)]);
  return {
    title: 'Where the blame is',
    caption:
      'Wrong completions in percent whose largest blame is at the first error, ± standard error over the seeds, and ' +
      'how many completions that is from. Of tokens with equal blame each counts as its share. The last two columns ' +
      'ask the same of the token that the teacher finds least likely relative to the student.',
    header: ['arm', 'largest blame', 'n', 'lowest teacher minus student', 'n'],
    rows: arms.map(({ name, blame }) => [name, ...cells(blame.credit), ...cells(blame.teacher)]),
  };
}

function costTable({ arms, baseline }: Comparison): ReportTable {
  return {
    title: 'Cost',
    caption:
      'Median time of a training step, alone and relative to the baseline; teacher passes over each sample; kilobytes ' +
      'of records per step. ± standard error over the seeds.',
    header: ['arm', 'seconds per step', `times ${baseline}`, 'teacher passes', 'kB per step'],
    rows: arms.map(({ name, secondsPerStep, relativeTime, figures: { teacherPasses, kilobytes } }) => [
      name,
      figureText(secondsPerStep),
      figureText(relativeTime),
      teacherPasses ? figureText(teacherPasses) : '–',
      kilobytes ? figureText(kilobytes) : '–',
    ]),
  };
}

function sweepTable({ sweep }: Comparison): ReportTable {
  return {
    title: 'Sweep',
    caption:
      'Mean accuracy over training on the tuning seeds. The largest is taken; a choice at the edge of the values ' +
      'may have a better one outside.',
    header: ['arm', 'value', 'mean over training', 'chosen'],
    rows: sweep.map(({ arm, value, area, chosen, atEdge }) => [
      arm,
      JSON.stringify(value),
      accuracyText(area),
      chosen ? (atEdge ? 'yes, at the edge' : 'yes') : '',
    ]),
  };
}

/** No table where no arm has any of the figures. */
function figureTable(
  arms: readonly ArmSummary[],
  figures: readonly string[],
  text: Pick<ReportTable, 'title' | 'caption'>,
): ReportTable[] {
  const names = figures.filter((name) => arms.some(({ figures }) => name in figures));
  if (names.length === 0) return [];
  const cell = (value: Estimate | undefined) => (value ? figureText(value) : '–');
  const rows = arms.map(({ name, figures }) => [name, ...names.map((figure) => cell(figures[figure]))]);
  return [{ ...text, header: ['arm', ...names], rows }];
}

function settingsTable({ arms }: Comparison): ReportTable {
  return {
    title: 'What each arm changes',
    caption: "Everything else is the pipeline's.",
    header: ['arm', 'fields', 'tuned value'],
    rows: arms.map(({ name, sets, tuned }) => [name, sets.join(' '), tuned === null ? '–' : JSON.stringify(tuned)]),
  };
}
