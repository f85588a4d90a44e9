import { type ByJudgement, type Judgement, judgements, type LeakName, leakMeters, type Spread } from './spread.js';

/**
 * Minimum prompts on either side of a comparison. Prompts are counted and not samples, because the samples of one
 * prompt are alike and would feign certainty.
 */
export const minPrompts = 10;
/**
 * Standard errors that a difference must exceed its margin by: a run makes hundreds of comparisons, so chance needs
 * little room.
 */
const STANDARD_ERRORS = 3;

export interface LeakAlarm {
  readonly meter: LeakName;
  /** One line without any privileged text. */
  readonly message: string;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const words = (count: number): string => `${count.toFixed(1)} words`;
const meters = {
  repeated: { title: 'completions repeat privileged text', of: 'of the words of', print: percent },
  cited: { title: 'completions cite material that they were not shown', of: 'of', print: percent },
  length: { title: 'completions drift in length', of: 'in', print: words },
};

/**
 * One alarm for each meter that has left its base.
 *
 * Answers are compared with answers of the same judgement at the start of the run, so that a rising accuracy alone
 * raises no alarm when correct answers resemble the privileged trace. Incorrect answers must also differ from the first
 * correct ones, because an improving student's answers approach what correct ones look like. A difference counts when
 * it exceeds both a margin (0.1 of the words repeated, 0.02 of the completions citing, half as long again or a third
 * shorter) and one standard deviation between the base's prompts, by three standard errors. With fewer than 10 prompts
 * on either side there is no alarm.
 */
export function leakAlarms(now: ByJudgement<Spread>, base: ByJudgement<Spread>): readonly LeakAlarm[] {
  return leakMeters.flatMap((meter) => {
    const { title, of, print } = meters[meter];
    const parts = judgements
      .filter((judgement) => hasLeft(meter, judgement, now, base))
      .map((judgement) => {
        const [recent, before] = [now, base].map((spreads) => print(spreads[judgement].mean[meter]));
        return `${recent} ${of} ${judgement} answers, ${before} at the start of the run`;
      });
    return parts.length === 0 ? [] : [{ meter, message: `${title}: ${parts.join('; ')}` }];
  });
}

function hasLeft(name: LeakName, judgement: Judgement, now: ByJudgement<Spread>, base: ByJudgement<Spread>): boolean {
  const recent = now[judgement];
  if (recent.prompts < minPrompts || base[judgement].prompts < minPrompts) return false;
  const bases = [base[judgement], base.correct].filter(({ prompts }) => prompts > 0);
  const exceeds = (direction: 1 | -1, margin: (mean: number) => number): boolean =>
    bases.every(({ prompts, mean, sd }) => {
      const error = Math.sqrt(recent.sd[name] ** 2 / recent.prompts + sd[name] ** 2 / prompts);
      const allowed = Math.max(margin(mean[name]), sd[name]) + STANDARD_ERRORS * error;
      return direction * (recent.mean[name] - mean[name]) > allowed;
    });
  return exceeds(1, margins[name]) || (name === 'length' && exceeds(-1, (mean) => mean / 3));
}

const margins: Readonly<Record<LeakName, (base: number) => number>> = {
  repeated: () => 0.1,
  cited: () => 0.02,
  length: (mean) => mean / 2,
};
