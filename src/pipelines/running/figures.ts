/** What a figure in the topic `metrics` is, by its name. Names of tasks, causes and positions follow a slash. */
export interface Figure {
  readonly meaning: string;
  /** `nats` are natural logarithms; `share` is from 0 to 1. */
  readonly unit: string;
}

type Figures<Name extends string> = Readonly<Record<Name, Figure>>;

const count = (meaning: string): Figure => ({ meaning, unit: 'count' });
const share = (meaning: string): Figure => ({ meaning, unit: 'share' });
const value = (meaning: string): Figure => ({ meaning, unit: '' });

/** How much of a step can be learned from; counts, so that they add up over steps. */
export const signalFigures = {
  groups: count('Prompts of the step.'),
  groupsWithSignal: count('Prompts with a token that has a gradient.'),
  judged: count('Samples with a reward, trained on or not.'),
  unparseable: count('Judged samples without an answer that the verifier can read.'),
  truncated: count('Judged samples cut off at the token limit.'),
  lost: count('Samples that became dead letters on their way.'),
  dropped: count('Samples that a transform left out.'),
  teacherAsked: count('Samples trained on that a teacher scored.'),
  signalTokens: count('Tokens with a gradient.'),
  movedTokens: count('Tokens with a gradient whose advantage the teacher changed by over 5 %.'),
} as const satisfies Figures<string>;

/** Figures of a step, whatever it trains with; those of its loss and of its method come next to them. */
export const learnFigures = {
  step: value('The step, from 0.'),
  updates: count('Optimizer updates since the start of the run.'),
  learningRate: value('Learning rate of the step.'),
  tokens: count('Completion tokens trained on.'),
  loss: value('Mean loss, over tokens or completions as `learn.aggregate` says.'),
  gradientNorm: value('L2 norm of the gradient before it is scaled down to `learn.maxGradNorm`.'),
  reward: value('Mean reward of the judged samples.'),
  correct: share('Judged samples that are correct.'),
  samples: count('Samples trained on.'),
  withAdvantage: share('Samples trained on whose advantage is not 0.'),
  ...signalFigures,
  entropy: {
    meaning: "Mean negative log-probability of the sampled tokens, an estimate of the policy's entropy per token.",
    unit: 'nats',
  },
  length: { meaning: 'Mean completion length of the samples trained on.', unit: 'tokens' },
  policyAge: { meaning: 'Mean age of the samples trained on.', unit: 'versions' },
  policyAgeMax: { meaning: 'Age of the oldest sample trained on.', unit: 'versions' },
  stale: count('Samples that were too old to train on.'),
  seconds: { meaning: 'Time since the step before.', unit: 's' },
} as const satisfies Figures<string>;

/** Figures of a step that have a name of their own for each task or cause. */
export const learnFigureFamilies = {
  METRICAfter: value(
    'A metric of the loss, such as `klAfter` and `meanRatioAfter`, after the updates of the step, over a sixteenth of ' +
      'its samples. Without `After`: before each update.',
  ),
  'reward/TASK': value('Mean reward of the judged samples of a task.'),
  'correct/TASK': share('Judged samples of a task that are correct.'),
  'judged/TASK': count('Judged samples of a task.'),
  'lost/CAUSE': count('Samples that became dead letters of this cause.'),
} as const satisfies Figures<string>;

/** Figures of a measurement on the held-out prompts; `step` is the version that was measured. */
export const evaluateFigures = {
  n: count('Held-out prompts that were judged.'),
  correct: count('Held-out prompts that were answered correctly.'),
  accuracy: share('`correct / n`, of greedy answers.'),
} as const satisfies Figures<'n' | 'correct' | 'accuracy'>;

/** With `evaluate.samples`. */
export const sampledFigures = {
  samples: count('k: samples per held-out prompt.'),
  meanAtK: share('mean@k: samples that are correct.'),
  meanAtKError: share('Standard error of `meanAtK` over the prompts.'),
  passAtK: share('pass@k: prompts with a correct sample among k.'),
} as const satisfies Figures<string>;

export const evaluateFigureFamilies = {
  'n/TASK': count('`n` of a task; the others likewise.'),
  'correct/TASK': count('`correct` of a task.'),
  'accuracy/TASK': share('`accuracy` of a task.'),
  'accuracy/level/LEVEL': share('`accuracy` of a level of difficulty; the others likewise.'),
} as const satisfies Figures<string>;

/** Figures of a step's leak meters. Those by judgement end in `Correct` or `Incorrect`. */
export const leakFigures = {
  samples: count('Samples that were measured.'),
  leakRepeated: share("Words of a completion that repeat its teacher's context and not its prompt."),
  leakCited: share("Completions that speak of the teacher's context, such as a reference or a document."),
  completionWords: { meaning: 'Mean length of the completions.', unit: 'words' },
  leakLongestRun: { meaning: "Longest run of words that only the teacher's context has.", unit: 'words' },
  baseSteps: count('Steps that the first part of the run is known from.'),
} as const satisfies Figures<string>;

export const leakFigureFamilies = {
  'promptsJUDGEMENT, promptsJUDGEMENTBase': count(
    'Prompts with completions judged so, lately and in the first part of the run.',
  ),
  'FIGUREJUDGEMENT, FIGUREJUDGEMENTBase, FIGUREJUDGEMENTBaseSd': value(
    '`leakRepeated`, `leakCited` or `completionWords` of the completions judged so: lately, in the first part of ' +
      'the run, and its standard deviation.',
  ),
  teacherMinusStudentN: {
    meaning: "Mean of the teacher's log-probability minus the student's in the n-th fifth of the completions.",
    unit: 'nats',
  },
} as const satisfies Figures<string>;

/** Columns of a stage's lag. */
export const lagColumns = {
  stage: { meaning: 'The stage that reads.', unit: '' },
  topic: { meaning: 'The topic that it reads.', unit: '' },
  partition: { meaning: 'Partition of the topic, from 0.', unit: '' },
  committed: { meaning: 'Offset of the first record that the stage has not finished.', unit: 'offset' },
  end: { meaning: 'Offset after the last record.', unit: 'offset' },
  lag: {
    meaning:
      'Records from `committed` to `end`; 0 at the end. On Kafka an upper bound, since transaction markers count.',
    unit: 'records',
  },
} as const satisfies Figures<string>;
