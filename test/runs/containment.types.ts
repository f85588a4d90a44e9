import type { Policy, SampleRequest } from '../../src/engines/policy.js';
import type { RolloutSettings } from '../../src/operators/rollout.js';
import type { rolloutOperator } from '../../src/pipelines/stages/rollout.js';
import type { PrivilegedContext, PrivilegedPiece, PrivilegedStore } from '../../src/privileged/store.js';
import type { Privileged, Prompt, Reference } from '../../src/records/records.js';
import type { SourceItem } from '../../src/sources/source.js';

type Secret = Privileged | Reference | PrivilegedPiece | PrivilegedContext | PrivilegedStore | SourceItem;
type Plain =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Uint8Array
  | Int32Array
  | Float32Array
  | AbortSignal;
/** true where a value of the type, or anything in it, can be one of the secrets. */
type Holds<T> = [Extract<Secret, T>] extends [never]
  ? T extends Plain
    ? false
    : T extends Promise<infer E>
      ? Holds<E>
      : T extends readonly (infer E)[]
        ? Holds<E>
        : T extends (...args: infer A) => infer R
          ? Holds<A> | Holds<R>
          : T extends object
            ? { [K in keyof T]: Holds<T[K]> }[keyof T]
            : false
  : true;
type Contained<T> = true extends Holds<T> ? never : 'contained';

/** The compiler refuses this file as soon as something on the student's side can hold what is privileged. */
export const contained: readonly [
  Contained<Prompt>,
  Contained<SampleRequest>,
  Contained<Parameters<Policy['sample']>>,
  Contained<RolloutSettings>,
  Contained<Parameters<typeof rolloutOperator>>,
] = ['contained', 'contained', 'contained', 'contained', 'contained'];
// @ts-expect-error the proof sees a privileged field where there is one
export const leaky: Contained<Prompt & { readonly hint: PrivilegedPiece }> = 'contained';
