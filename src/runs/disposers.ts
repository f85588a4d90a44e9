/** Resources to close at the end, in reverse order of opening. */
export interface Disposers {
  add(dispose: () => unknown): void;
  /** Closes the resource at the end. @returns the resource */
  use<T extends { close(): unknown }>(resource: T): T;
  /** Closes everything, also after a failure. @throws the first failure */
  dispose(): Promise<void>;
}

/**
 * @example
 * const disposers = newDisposers();
 * const log = disposers.use(await openLog(plan, folder));
 * await disposers.dispose();
 */
export function newDisposers(): Disposers {
  const list: (() => unknown)[] = [];
  const add = (dispose: () => unknown) => void list.push(dispose);
  return {
    add,
    use(resource) {
      add(() => resource.close());
      return resource;
    },
    async dispose() {
      const failures: unknown[] = [];
      for (const dispose of list.splice(0).reverse()) {
        try {
          await dispose();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
