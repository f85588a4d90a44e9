// The tests that a file registers, run by node:test: those of node:test itself, and of vitest and Jest, which mean the
// same by other names.
const assertModule = require('node:assert');
const runner = require('node:test');
const { broken, contact, given, send } = require('./line.cjs');

function deferred() {
  let resolve;
  const promise = new Promise((one) => {
    resolve = one;
  });
  return { promise, resolve };
}

/** A function, and all that it has, that counts its calls as assertions. */
const counted = (fn) =>
  new Proxy(fn, {
    apply: (target, self, args) => {
      contact.assertions += 1;
      return Reflect.apply(target, self, args);
    },
    get: (target, name, self) => {
      const value = Reflect.get(target, name, self);
      return typeof value === 'function' && typeof name === 'string' && name !== 'AssertionError'
        ? counted(value)
        : value;
    },
  });
const assert = counted(assertModule);
const strict = counted(assertModule.strict);
let expectPackage;
const expectOf = () => {
  expectPackage ??= counted(require(given.expect).expect);
  return expectPackage;
};

const tests = []; // Whether each has reported, by index.
const { promise: allRegistered, resolve: registered } = deferred();
const PREFIX = 'test ';
const optionsOf = (args) => {
  const body = args.find((arg) => typeof arg === 'function');
  const options = args.find((arg) => typeof arg === 'object' && arg !== null) ?? {};
  return { body, options };
};
const begin = async (index) => {
  await allRegistered;
  if (index > 0) await tests[index - 1].reported;
  Object.assign(contact, { questions: 0, last: undefined, refused: false });
  send({ begin: index });
};
const register = (style, how, args) => {
  const { body, options } = optionsOf(args);
  const index = tests.length;
  const { promise: reported, resolve: report } = deferred();
  tests.push({ reported, report });
  if (!body || how === 'todo' || how === 'skip' || index < given.from)
    return runner.test(PREFIX + index, { skip: true }, () => {});
  const whole = async (t) => {
    await begin(index);
    const wantsDone = style === 'jest' ? body.length > 0 : body.length > 1;
    const result = wantsDone
      ? new Promise((resolve, reject) => {
          const done = (error) => (error ? reject(error) : resolve());
          done.fail = (error) => reject(error ?? new Error('failed'));
          body(...(style === 'jest' ? [done] : [t, done]));
        })
      : body(...(style === 'jest' ? [] : [t]));
    const value = await result;
    if (value === false) throw new Error('the test returns false');
    if (contact.refused) throw new Error('an assertion failed in a function that the program called');
  };
  return runner.test(PREFIX + index, { skip: options.skip, todo: options.todo, timeout: options.timeout }, whole);
};
const format = (name, row) => {
  let i = 0;
  return String(name).replace(/%[sdifjop#%]/g, (text) => (text === '%%' ? '%' : String(row[i++])));
};
const eachOf =
  (run) =>
  (rows, ...values) =>
  (name, ...rest) => {
    if (rows.raw) broken('a table of tests is written as a template, which is not supported; expected a list of rows');
    for (const row of rows) {
      const list = Array.isArray(row) ? row : [row];
      const { body, options } = optionsOf(rest);
      run(format(name, list), options, () => body(...list));
    }
  };
const testOf = (style) => {
  const test = (...args) => register(style, 'run', args);
  for (const how of ['skip', 'todo', 'only', 'failing', 'concurrent']) {
    if (how === 'failing') test[how] = () => broken('a test is expected to fail, which no program can be judged by');
    else test[how] = (...args) => register(style, how, args);
  }
  test.each = eachOf(test);
  for (const how of ['skip', 'only', 'concurrent']) test[how].each = eachOf(test[how]);
  return test;
};
const suiteOf = () => {
  const suite = (...args) => {
    const { body } = optionsOf(args);
    return runner.describe('suite', body);
  };
  suite.only = suite;
  suite.skip = (...args) => runner.describe.skip('suite', optionsOf(args).body);
  suite.each = eachOf(suite);
  return suite;
};
const hooks = (names) => {
  return Object.fromEntries(
    names.map((name) => [name, (...args) => runner[{ beforeAll: 'before', afterAll: 'after' }[name] ?? name](...args)]),
  );
};
let jestLike;
const jestOf = () => {
  if (jestLike) return jestLike;
  const { mock } = runner;
  const { ModuleMocker } = require(given.mock);
  const mocker = new ModuleMocker(globalThis);
  const timers = {
    useFakeTimers: () => mock.timers.enable(),
    useRealTimers: () => mock.timers.reset(),
    advanceTimersByTime: (ms) => mock.timers.tick(ms),
    runAllTimers: () => mock.timers.runAll(),
  };
  const mocks = Object.fromEntries(
    ['fn', 'spyOn', 'clearAllMocks', 'resetAllMocks', 'restoreAllMocks', 'isMockFunction', 'mocked'].map((name) => [
      name,
      mocker[name].bind(mocker),
    ]),
  );
  jestLike = { ...mocks, ...timers, setTimeout: () => {} };
  return jestLike;
};
const jestModule = () => {
  const test = testOf('jest');
  const all = { test, it: test, describe: suiteOf(), ...hooks(['beforeAll', 'afterAll', 'beforeEach', 'afterEach']) };
  return Object.defineProperties(all, {
    expect: { get: expectOf, enumerable: true },
    jest: { get: jestOf, enumerable: true },
    vi: { get: jestOf, enumerable: true },
  });
};
const nodeTestModule = () => {
  const test = testOf('node');
  const suite = suiteOf();
  const { mock } = runner;
  return Object.assign(test, {
    test,
    it: test,
    describe: suite,
    suite,
    mock,
    ...hooks(['before', 'after', 'beforeEach', 'afterEach']),
    default: test,
  });
};

module.exports = { tests, registered, hooks, jestModule, nodeTestModule, jestOf, expectOf, assert, strict };
