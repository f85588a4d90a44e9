// The line between the tests and the process that relays their questions: JSON, one message per line, on standard input
// and output.
const fs = require('node:fs');

const { parse, stringify } = JSON;

let received = Buffer.alloc(0);
const chunk = Buffer.alloc(65536);
const send = (message) => {
  const bytes = Buffer.from(`${stringify(message)}\n`);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
};
const receive = () => {
  const parts = [];
  for (;;) {
    const end = received.indexOf(10);
    if (end >= 0) {
      parts.push(received.subarray(0, end));
      received = received.subarray(end + 1);
      return parse(Buffer.concat(parts).toString());
    }
    parts.push(received);
    received = Buffer.alloc(0);
    let length = 0;
    try {
      length = fs.readSync(0, chunk, 0, chunk.length, null);
    } catch (error) {
      if (error.code === 'EAGAIN') continue;
    }
    if (length === 0) process.reallyExit(3);
    received = Buffer.from(chunk.subarray(0, length));
  }
};
const broken = (why, more = {}) => {
  send({ broken: why, ...more });
  process.reallyExit(0);
};
process.stdout.write = process.stderr.write = () => true;

/** What passed between program and tests during the present test. */
const contact = { questions: 0, last: undefined, assertions: 0, refused: false };

module.exports = { send, receive, broken, contact, given: parse(fs.readFileSync('tests.json', 'utf8')) };
