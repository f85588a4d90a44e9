/**
 * What a program finds in the engine besides the language: console, timers, standard input, and as much of Node's
 * modules as programs of one file use. Runs before the program. Returns its timers, for a clock outside of the engine.
 *
 * @param host functions of the host that the program itself must not reach
 */
export function installWorld(host) {
  const { stringify } = JSON;
  const input = host.stdin;
  let at = 0;

  const inspect = (value, depth = 0, seen = []) => {
    if (typeof value === 'string') {
      if (depth === 0) return value;
      return value.includes("'") && !value.includes('"')
        ? stringify(value)
        : "'" + stringify(value).slice(1, -1).replace(/\\"/g, '"').replace(/'/g, "\\'") + "'";
    }
    if (typeof value === 'bigint') return value + 'n';
    if (Object.is(value, -0)) return '-0';
    if (typeof value === 'symbol') return String(value);
    if (typeof value === 'function') return value.name ? '[Function: ' + value.name + ']' : '[Function (anonymous)]';
    if (typeof value !== 'object' || value === null) return String(value);
    if (value instanceof Error) return value.stack ? value + '\n' + value.stack : String(value);
    if (value instanceof Date) return value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (seen.includes(value)) return '[Circular *1]';
    if (depth > 2) return Array.isArray(value) ? '[Array]' : '[' + (value.constructor?.name ?? 'Object') + ']';
    const inner = [...seen, value];
    const show = (one) => inspect(one, depth + 1, inner);
    const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : "'" + name + "'");
    const name = value.constructor?.name;
    const join = (open, parts, close) => {
      if (parts.length === 0) return open + close;
      const line = open + ' ' + parts.join(', ') + ' ' + close;
      if (line.length <= 72 && !line.includes('\n')) return line;
      return open + '\n' + '  ' + parts.join(',\n').replace(/\n/g, '\n  ') + '\n' + close;
    };
    if (Array.isArray(value)) return join('[', value.map(show), ']');
    if (value instanceof Map)
      return (
        'Map(' +
        value.size +
        ') ' +
        join(
          '{',
          [...value].map(([k, v]) => show(k) + ' => ' + show(v)),
          '}',
        )
      );
    if (value instanceof Set) return 'Set(' + value.size + ') ' + join('{', [...value].map(show), '}');
    const parts = Object.keys(value).map((k) => key(k) + ': ' + show(value[k]));
    return (name && name !== 'Object' ? name + ' ' : name ? '' : '[Object: null prototype] ') + join('{', parts, '}');
  };
  const shown = {
    s: (value) => (typeof value === 'object' ? inspect(value, 1) : String(value)),
    d: (value) => String(Number(value)),
    i: (value) => String(parseInt(value, 10)),
    f: (value) => String(parseFloat(value)),
    j: stringify,
    o: (value) => inspect(value, 1),
    O: (value) => inspect(value, 1),
    c: () => '',
  };
  const format = (values) => {
    const [first, ...rest] = values;
    if (typeof first !== 'string' || rest.length === 0) return values;
    const text = first.replace(/%([sdifjoOc%])/g, (all, kind) =>
      kind === '%' ? '%' : rest.length > 0 ? shown[kind](rest.shift()) : all,
    );
    return [text, ...rest];
  };
  const print = (...values) =>
    host.write(
      format(values)
        .map((value) => inspect(value))
        .join(' ') + '\n',
    );
  const silent = () => {};
  globalThis.console = { log: print, info: print, debug: print, error: silent, warn: silent, trace: silent };

  const timers = [];
  let set = []; // Those that the tests' clock, if it runs the timers, does not know yet.
  let cleared = [];
  let now = 0;
  let count = 0;
  const setTimer =
    (repeat) =>
    (callback, delay = 0, ...args) => {
      count += 1;
      set.push([count, Math.max(1, Number(delay) || 1), repeat]);
      timers.push({
        id: count,
        when: now + Math.max(1, Number(delay) || 1),
        every: repeat ? Math.max(1, Number(delay) || 1) : 0,
        run: () => callback(...args),
      });
      return count;
    };
  const clear = (id) => {
    cleared.push(Number(id));
    const index = timers.findIndex((timer) => timer.id === id);
    if (index >= 0) timers.splice(index, 1);
  };
  globalThis.setTimeout = setTimer(false);
  globalThis.setImmediate = (callback, ...args) => globalThis.setTimeout(callback, 0, ...args);
  globalThis.setInterval = setTimer(true);
  globalThis.clearTimeout = globalThis.clearInterval = globalThis.clearImmediate = clear;
  globalThis.queueMicrotask = (callback) => {
    Promise.resolve().then(callback);
  };
  globalThis.structuredClone ??= (value) => JSON.parse(stringify(value));
  // Virtual time jumps from timer to timer, so waiting takes no real time.
  host.tick(() => {
    if (timers.length === 0) return false;
    let next = timers[0];
    for (const timer of timers) if (timer.when < next.when) next = timer;
    now = next.when;
    if (next.every) next.when += next.every;
    else clear(next.id);
    next.run();
    return true;
  });

  const listeners = { data: [], end: [], line: [], close: [], readable: [] };
  const later = [];
  const rest = () => {
    const text = input.slice(at);
    at = input.length;
    return text;
  };
  const nextLine = () => {
    if (at >= input.length) return null;
    const end = input.indexOf('\n', at);
    const line = input.slice(at, end < 0 ? input.length : end);
    at = end < 0 ? input.length : end + 1;
    return line.replace(/\r$/, '');
  };
  const emit = (name, ...args) => {
    for (const listener of listeners[name] ?? []) listener(...args);
  };
  let flowing = false;
  const flow = (how) => {
    if (flowing) return;
    flowing = true;
    globalThis.setTimeout(() => {
      if (how === 'lines') {
        for (let line = nextLine(); line !== null; line = nextLine()) {
          const question = later.shift();
          if (question) question(line);
          else emit('line', line);
        }
        emit('close');
      } else {
        if (at < input.length) emit(how, rest());
        emit('end');
        emit('close');
      }
    });
  };
  const stdin = {
    fd: 0,
    on(name, listener) {
      (listeners[name] ??= []).push(listener);
      flow(name === 'readable' ? 'readable' : 'data');
      return stdin;
    },
    setEncoding: () => stdin,
    resume: () => stdin,
    read: () => (at < input.length ? rest() : null),
    async *[Symbol.asyncIterator]() {
      if (at < input.length) yield rest();
    },
  };
  stdin.once = stdin.addListener = stdin.on;
  globalThis.readline = nextLine;
  globalThis.process = {
    argv: ['node', 'main'],
    env: {},
    exitCode: 0,
    platform: 'linux',
    stdin,
    stdout: {
      write: (text) => {
        host.write(String(text));
        return true;
      },
    },
    stderr: { write: () => true },
    exit: (code) => host.exit(Number(code ?? globalThis.process.exitCode) || 0),
    nextTick: (callback, ...args) => globalThis.queueMicrotask(() => callback(...args)),
    hrtime: { bigint: () => BigInt(now) * 1000000n },
    on: () => globalThis.process,
  };
  const lines = {
    createInterface: () => {
      const reader = {
        on(name, listener) {
          (listeners[name] ??= []).push(listener);
          flow('lines');
          return reader;
        },
        question(text, callback) {
          host.write(text);
          later.push(callback);
          flow('lines');
        },
        prompt: silent,
        setPrompt: silent,
        close: () => {
          at = input.length;
        },
        async *[Symbol.asyncIterator]() {
          for (let line = nextLine(); line !== null; line = nextLine()) yield line;
        },
      };
      reader.once = reader.on;
      return reader;
    },
  };
  const isInput = (path) => path === 0 || path === '/dev/stdin';
  const modules = {
    fs: {
      readFileSync: (path, how) => {
        if (!isInput(path)) throw new Error("ENOENT: no such file or directory, open '" + path + "'");
        const text = rest();
        return how ? text : { toString: () => text };
      },
      writeSync: (fd, text) => {
        if (fd === 1) host.write(String(text));
      },
      writeFileSync: (path, text) => {
        if (path !== 1 && path !== '/dev/stdout') throw new Error("EACCES: permission denied, open '" + path + "'");
        host.write(String(text));
      },
    },
    readline: lines,
    process: globalThis.process,
    util: { inspect: (value) => inspect(value, 1), isDeepStrictEqual: (a, b) => inspect(a, -99) === inspect(b, -99) },
  };
  const load = (name) => modules[name.replace(/^node:/, '')];
  globalThis.module = { exports: {} };
  globalThis.exports = globalThis.module.exports;
  globalThis.require = (name) => {
    const found = load(String(name));
    if (!found) throw new Error("Cannot find module '" + name + "'");
    return found;
  };
  globalThis.require.main = globalThis.module;
  return {
    take: () => {
      const taken = { set, cleared };
      set = [];
      cleared = [];
      return taken;
    },
    fire: (id) => {
      const timer = timers.find((one) => one.id === id);
      if (!timer) return;
      if (!timer.every) timers.splice(timers.indexOf(timer), 1);
      timer.run();
    },
  };
}
