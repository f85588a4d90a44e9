/**
 * The program's side of the conversation: the function that answers the tests' messages.
 *
 * @param codec from `createCodec()`
 * @param link sends a message to the tests and returns their answer
 */
export function serveProgram({ encode, decode, failure, parse, stringify, entries }, link) {
  const evaluate = eval;
  const objects = [];
  const keep = (value) => {
    let index = objects.indexOf(value);
    if (index < 0) index = objects.push(value) - 1;
    return { r: { id: index, kind: value instanceof Promise ? 'promise' : typeof value } };
  };
  const ref = (x) => {
    if (x.own) return objects[x.id];
    return (...args) => {
      const answer = parse(link(stringify({ id: x.id, args: args.map((arg) => encode(arg, keep)) })));
      if (answer.e) throw new Error('the test raised ' + answer.e);
      return decode(answer.v, ref);
    };
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
      return found;
    },
    call: ({ of, self, args }) => Reflect.apply(of, self, args),
    construct: ({ of, args }) => Reflect.construct(of, args),
    get: ({ of, name }) => of[name],
    set: ({ of, name, to }) => {
      of[name] = to;
    },
    entries: ({ of }) => entries(of),
    iterate: ({ of }) => {
      const all = [];
      for (const one of of) {
        all.push(one);
        if (all.length >= 100000) break;
      }
      return all;
    },
    instance: ({ of, kind }) => of instanceof kind,
    settled: ({ of }) => {
      objects.push({ done: false });
      const state = objects.at(-1);
      of.then(
        (value) => {
          state.done = true;
          state.value = value;
        },
        (error) => {
          state.done = true;
          state.error = error;
        },
      );
      state.self = state;
      const index = objects.length - 1;
      return index;
    },
    outcome: ({ index }) => {
      const state = objects[index];
      if (!state.done) throw new Error('a promise that never settles');
      if ('error' in state) throw state.error;
      return state.value;
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
  return (message) => {
    try {
      const { op, ...given } = parse(message);
      const rest = {};
      for (const [name, value] of entries(given)) rest[name] = decode(value, ref);
      const value = operations[op](rest);
      return stringify({
        v: encode(value, keep),
        a: op === 'call' && value === undefined ? changes(given.args, rest.args) : undefined,
      });
    } catch (error) {
      return stringify(failure(error));
    }
  };
}
