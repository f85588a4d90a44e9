// Reporter of node:test: passes its events on to the tests' process.
module.exports = async function* (source) {
  for await (const event of source) {
    if (event.type === 'test:pass' || event.type === 'test:fail') globalThis[Symbol.for('report')](event);
  }
  globalThis[Symbol.for('over')]();
  yield '';
};
