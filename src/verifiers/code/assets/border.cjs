// Stand-ins, in the tests' process, for what a program in another process has.
const { createCodec } = require('./codec.cjs');
const { send, receive, broken, contact } = require('./line.cjs');
const { builtInNames, containers, deciding, fluent, judging } = require('./method-names.cjs');

const { encode, decode, define, parse, stringify, entries } = createCodec();

// From the tests to the program

const numbers = new WeakMap(); // Stand-ins of the program's functions and objects.
const targets = new WeakMap(); // What is behind the stand-in of an object.
const own = [];
const ownNumbers = new Map();
const errors = [];
const keep = (value) => {
  if (numbers.has(value)) return { k: numbers.get(value) };
  if (typeof value === 'symbol') return { y: value.description ?? '' };
  if (value instanceof Error) return { e: failure(value) };
  if (!ownNumbers.has(value)) {
    ownNumbers.set(value, own.push(value) - 1);
    if (value instanceof Promise) {
      const id = ownNumbers.get(value);
      value.then(
        (one) => ask({ op: 'settled', id, value: one }),
        (error) => ask({ op: 'settled', id, error }),
      );
    }
  }
  const kind = value instanceof Promise ? 'promise' : typeof value === 'function' ? 'function' : 'object';
  return { w: { id: ownNumbers.get(value), kind } };
};
const failure = (error) => {
  const tests = errors.push(error) - 1;
  if (!(error instanceof Error)) return { value: encode(error, keep), tests };
  return { name: String(error.name), message: String(error.message), tests, own: numbers.get(error.constructor) };
};

const ask = (message, note = false) => {
  contact.questions += 1;
  const fields = {};
  for (const [name, value] of entries(message)) fields[name] = name === 'op' ? value : encode(value, keep);
  send({ ask: stringify(fields) });
  for (;;) {
    const heard = receive();
    if (heard.callback !== undefined) {
      send({ reply: reply(parse(heard.callback)) });
      continue;
    }
    const { settled, changed, timers } = parse(heard.news);
    const answer = parse(heard.answer);
    // The classes of new objects are described in the answer.
    const result = answer.e === undefined ? decode(answer.v, ref) : raised(answer.e);
    for (const [id, state] of changed) update(id, state);
    for (const [id, how, one] of settled) settle(id, how, one);
    for (const [id, delay, repeat] of timers.set) startTimer(id, delay, repeat);
    for (const id of timers.cleared) stopTimer(id);
    if (answer.e !== undefined) {
      contact.last = `raised ${String(answer.e.name ?? 'a value')}: ${String(answer.e.message ?? '')}`;
      throw result;
    }
    if (result === undefined) for (const [i, to] of answer.a ?? []) assign(message.args[i], decode(to, ref));
    if (note) contact.last = `returned ${String(stringify(answer.v)).slice(0, 300)}`;
    return result;
  }
};

const assign = (old, to) => {
  if (typeof old !== 'object' || old === null || typeof to !== 'object' || to === null) return false;
  if (Object.getPrototypeOf(old) !== Object.getPrototypeOf(to)) return false;
  const both = (before, after) => (assign(before, after) ? before : after);
  if (old instanceof Map) {
    const next = [...to].map(([k, v]) => [k, both(old.get(k), v)]);
    old.clear();
    for (const [k, v] of next) old.set(k, v);
  } else if (old instanceof Set) {
    old.clear();
    for (const one of to) old.add(one);
  } else if (ArrayBuffer.isView(old)) old.set(to);
  else {
    if (Array.isArray(old)) old.length = Math.min(old.length, to.length);
    for (const name of Object.keys(old)) if (!Object.hasOwn(to, name)) delete old[name];
    for (const [name, one] of entries(to)) define(old, name, both(old[name], one));
    if (Array.isArray(old)) old.length = to.length;
  }
  return true;
};

/** Answers a question of the program about a function or object of the tests. */
const reply = ({ op, id, self, args, name, to }) => {
  try {
    const of = own[id];
    if (op === 'call') {
      return stringify({
        v: encode(
          Reflect.apply(
            of,
            decode(self, ref),
            args.map((arg) => decode(arg, ref)),
          ),
          keep,
        ),
      });
    }
    if (op === 'keys') return stringify({ v: Object.keys(of) });
    // The constructors of an object lead to everything that the tests can do.
    const found = name === 'constructor' || name.startsWith('__') ? undefined : Reflect.get(of, name);
    if (typeof found === 'function' && (isNative(found) || typeof of === 'function')) return stringify({ v: { u: 1 } });
    if (op === 'set') Reflect.set(of, name, decode(to, ref));
    return stringify({ v: encode(found, keep) });
  } catch (error) {
    if (error?.code === 'ERR_ASSERTION' || error?.matcherResult) contact.refused = true;
    return stringify({ e: failure(error) });
  }
};
const isNative = (value) => /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(value));

// From the program to the tests: copies of objects with the methods of their classes

const standIns = [];
const waiting = new Map();
const prototypes = [];
const builtErrors = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError };

const ref = (kind, x) => {
  if (kind === 'w') return own[x];
  if (kind === 'e') return raised(x);
  if (kind === 'y') return Symbol.for(x);
  if (kind !== 'r') throw new TypeError('unknown value');
  const known = standIns[x.id];
  if (known) {
    evident.delete(known);
    return known;
  }
  if (x.kind === 'promise') {
    const made = new Promise((resolve, reject) => waiting.set(x.id, { resolve, reject }));
    made.catch(() => {}); // The program may reject as it likes; who waits for it hears of it.
    standIns[x.id] = made;
  } else if (x.kind === 'function') {
    standIns[x.id] = makeFunction();
    describeFunction(standIns[x.id], x.about ?? {});
  } else standIns[x.id] = makeObject(x.of);
  numbers.set(standIns[x.id], x.id);
  return standIns[x.id];
};

/** Objects that evidently are of a class of the program: the tests made them or used them as no built-in value. */
const evident = new WeakSet();
// What a class inherits from a built-in one is judged by value: the tests ask a copy.
const byValue = new WeakSet();
const makeObject = (of) => {
  const prototype = of === null ? Object.prototype : prototypeOf(of);
  const target = Object.create(prototype);
  const made = new Proxy(target, {
    get: (_, name, self) => {
      if (deciding.has(name)) return undefined;
      const value = Reflect.get(target, name, self);
      if (typeof name !== 'string') return value;
      if (judging.has(name) && typeof value === 'function' && !evident.has(made) && !byValue.has(value))
        throw new TypeError(`the program returned an object of its own, which has no say in "${name}"`);
      if (!builtInNames.has(name) && name in target) evident.add(made);
      return value;
    },
    set: (_, name, to) => {
      ask({ op: 'set', of: made, name, to });
      return true;
    },
    deleteProperty: (_, name) => {
      ask({ op: 'delete', of: made, name });
      return delete target[name];
    },
  });
  targets.set(made, target);
  return made;
};

const update = (id, state) => {
  const target = targets.get(standIns[id]);
  if (!target) return;
  const names = new Set(state.map(([name]) => name));
  for (const name of Object.keys(target)) if (!names.has(name)) delete target[name];
  for (const [name, value] of state) define(target, name, decode(value, ref));
};

/** The stand-in for a prototype of the program, whose methods ask the program. */
const prototypeOf = ({ id, ...about }) => {
  if (prototypes[id]) return prototypes[id];
  const built = about.error && about.parent === null ? (builtErrors[about.error] ?? Error).prototype : Object.prototype;
  const made = Object.create(about.parent ? prototypeOf(about.parent) : built);
  prototypes[id] = made;
  numbers.set(made, id);
  for (const name of about.methods ?? []) {
    define(made, name, methodOf(about, name), false);
    Object.defineProperty(made[name], 'name', { value: name, configurable: true });
  }
  for (const [name, settable] of about.accessors ?? [])
    Object.defineProperty(made, name, {
      get() {
        return numbers.has(this) ? ask({ op: 'get', of: this, name }, true) : undefined;
      },
      ...(settable
        ? {
            set(to) {
              ask({ op: 'set', of: this, name, to });
            },
          }
        : {}),
      configurable: true,
    });
  for (const name of about.symbols ?? [])
    if (name === 'toStringTag') define(made, Symbol.toStringTag, String(about.name), false);
    else
      define(
        made,
        Symbol[name],
        function (...args) {
          return ask({ op: 'symbol', of: this, name, args }, true);
        },
        false,
      );
  if (about.constructor_) define(made, 'constructor', decode(about.constructor_, ref), false);
  else define(made, 'constructor', { [about.name]: class {} }[about.name], false);
  return made;
};

const methodOf = ({ built }, name) => {
  if (judging.has(name) && Object.hasOwn(containers, built)) {
    const real = containers[built].prototype[name];
    const judged = function (...args) {
      return Reflect.apply(real, ask({ op: 'copy', of: this, built }), args);
    };
    if (typeof real === 'function') byValue.add(judged);
    return judged;
  }
  return function (...args) {
    const evidently = fluent.has(name) && evident.has(this);
    const value = ask({ op: 'method', of: this, name, args }, true);
    if (evidently && classIn(value) === classIn(this)) evident.add(value);
    return value;
  };
};
const classIn = (value) => targets.has(value) && Object.getPrototypeOf(targets.get(value));

const makeFunction = () => {
  const call = (made, self, args) =>
    ask({ op: 'call', of: made, self: numbers.has(self ?? contact) ? self : undefined, args }, true);
  const made = function (...args) {
    if (!new.target) return call(made, this, args);
    if (new.target !== made) broken('the tests derive a class from one of the program, which is in another process');
    const value = ask({ op: 'construct', of: made, args }, true);
    if (targets.has(value)) evident.add(value);
    return value;
  };
  return made;
};
const describeFunction = (made, { name = '', length = 0, prototype, statics = [] }) => {
  Object.defineProperty(made, 'name', { value: name, configurable: true });
  Object.defineProperty(made, 'length', { value: length, configurable: true });
  if (prototype) Object.defineProperty(made, 'prototype', { value: prototypeOf(prototype), writable: false });
  for (const [key, value] of statics) if (!deciding.has(key)) define(made, key, decode(value, ref));
};

const raised = (about) => {
  if (about.tests !== undefined && Number.isInteger(about.tests) && about.tests < errors.length)
    return errors[about.tests];
  if (about.value !== undefined) return decode(about.value, ref);
  const kind = (Object.hasOwn(builtErrors, about.built) && builtErrors[about.built]) || Error;
  const error = new kind(String(about.message));
  if (about.of) Object.setPrototypeOf(error, prototypeOf(about.of));
  for (const [name, value] of about.props ?? []) define(error, name, decode(value, ref));
  if (about.cause) define(error, 'cause', raised(about.cause), false);
  if (error.name !== about.name) define(error, 'name', String(about.name), false);
  return error;
};

const settle = (id, how, one) => {
  const promise = waiting.get(id);
  waiting.delete(id);
  if (!promise) return;
  if (how === 'v') promise.resolve(decode(one, ref));
  else promise.reject(raised(one));
};

// The program's timers run by the clock of the tests, which may be a fake one.
const running = new Map();
const startTimer = (id, delay, repeat) => {
  const fire = () => {
    if (!repeat) running.delete(id);
    try {
      ask({ op: 'timer', id });
    } catch {} // An error in a timer of the program shows where its effect is missing.
  };
  running.set(id, repeat ? setInterval(fire, delay) : setTimeout(fire, delay));
};
const stopTimer = (id) => {
  clearTimeout(running.get(id));
  running.delete(id);
};

module.exports = { ask, define, entries };
