import { join } from 'node:path';
import { readsPrivileged } from '../methods/method.js';
import { checkPlan } from '../pipelines/plan/check.js';
import { loadPlan } from '../pipelines/plan/load-method.js';
import { readSpec } from '../pipelines/spec/parse.js';
import { UserError } from '../support/errors.js';
import { type ControlName, controls, type Experiment } from './experiment.js';

/** One way of training that is compared. */
export interface Arm {
  readonly name: string;
  /** Fields of the pipeline that it changes, as `path=value`. */
  readonly sets: readonly string[];
  /** Whether its teacher sees privileged context. */
  readonly isPrivileged: boolean;
  /** Of a control: the arm it belongs to, and what it changes there. */
  readonly control?: { readonly of: string; readonly name: ControlName };
}

/** One run of the experiment. */
export interface ArmRun {
  readonly arm: string;
  readonly seed: number;
  readonly sets: readonly string[];
  /** Of a sweep: the value of the tuned field. */
  readonly value?: unknown;
  readonly folder: string;
}

const setOf = ([path, value]: readonly [string, unknown]): string => `${path}=${JSON.stringify(value)}`;

/**
 * The arms of an experiment and the controls of those whose teacher sees privileged context.
 * @throws {UserError} `bad-arm` naming the arm and what is wrong with its pipeline
 */
export async function armsOf({ spec, pipeline }: Experiment): Promise<readonly Arm[]> {
  const arms: Arm[] = [];
  for (const [name, fields] of Object.entries(spec.arms)) {
    const sets = Object.entries(fields).map(setOf);
    const method = await methodOf(name, pipeline, sets);
    const isPrivileged = readsPrivileged(method);
    arms.push({ name, sets, isPrivileged });
    if (!isPrivileged) continue;
    for (const control of spec.controls) {
      // Distributions belong to their positions.
      const distills = method.loss.inputs.some((input) => input === 'targetTopLogprobs');
      if (control === 'permuted' && distills) continue;
      const more = Object.entries(controls[control]).map(setOf);
      const of = { of: name, name: control };
      arms.push({ name: `${name}-${control}`, sets: [...sets, ...more], isPrivileged, control: of });
    }
  }
  const names = arms.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    throw new UserError('bad-arm', `arms.${twice}: is also the name of a control; expected another name`);
  return arms;
}

/** The method of an arm, whose pipeline is checked as by `rlsd check`. */
async function methodOf(arm: string, pipeline: string, sets: readonly string[]) {
  try {
    const { spec, folder, warnings } = readSpec(pipeline, sets);
    const plan = await loadPlan(spec, folder, { warnings });
    const problems = await checkPlan(plan);
    if (problems.length > 0) throw new UserError('bad-arm', problems.join('\n'));
    return plan.method;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError('bad-arm', error.message.replaceAll(/^/gm, `arms.${arm}: `));
  }
}

/** Whether the arm is compared with the baseline rather than being a control. */
export const isMain = ({ control }: Arm): boolean => control === undefined;

/** Runs of the sweep, of the arms that are not controls. */
export function sweepRuns({ spec }: Experiment, arms: readonly Arm[], out: string): readonly ArmRun[] {
  const { tune } = spec;
  if (!tune) return [];
  return arms.filter(isMain).flatMap(({ name, sets }) =>
    tune.values.flatMap((value, k) =>
      tune.seeds.map((seed) => ({
        arm: name,
        seed,
        value,
        sets: [...sets, setOf([tune.field, value])],
        folder: join(out, 'tune', name, `value-${k}`, `seed-${seed}`),
      })),
    ),
  );
}

/**
 * Runs of the comparison, seed by seed: whatever slows the machine down for a while slows all arms down.
 * @param chosen value of the tuned field by arm; a control takes its arm's
 */
export function comparisonRuns(
  { spec }: Experiment,
  arms: readonly Arm[],
  chosen: ReadonlyMap<string, unknown>,
  out: string,
): readonly ArmRun[] {
  const tuned = (owner: string) =>
    spec.tune && chosen.has(owner) ? [setOf([spec.tune.field, chosen.get(owner)])] : [];
  return spec.seeds.flatMap((seed) =>
    arms.map(({ name, sets, control }) => ({
      arm: name,
      seed,
      sets: [...sets, ...tuned(control?.of ?? name)],
      folder: join(out, 'runs', name, `seed-${seed}`),
    })),
  );
}
