import { required } from '../../support/required.js';
import type { ArmSummary, Comparison, Difference } from '../summarize.js';
import { accuracyText, differenceText, figureText, percentText, pText } from './format.js';

/** A table of a report, as texts. */
export interface ReportTable {
  readonly title: string;
  /** What the figures are, in a sentence or two. */
  readonly caption: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What each step of training costs, and the signals a person looks at first, where a run has them. */
const shownFigures = [
  'meanAtK',
  'passAtK',
  'reward',
  'withAdvantage',
  'entropy',
  'length',
  'kl',
  'clipped',
  'clippedWeights',
  'clippedWeightsPositive',
  'clippedWeightsNegative',
  'teacherStudentDelta',
  'gradientNorm',
  'seconds',
] as const;

/** The tables of a comparison, in the order in which they are read. */
export function reportTables(comparison: Comparison): readonly ReportTable[] {
  const { sweep, againstBaseline, againstControls } = comparison;
  return [
    armTable(comparison),
    ...(againstBaseline.length > 0 ? [differenceTable('Against the baseline', againstBaseline)] : []),
    ...(againstControls.length > 0 ? [differenceTable('Against the controls', againstControls)] : []),
    ...(sweep.length > 0 ? [sweepTable(comparison)] : []),
    figureTable(comparison),
    settingsTable(comparison),
  ];
}

function armTable({ arms, seeds, threshold }: Comparison): ReportTable {
  const arrival = ({ arrival: { reached, steps, seconds } }: ArmSummary) =>
    steps === null || seconds === null
      ? ['never', 'never']
      : [`${steps.toFixed(0)} (${reached} of ${seeds.length})`, seconds.toFixed(1)];
  return {
    title: 'Arms',
    caption:
      `Held-out accuracy in percent, greedy, mean ± standard error over ${seeds.length} seeds. The ` +
      `threshold is ${percentText(threshold)} %; in brackets, how many seeds reached it.`,
    header: ['arm', 'start', 'end', 'mean over training', 'steps to threshold', 'seconds to threshold', 'seconds'],
    rows: arms.map((arm) => [
      arm.name,
      percentText(required(arm.curve[0], `first point of ${arm.name}`).mean),
      accuracyText(arm.final),
      accuracyText(arm.area),
      ...arrival(arm),
      arm.seconds.mean.toFixed(1),
    ]),
  };
}

function differenceTable(title: string, differences: readonly Difference[]): ReportTable {
  return {
    title,
    caption:
      'Paired differences in points of accuracy over the same seeds, with 95 % confidence intervals and two-sided ' +
      'p values of the paired t test; the last column is corrected for the number of rows (Holm).',
    header: ['arm', 'minus', 'mean over training', 'p', 'wins', 'end', 'p at end', 'p corrected'],
    rows: differences.map(({ arm, than, area, final, correctedP }) => [
      arm,
      than,
      differenceText(area),
      pText(area.p),
      `${area.wins} of ${area.n}`,
      differenceText(final),
      pText(final.p),
      pText(correctedP),
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

function figureTable({ arms }: Comparison): ReportTable {
  const names = shownFigures.filter((name) => arms.some(({ figures }) => name in figures));
  return {
    title: 'Training figures',
    caption: 'Means over steps and seeds ± standard error over seeds; mean@k and pass@k are those of the last version.',
    header: ['arm', ...names],
    rows: arms.map(({ name, figures }) => [
      name,
      ...names.map((figure) => {
        const value = figures[figure];
        return value ? figureText(value) : '–';
      }),
    ]),
  };
}

function settingsTable({ arms }: Comparison): ReportTable {
  return {
    title: 'What each arm changes',
    caption: "Everything else is the pipeline's.",
    header: ['arm', 'fields', 'tuned value'],
    rows: arms.map(({ name, sets, tuned }) => [name, sets.join(' '), tuned === null ? '–' : JSON.stringify(tuned)]),
  };
}
