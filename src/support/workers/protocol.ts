/** Message to a worker: several calls. */
export interface Call<M> {
  readonly id: number;
  readonly message: M;
}

/** A plain-data error; `code` makes it a `UserError` again. */
export interface Failure {
  readonly message: string;
  readonly code?: string;
}

export type Outcome =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: Failure };

/** Message from a worker: several replies, each with the id of its call. */
export type Reply =
  | Outcome
  /** The call enters a phase that may take this many seconds: its deadline restarts. */
  | { readonly id: number; readonly within: number }
  /** One-time loading is done: the call's own deadline starts now. */
  | { readonly id: number; readonly warm: true };

/** The first message of a worker, once its module has loaded. A worker that ends before could not start at all. */
export const READY = [{ id: -1, result: undefined }] satisfies Reply[];
