// Evaluates the tests and runs them, by node:test or one after the other.
const Module = require('node:module');
const vm = require('node:vm');
const { ask, define, entries } = require('./border.cjs');
const { broken, contact, given, send } = require('./line.cjs');
const registry = require('./registry.cjs');

const { assert, expectOf, hooks, jestModule, jestOf, nodeTestModule, registered, strict, tests } = registry;
process.stdout.write = process.stderr.write = () => true;

const solution = {};
try {
  for (const [name, value] of ask({ op: 'names', names: given.names })) solution[name] = value;
} catch {
  send({ nonsense: true });
  process.reallyExit(0);
}
contact.questions = 0;
contact.last = undefined;

const requireOf = (name) => {
  if (/^\.{0,2}\/|^(solution|main|program|index)$/.test(name)) return solution;
  const bare = name.replace(/^node:/, '');
  if (bare === 'assert') return assert;
  if (bare === 'assert/strict') return strict;
  if (name === 'node:test') return nodeTestModule();
  if (['vitest', '@jest/globals'].includes(name)) return jestModule();
  if (name === 'expect') return { expect: expectOf(), default: expectOf() };
  if (!Module.isBuiltin(name)) broken('the tests import a module that is not installed', { missing: name });
  return require(name);
};
requireOf.main = module;

// What the tests find without importing it: the program's names, assertions, and the functions of Jest. A name of the
// language stays the language's own.
const language = vm.runInNewContext('Object.getOwnPropertyNames(globalThis)');
const reserved = new Set([
  ...language,
  'process',
  'console',
  'Buffer',
  'global',
  'require',
  'module',
  'exports',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
]);
reserved.delete(given.entryPoint);
for (const [name, value] of entries(solution)) if (!reserved.has(name)) define(globalThis, name, value);
const offered = { assert: () => assert, expect: expectOf, jest: jestOf, vi: jestOf };
const offer = (name, get) =>
  Object.defineProperty(globalThis, name, { get, set: (to) => define(globalThis, name, to), configurable: true });
for (const [name, get] of entries(offered)) offer(name, get);
let jestGlobals;
for (const name of ['test', 'it', 'describe', 'beforeAll', 'afterAll', 'beforeEach', 'afterEach', 'before', 'after'])
  offer(name, () => {
    jestGlobals ??= { ...jestModuleFunctions(), ...hooks(['before', 'after']) };
    return jestGlobals[name];
  });
function jestModuleFunctions() {
  const { test, it, describe, beforeAll, afterAll, beforeEach, afterEach } = jestModule();
  return { test, it, describe, beforeAll, afterAll, beforeEach, afterEach };
}

const compile = (text) =>
  vm.runInThisContext(`(async (require, module, exports, __tell) => {${text}\n})`, { filename: 'tests.js' });
const body = (text) => compile(text)(requireOf, module, {}, (found) => Object.assign(told, found));
const told = {};
const expression = (text) => {
  const bare = text.trim().replace(/;$/, '');
  try {
    return vm.runInThisContext(`(async (require) => (${bare}\n))`, { filename: 'tests.js' });
  } catch {
    return undefined;
  }
};
const assertion = (text) => {
  const run = expression(text);
  if (!run) {
    try {
      compile(text);
    } catch {
      broken('the tests are not valid JavaScript');
    }
  }
  return async () => {
    const value = run ? await run(requireOf) : await body(text);
    const claims = run !== undefined && contact.assertions === 0;
    if (claims && !value) throw new Error('does not hold');
    if (!claims && contact.assertions === 0) broken('an assertion asserts nothing');
    if (value === false) throw new Error('does not hold');
  };
};

// Failures outside of any test: a promise that nobody awaits
const floating = (error) => {
  broken('a promise that nobody awaits is rejected, or an error is thrown outside of any test', {});
};
process.on('unhandledRejection', floating);
process.on('uncaughtException', floating);

const detailOf = (error) =>
  contact.last === undefined ? String(error?.name ?? 'Error') : `the program ${contact.last}`;
// Something stays to be done, so that the process does not exit before it is drained again.
const drained = () => new Promise((resolve) => process.once('beforeExit', () => setImmediate(resolve)));

async function inTurn(list) {
  send({ tests: list.length });
  for (const [index, test] of list.entries()) {
    if (index < given.from) continue;
    Object.assign(contact, { questions: 0, last: undefined, assertions: 0, refused: false });
    send({ begin: index });
    let error;
    let settledTest = false;
    const run = (async () => {
      try {
        await test();
        if (contact.refused) throw new Error('an assertion failed in a function that the program called');
      } catch (cause) {
        error = cause ?? new Error('failed');
      }
      settledTest = true;
    })();
    await Promise.race([run, drained()]);
    if (!settledTest) error = new Error('the test never settles');
    send({ outcome: error ? 'fail' : 'pass', detail: error ? detailOf(error) : '' });
  }
  await drained();
  send({ over: true });
  process.reallyExit(0);
}

async function main() {
  if (given.assertions) return inTurn(given.assertions.map(assertion));
  let failed;
  let evaluated = false;
  const script = (async () => {
    try {
      await body(`${given.file}\n;__tell({ check: typeof check === 'function' ? check : undefined });`);
    } catch (error) {
      failed = error ?? new Error('failed');
    }
    evaluated = true;
  })();
  await Promise.race([script, drained()]);
  if (!evaluated) failed = new Error('the tests never settle');
  if (failed) {
    const theirs =
      contact.questions > 0 ||
      ['ReferenceError', 'TypeError', 'AssertionError'].includes(failed.name) ||
      failed.matcherResult;
    if (!theirs) broken('the tests fail before they use the program');
    return inTurn([
      () => {
        throw failed;
      },
    ]);
  }
  if (tests.length > 0) {
    send({ tests: tests.length });
    registered();
    return undefined;
  }
  const plain = [];
  if (given.entryPoint !== undefined) {
    if (!told.check) broken('check(candidate) is not defined, but the item has an entryPoint');
    plain.push(async () => {
      const before = contact.assertions;
      if (!(given.entryPoint in solution)) throw new ReferenceError(given.entryPoint);
      if ((await told.check(solution[given.entryPoint])) === false) throw new Error('check returns false');
      if (contact.assertions === before && contact.questions === 0) broken('check(candidate) asserts nothing');
    });
  } else {
    const { questions } = contact;
    await drained();
    const throws = /\bthrow\b|process\.exit/.test(given.file) && questions > 0;
    if (contact.assertions === 0 && !throws)
      broken('nothing is collected: no test, no check(candidate) with an entryPoint, and no assertion');
    plain.push(() => {});
  }
  return inTurn(plain);
}

// The reporter of node:test, in this process: outcomes in the order of the tests.
globalThis[Symbol.for('report')] = ({ type, data }) => {
  const [, index] = /^test (\d+)$/.exec(data.name) ?? [];
  if (index === undefined) return;
  const test = tests[Number(index)];
  const skipped = data.skip !== undefined || data.todo !== undefined;
  if (Number(index) >= given.from) {
    const error = data.details?.error?.cause ?? data.details?.error;
    // The program must not choose to skip a test.
    const fails = type === 'test:fail' ? !skipped : skipped && contact.questions > 0;
    send({
      index: Number(index),
      outcome: fails ? 'fail' : skipped ? 'skip' : 'pass',
      detail: fails ? detailOf(error) : '',
    });
  }
  test.report();
};
globalThis[Symbol.for('over')] = () => send({ over: true });
main();
