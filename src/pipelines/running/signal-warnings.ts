import type { PipelineSpec } from '../spec/spec.js';
import type { SignalCounts } from './signal.js';
import type { StepReport } from './step-metrics.js';

/** Steps in a row without signal that are reported although earlier ones had some. */
const STREAK = 5;

/** Tells of each reason why a run cannot learn, once, when it is first seen. */
export interface SignalWatch {
  /** @returns warnings for a step, each with what to do about it */
  step(report: StepReport): readonly string[];
  /** The weights that the next step starts from. */
  from(digest: string): void;
  /** @returns a warning where published weights equal those before them */
  published(version: number, digest: string): readonly string[];
}

export interface SignalWatchSettings {
  readonly spec: Pick<PipelineSpec, 'rollout' | 'learn'>;
  /** Name of a method that asks a teacher. */
  readonly teaching: string | undefined;
}

type Kind = 'nothing-arrives' | 'no-signal' | 'unparseable' | 'truncated' | 'no-teacher' | 'teacher-idle' | 'unchanged';
type Figures = SignalCounts & Readonly<Record<string, number>>;

/** The first steps, or several in a row, show what one step alone may show by chance. */
export function watchSignal({ spec, teaching }: SignalWatchSettings): SignalWatch {
  const told = new Set<Kind>();
  const state = { learned: false, moved: false, without: 0, digest: '', toPublish: false };
  const once = (found: Readonly<Partial<Record<Kind, string>>>): string[] =>
    (Object.entries(found) as [Kind, string][]).flatMap(([kind, message]) => {
      if (told.has(kind)) return [];
      told.add(kind);
      return [message];
    });
  return {
    step({ step, values }) {
      const figures = values as Figures;
      const { groupsWithSignal, movedTokens, samples = 0, stale = 0 } = figures;
      const learns = groupsWithSignal > 0;
      state.learned ||= learns;
      state.toPublish ||= learns;
      state.moved ||= movedTokens > 0;
      state.without = learns ? 0 : state.without + 1;
      const stuck = state.without > 0 && (!state.learned || state.without >= STREAK);
      const arrived = samples + stale > 0;
      const found = arrived ? aboutSamples(figures, spec) : { 'nothing-arrives': nothingArrives(figures) };
      return once({
        ...found,
        ...(arrived && stuck && { 'no-signal': noSignal(figures, spec) }),
        ...(teaching !== undefined && learns && aboutTeacher(figures, teaching, state.moved)),
      }).map((message) => `step ${step + 1}: ${message}`);
    },
    from(digest) {
      state.digest = digest;
      state.toPublish = false;
    },
    published(version, digest) {
      const isUnchanged = digest === state.digest && state.toPublish;
      state.digest = digest;
      state.toPublish = false;
      return isUnchanged ? once({ unchanged: unchanged(version, spec) }) : [];
    },
  };
}

function nothingArrives(figures: Figures): string {
  const why = [lostText(figures), ...(figures.dropped > 0 ? [`${figures.dropped} dropped by a transform`] : [])];
  return (
    `no sample reached the learner (${why.filter((text) => text !== '').join(', ')}), so nothing is trained ` +
    `on; \`rlsd dead-letters RUN\` shows each cause`
  );
}

/** What became dead letters, such as `8 × context-too-long`. */
const lostText = (figures: Figures): string =>
  Object.entries(figures)
    .filter(([name]) => name.startsWith('lost/'))
    .map(([name, count]) => `${count} × ${name.slice('lost/'.length)}`)
    .join(', ');

function aboutSamples(
  { judged, unparseable, truncated }: Figures,
  { rollout }: Pick<PipelineSpec, 'rollout'>,
): Partial<Record<Kind, string>> {
  const all = judged === 1 ? 'the only completion' : `all ${judged} completions`;
  return {
    ...(unparseable === judged && {
      unparseable:
        `${all} could not be parsed: the verifier finds no answer in the form that it reads; ` +
        'compare `rlsd tail RUN verdicts` with the settings of verify, and ask for that form in prompts.system',
    }),
    ...(truncated === judged && {
      truncated:
        `${all} were cut off at rollout.maxTokens (${rollout?.maxTokens}) or at the end of the model's context; ` +
        'raise rollout.maxTokens, or end completions with rollout.stop',
    }),
  };
}

function noSignal(figures: Figures, { rollout }: Pick<PipelineSpec, 'rollout'>): string {
  const { groups, samples, correct, reward, lost } = figures;
  if (lost > 0)
    return (
      `no group has a training signal: the rewards of those that arrived are equal, and ${lost} samples ` +
      `became dead letters (${lostText(figures)}); \`rlsd dead-letters RUN\` shows each`
    );
  const rewards =
    `the completions of each prompt have equal rewards (${groups} prompt${groups === 1 ? '' : 's'}, ` +
    `mean reward ${Number(reward?.toFixed(3))})`;
  const advice = () => {
    if (rollout?.group === 1) return 'rollout.group is 1: a completion needs others to compare with, such as 8';
    if (correct === 1) return 'all are correct: use harder prompts';
    if (correct === 0)
      return 'none is correct: use easier prompts, a larger rollout.group, or a base model that solves some of them';
    return 'use a larger rollout.group or a higher rollout.temperature';
  };
  return `no group has a training signal: ${rewards}, so none of ${samples} samples has an advantage; ${advice()}`;
}

function aboutTeacher(
  { teacherAsked, movedTokens }: Figures,
  method: string,
  moved: boolean,
): Partial<Record<Kind, string>> {
  if (teacherAsked === 0)
    return {
      'no-teacher':
        `the teacher scored no sample, so ${method} trains without it; \`rlsd dead-letters RUN\` ` +
        'shows whether its prompts failed',
    };
  if (movedTokens > 0 || moved) return {};
  return {
    'teacher-idle':
      `the teacher changed no token's advantage by more than 5 %, so ${method} trains like grpo; ` +
      'check the settings of shape, and that privileged has what the question lacks',
  };
}

const unchanged = (version: number, { learn }: Pick<PipelineSpec, 'learn'>): string =>
  `version ${version} has the same weights as the one before it although there was something to learn: learn.lr ` +
  `(${learn?.lr}) may be too small to change a float32`;
