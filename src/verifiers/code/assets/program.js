/**
 * The program's side of the conversation: functions that answer the tests' questions, and that tell what happened
 * since the last answer.
 *
 * @param codec from `createCodec()`
 * @param link sends a message to the tests and returns their answer
 * @param timers the program's timers, which the tests' clock runs
 */
export function serveProgram({ encode, decode, parse, stringify, entries, isArray, getPrototypeOf }, link, timers) {
  const evaluate = eval;
  const copies = {
    Array: (value) => isArray(value) && Array.from({ length: value.length }, (_, i) => value[i]),
    Map: (value) => new Map(apply(mapEntries, value, [])),
    Set: (value) => new Set(apply(setValues, value, [])),
    Date: (value) => new Date(apply(getTime, value, [])),
  };
  const { entries: mapEntries } = Map.prototype;
  const { values: setValues } = Set.prototype;
  const { getTime } = Date.prototype;
  const { then } = Promise.prototype;
  const { apply, construct, ownKeys } = Reflect;
  const { getOwnPropertyDescriptor } = Object;
  const builtIn = new Set(
    Object.getOwnPropertyNames(globalThis).flatMap((name) => {
      const value = globalThis[name];
      return typeof value === 'function' ? [value, value.prototype] : [];
    }),
  );
  const objects = [];
  const numbers = new Map();
  const described = new Set();
  const states = new Map(); // Objects whose own properties the tests have a copy of, and the last one.
  let settled = [];
  const number = (value) => {
    if (!numbers.has(value)) numbers.set(value, objects.push(value) - 1);
    return numbers.get(value);
  };
  const errorName = (error) => {
    for (let at = getPrototypeOf(error); at !== null; at = getPrototypeOf(at))
      if (builtIn.has(at)) return String(at.constructor.name);
    return 'Error';
  };
  /** A class by its prototype: described the first time. */
  const classOf = (prototype) => {
    if (prototype === null || prototype === Object.prototype) return null;
    const id = number(prototype);
    if (described.has(id)) return { id };
    described.add(id);
    const about = { id, methods: [], accessors: [], symbols: [] };
    about.error = prototype instanceof Error ? errorName(prototype) : undefined;
    if (builtIn.has(prototype)) about.built = String(prototype.constructor.name);
    const parent = getPrototypeOf(prototype);
    about.parent = builtIn.has(parent) && parent instanceof Error ? null : classOf(parent);
    for (const key of ownKeys(prototype)) {
      const { value, get, set } = getOwnPropertyDescriptor(prototype, key);
      if (typeof key === 'symbol') {
        const name = ['iterator', 'asyncIterator', 'toPrimitive', 'toStringTag'].find((one) => Symbol[one] === key);
        if (name) about.symbols.push(name);
      } else if (key !== 'constructor' && (get || set)) about.accessors.push([key, Boolean(set)]);
      else if (key !== 'constructor' && typeof value === 'function') about.methods.push(key);
    }
    const made = prototype.constructor;
    about.name = typeof made === 'function' ? String(made.name) : '';
    if (typeof made === 'function' && made.prototype === prototype && !builtIn.has(made))
      about.constructor_ = keep(made);
    return about;
  };
  const keep = (value) => {
    if (own.has(value)) return { w: own.get(value) };
    if (value instanceof Error) return { e: failure(value) };
    if (typeof value === 'symbol') return { y: Symbol.keyFor(value) ?? String(value.description) };
    const fresh = !numbers.has(value);
    const id = number(value);
    if (value instanceof Promise) {
      if (fresh)
        apply(then, value, [
          (one) => settled.push([id, 'v', encode(one, keep)]),
          (error) => settled.push([id, 'e', failure(error)]),
        ]);
      return { r: { id, kind: 'promise' } };
    }
    if (typeof value !== 'function') {
      if (fresh) states.set(value, '');
      return { r: { id, kind: 'object', of: classOf(getPrototypeOf(value)) } };
    }
    if (!fresh) return { r: { id, kind: 'function' } };
    const { name, length, prototype } = value;
    const about = { name: String(name), length: Number(length) || 0 };
    if (typeof prototype === 'object' && prototype !== null) {
      about.prototype = classOf(prototype);
      about.statics = ownKeys(value)
        .filter((key) => typeof key === 'string' && !['length', 'name', 'prototype'].includes(key))
        .map((key) => [key, encode(value[key], keep)]);
    }
    return { r: { id, kind: 'function', about } };
  };
  const thrown = new WeakMap();
  const failure = (error) => {
    try {
      if (!(error instanceof Error)) return { value: encode(error, keep) };
      const props = entries(error).filter(([name]) => name !== 'message');
      return {
        name: String(error.name),
        message: String(error.message),
        built: errorName(error),
        of: builtIn.has(getPrototypeOf(error)) ? null : classOf(getPrototypeOf(error)),
        props: props.map(([name, value]) => [name, encode(value, keep)]),
        cause: error.cause instanceof Error ? failure(error.cause) : undefined,
        tests: thrown.get(error),
      };
    } catch {
      return { name: 'Error', message: '', built: 'Error', of: null, props: [] };
    }
  };
  const raised = ({ name, message, value, tests, own: id }) => {
    if (value !== undefined) return decode(value, ref);
    const kind = id === undefined ? globalThis[name] : objects[id];
    const error = new (typeof kind === 'function' && kind.prototype instanceof Error ? kind : Error)(message);
    if (error.name !== name) error.name = name;
    error.message = message;
    thrown.set(error, tests);
    return error;
  };
  const own = new Map(); // Stand-ins of the tests' functions, objects and promises, with their numbers.
  const standIns = [];
  const promises = [];
  const ask = (message) => {
    const answer = parse(link(stringify(message)));
    if (answer.e) throw raised(answer.e);
    return decode(answer.v, ref);
  };
  const ref = (kind, x) => {
    if (kind === 'k') return objects[x];
    if (kind === 'e') return raised(x);
    if (kind === 'y') return Symbol.for(x);
    if (kind !== 'w') throw new TypeError('unknown value');
    standIns[x.id] ??= standIn(x);
    own.set(standIns[x.id], x.id);
    return standIns[x.id];
  };
  const standIn = ({ id, kind }) => {
    if (kind === 'promise')
      return new Promise((resolve, reject) => {
        promises[id] = { resolve, reject };
      });
    const call = (self, args) =>
      ask({
        op: 'call',
        id,
        self: encode(self === globalThis ? undefined : self, keep),
        args: args.map((arg) => encode(arg, keep)),
      });
    if (kind === 'function')
      return function (...args) {
        return call(this, args);
      };
    return new Proxy(
      {},
      {
        get: (_, name) => (typeof name === 'symbol' ? undefined : ask({ op: 'get', id, name })),
        set: (_, name, to) => {
          ask({ op: 'set', id, name, to: encode(to, keep) });
          return true;
        },
        has: (_, name) => ask({ op: 'keys', id }).includes(name),
        ownKeys: () => ask({ op: 'keys', id }),
        getOwnPropertyDescriptor: (_, name) => ({
          value: ask({ op: 'get', id, name }),
          writable: true,
          enumerable: true,
          configurable: true,
        }),
      },
    );
  };
  const get = (name) => {
    try {
      return evaluate(name);
    } catch {
      return undefined;
    }
  };
  const operations = {
    names: ({ names }) => {
      const found = {};
      for (const name of names) found[name] = get(name);
      const exported = globalThis.module?.exports;
      if (typeof exported === 'function') found.default ??= exported;
      for (const [name, value] of entries(exported ?? {})) found[name] = value;
      return entries(found);
    },
    call: ({ of, self, args }) => apply(of, self, args),
    method: ({ of, name, args }) => apply(of[name], of, args),
    symbol: ({ of, name, args }) => apply(of[Symbol[name]], of, args),
    construct: ({ of, args }) => construct(of, args),
    get: ({ of, name }) => of[name],
    copy: ({ of, built }) => copies[built](of),
    set: ({ of, name, to }) => {
      of[name] = to;
    },
    delete: ({ of, name }) => delete of[name],
    timer: ({ id }) => timers.fire(id),
    settled: ({ id, value, error }) => {
      if (error === undefined) promises[id].resolve(value);
      else promises[id].reject(error);
    },
  };
  const refuse = () => {
    throw new TypeError('a reference');
  };
  // Changes that a call returning undefined made to its array and object arguments, by position.
  const changes = (given, args) => {
    const changed = [];
    args.forEach((value, i) => {
      if (typeof value !== 'object' || value === null) return;
      try {
        const now = encode(value, refuse);
        if (stringify(now) !== stringify(given[i])) changed.push([i, now]);
      } catch {}
    });
    return changed;
  };
  const answer = (message) => {
    try {
      const { op, ...given } = parse(message);
      const rest = {};
      for (const [name, value] of entries(given)) rest[name] = decode(value, ref);
      const value = operations[op](rest);
      if (op === 'construct' && typeof value === 'object' && value !== null && isArray(value) === false) {
        const kept = getPrototypeOf(value) === Object.prototype || builtIn.has(getPrototypeOf(value));
        if (!kept && !(value instanceof Error)) return stringify({ v: keep(value) });
      }
      return stringify({
        v: encode(value, keep),
        a: (op === 'call' || op === 'method') && value === undefined ? changes(given.args, rest.args) : undefined,
      });
    } catch (error) {
      return stringify({ e: failure(error) });
    }
  };
  const MOST = 500;
  /** What the tests have to know besides an answer: settled promises, new timers, and changed objects. */
  const news = () => {
    const changed = [];
    try {
      const looked = new Set();
      const due = () =>
        [...states].filter(([value, before]) => !looked.has(value) && (before === '' || states.size <= MOST));
      for (let next = due(); next.length > 0; next = due()) {
        for (const [value, before] of next) {
          looked.add(value);
          const now = entries(value).map(([name, one]) => [name, encode(one, keep)]);
          if (isArray(value)) now.push(['length', value.length]);
          const text = stringify(now);
          if (text === before) continue;
          states.set(value, text);
          changed.push([numbers.get(value), now]);
        }
      }
    } catch {}
    const told = { settled, changed, timers: timers.take() };
    settled = [];
    return stringify(told);
  };
  return (message) => (message === 'news' ? news() : answer(message));
}
