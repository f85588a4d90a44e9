/**
 * The tests' side of the conversation: the function that loads the tests and runs one at a time.
 *
 * @param codec from `createCodec()`
 * @param link sends a message to the program and returns its answer
 */
export function serveTests(codec, link) {
  const { encode, decode, failure, parse, stringify, entries, isArray, getPrototypeOf, defineProperty } = codec;
  const state = { last: undefined, count: 0, outcome: undefined };
  const callbacks = [];
  const remotes = new WeakMap();
  const keep = (value) => {
    if ((typeof value === 'function' || typeof value === 'object') && remotes.has(value))
      return { r: { id: remotes.get(value), own: true } };
    if (typeof value === 'function') return { r: { id: callbacks.push(value) - 1 } };
    throw new TypeError('a test can pass plain values and functions');
  };
  const errors = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError };
  const refuse = () => {
    throw new TypeError('a reference among changed arguments');
  };
  const assign = (old, to) => {
    if (
      typeof old !== 'object' ||
      old === null ||
      typeof to !== 'object' ||
      to === null ||
      getPrototypeOf(old) !== getPrototypeOf(to)
    )
      return false;
    const keep = (before, after) => (assign(before, after) ? before : after);
    if (isArray(old)) {
      to.forEach((one, i) => {
        old[i] = i < old.length ? keep(old[i], one) : one;
      });
      old.length = to.length;
    } else if (old instanceof Map) {
      const next = [...to].map(([k, v]) => [k, keep(old.get(k), v)]);
      old.clear();
      for (const [k, v] of next) old.set(k, v);
    } else if (old instanceof Set) {
      old.clear();
      for (const one of to) old.add(one);
    } else {
      for (const name of Object.keys(old)) if (!Object.hasOwn(to, name)) delete old[name];
      for (const [name, one] of entries(to))
        defineProperty(old, name, {
          value: keep(old[name], one),
          writable: true,
          enumerable: true,
          configurable: true,
        });
    }
    return true;
  };
  const ask = (message, note = false) => {
    const fields = {};
    for (const [name, value] of entries(message)) fields[name] = name === 'op' ? value : encode(value, keep);
    const answer = parse(link(stringify(fields)));
    if (answer.e !== undefined) {
      state.last = 'raised ' + String(answer.e) + ': ' + String(answer.m);
      const error = new (errors[answer.e] ?? Error)(String(answer.m));
      error.name = String(answer.e);
      throw error;
    }
    const value = decode(answer.v, remote);
    if (value === undefined) for (const [i, to] of answer.a ?? []) assign(message.args[i], decode(to, refuse));
    if (note) state.last = 'returned ' + (stringify(answer.v) ?? '').slice(0, 300);
    return value;
  };
  const remote = ({ id, kind }) => {
    if (kind === 'promise') {
      const index = ask({ op: 'settled', of: proxy(id) });
      return Promise.resolve().then(() => ask({ op: 'outcome', index }, true));
    }
    return proxy(id);
  };
  const proxy = (id) => {
    // A function expression can be both called and constructed.
    const made = new Proxy(function () {}, {
      apply: (_, self, args) =>
        ask({ op: 'call', of: made, self: remotes.has(self ?? state) ? self : undefined, args }, true),
      construct: (_, args) => ask({ op: 'construct', of: made, args }),
      get: (_, name) => {
        if (name === Symbol.iterator) return () => ask({ op: 'iterate', of: made })[Symbol.iterator]();
        if (name === Symbol.hasInstance)
          return (value) => remotes.has(value) && ask({ op: 'instance', of: value, kind: made });
        if (typeof name === 'symbol' || name === 'then') return undefined;
        return ask({ op: 'get', of: made, name });
      },
      set: (_, name, to) => {
        ask({ op: 'set', of: made, name, to });
        return true;
      },
    });
    remotes.set(made, id);
    return made;
  };

  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
  const equal = (a, b) => {
    if (Object.is(a, b)) return true;
    if (!isObject(a) || !isObject(b)) return false;
    if (remotes.has(a)) a = new Map(ask({ op: 'entries', of: a }));
    if (remotes.has(b)) b = new Map(ask({ op: 'entries', of: b }));
    const fields = (value) => (value instanceof Map ? value : new Map(entries(value)));
    if (isArray(a) !== isArray(b) || a instanceof Set !== b instanceof Set) return false;
    if (a instanceof Set)
      return a.size === b.size && [...a].every((one) => b.has(one) || [...b].some((other) => equal(one, other)));
    if (a instanceof Date || b instanceof Date)
      return a instanceof Date && b instanceof Date && Number(a) === Number(b);
    if (a instanceof RegExp || b instanceof RegExp) return String(a) === String(b);
    if (isArray(a) && a.length !== b.length) return false;
    const ours = fields(a);
    const theirs = fields(b);
    return (
      ours.size === theirs.size && [...ours].every(([key, value]) => theirs.has(key) && equal(value, theirs.get(key)))
    );
  };
  const hold = (truth) => {
    if (!truth) throw new Error('does not hold');
    return true;
  };
  const fails = (run, match) => {
    try {
      run();
    } catch (error) {
      return (
        match === undefined ||
        typeof match === 'function' ||
        (typeof match === 'string' ? String(error.message).includes(match) : match.test(error.message))
      );
    }
    return false;
  };
  const assert = (truth) => hold(truth);
  Object.assign(assert, {
    ok: (truth) => hold(truth),
    equal: (a, b) => hold(a === b || (a == b && !isObject(a) && !isObject(b))),
    notEqual: (a, b) => hold(a != b),
    strictEqual: (a, b) => hold(Object.is(a, b)),
    notStrictEqual: (a, b) => hold(!Object.is(a, b)),
    deepEqual: (a, b) => hold(equal(a, b)),
    deepStrictEqual: (a, b) => hold(equal(a, b)),
    notDeepStrictEqual: (a, b) => hold(!equal(a, b)),
    throws: (run, match) => hold(fails(run, match)),
    rejects: async (what, match) => {
      const error = await (typeof what === 'function' ? what() : what).then(
        () => undefined,
        (e) => e ?? new Error(''),
      );
      return hold(
        error !== undefined &&
          fails(() => {
            throw error;
          }, match),
      );
    },
  });
  assert.strict = assert;
  const expect = (found) => {
    const matchers = (sign) => {
      const check =
        (test) =>
        (...args) =>
          hold(test(...args) === sign);
      return {
        toBe: check((b) => Object.is(found, b)),
        toEqual: check((b) => equal(found, b)),
        toStrictEqual: check((b) => equal(found, b)),
        toBeCloseTo: check((b, digits = 2) => typeof found === 'number' && Math.abs(found - b) < 10 ** -digits / 2),
        toBeTruthy: check(() => Boolean(found)),
        toBeFalsy: check(() => !found),
        toBeNull: check(() => found === null),
        toBeUndefined: check(() => found === undefined),
        toBeDefined: check(() => found !== undefined),
        toBeNaN: check(() => Number.isNaN(found)),
        toBeGreaterThan: check((b) => typeof found === typeof b && found > b),
        toBeGreaterThanOrEqual: check((b) => typeof found === typeof b && found >= b),
        toBeLessThan: check((b) => typeof found === typeof b && found < b),
        toBeLessThanOrEqual: check((b) => typeof found === typeof b && found <= b),
        toContain: check((b) =>
          typeof found === 'string' ? found.includes(b) : [...found].some((one) => Object.is(one, b)),
        ),
        toContainEqual: check((b) => [...found].some((one) => equal(one, b))),
        toHaveLength: check((b) => found.length === b),
        toMatch: check((b) => typeof found === 'string' && (typeof b === 'string' ? found.includes(b) : b.test(found))),
        toThrow: check((match) => fails(found, match)),
        toBeInstanceOf: check((kind) => found instanceof kind),
      };
    };
    const later = (what) =>
      new Proxy(
        {},
        {
          get:
            (_, name) =>
            async (...args) =>
              expect(await what())[name](...args),
        },
      );
    return {
      ...matchers(true),
      not: matchers(false),
      resolves: later(() => found),
      rejects: later(() =>
        found.then(
          () => hold(false),
          (error) => () => {
            throw error;
          },
        ),
      ),
    };
  };

  const registered = [];
  const test = (name, run) => {
    registered.push(run);
  };
  test.each = (rows) => (name, run) => {
    for (const row of rows) registered.push(() => run(...(isArray(row) ? row : [row])));
  };
  const describe = (name, body) => body();
  const evaluate = eval;
  const script = (text) => {
    try {
      evaluate('(async () => (' + text + '\n))');
    } catch {
      return () => evaluate('(async () => {' + text + '\n})')().then((value) => hold(value !== false));
    }
    return () => evaluate('(async () => (' + text + '\n))')().then(hold);
  };
  const operations = {
    load: ({ names, assertions, file, entryPoint }) => {
      const solution = ask({ op: 'names', names });
      const own = new Set(Object.getOwnPropertyNames(globalThis));
      const known = globalThis.require;
      globalThis.require = (name) => {
        if (/^(\.\/)?(solution|main)(\.[jt]s)?$/.test(name)) return solution;
        if (/^(node:)?assert(\/strict)?$/.test(name)) return assert;
        if (/^(node:test|vitest|@jest\/globals)$/.test(name))
          return { test, it: test, describe, expect, default: test };
        return known(name);
      };
      for (const [name, value] of entries(solution))
        if (!own.has(name) || name === entryPoint) globalThis[name] = value;
      Object.assign(globalThis, { assert, expect, test, it: test, describe });
      for (const text of assertions ?? []) registered.push(script(text));
      if (file !== undefined) {
        evaluate(file);
        if (entryPoint !== undefined && typeof globalThis.check === 'function')
          registered.push(() => globalThis.check(solution[entryPoint]));
        if (registered.length === 0) registered.push(() => {});
      }
      return registered.length;
    },
    run: ({ index }) => {
      state.outcome = undefined;
      state.last = undefined;
      callbacks.length = 0;
      const fail = (error) => {
        state.outcome = {
          outcome: 'fail',
          detail: state.last === undefined ? String(error?.name ?? 'Error') : 'the program ' + state.last,
        };
      };
      try {
        Promise.resolve(registered[index]()).then(() => {
          state.outcome = { outcome: 'pass', detail: '' };
        }, fail);
      } catch (error) {
        fail(error);
      }
      return true;
    },
    outcome: () => state.outcome ?? { outcome: 'fail', detail: 'the test never settles' },
    callback: ({ message }) => {
      const { id, args } = parse(message);
      try {
        return stringify({ v: encode(callbacks[id](...args.map((arg) => decode(arg, remote))), keep) });
      } catch (error) {
        return stringify(failure(error));
      }
    },
  };
  return (message) => {
    const { op, ...rest } = parse(message);
    try {
      return stringify({ value: operations[op](rest) });
    } catch (error) {
      return stringify({ failure: failure(error), last: state.last });
    }
  };
}
