import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { redact } from '../../../../src/support/secrets.js';
import { loadLogin } from '../../../../src/topics/kafka/client/login-module.js';

const folder = mkdtempSync(join(tmpdir(), 'rlsd-login-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function moduleOf(source: string): string {
  const path = join(folder, `login${count++}.mjs`);
  writeFileSync(path, source);
  return path;
}

/** The token of a module with this source. */
async function tokenOf(source: string): Promise<string> {
  const login = await loadLogin(moduleOf(source));
  if (typeof login !== 'function') throw new Error('expected a function');
  return login();
}

it.each([
  "export default () => 'token-1'",
  "export default async () => 'token-1'",
  "export default async () => ({ token: 'token-1', expiryTime: 7 })",
])('takes a token of %s', async (source) => {
  expect(await tokenOf(source)).toBe('token-1');
  expect(redact('the broker refused token-1')).toMatch(/^the broker refused \$\{the token of .*\.mjs\}$/);
});

it('asks the module at every login', async () => {
  const login = await loadLogin(moduleOf("let n = 0; export default () => 'token-' + ++n;"));
  expect(typeof login === 'function' && [await login(), await login()]).toEqual(['token-1', 'token-2']);
});

it('takes a mechanism as kafkajs does', async () => {
  const login = await loadLogin(moduleOf("export default { mechanism: 'AWS_MSK_IAM', authenticationProvider() {} }"));
  expect(login).toMatchObject({ mechanism: 'AWS_MSK_IAM' });
});

it.each([
  ['', 'bad-module', /^sasl\.module: the default export of .*\.mjs is missing; expected a function/],
  ["export default { mechanism: 'X' }", 'bad-module', /is of type object; expected a function/],
  ["throw new Error('no region')", 'bad-module', /^sasl\.module: .*\.mjs cannot be loaded: no region$/],
  ["export default () => { throw new Error('no region') }", 'kafka-credentials', /^sasl\.module: .*\.mjs: no region$/],
  ['export default () => 90210777', 'kafka-credentials', /returned something of type number; expected a token$/],
  ["export default () => ''", 'kafka-credentials', /returned an empty text; expected a token$/],
])('says what is wrong with %j', async (source, code, message) => {
  const failure = tokenOf(source);
  await expect(failure).rejects.toMatchObject({ code });
  await expect(failure).rejects.toThrow(message);
  await expect(failure).rejects.not.toThrow('90210777');
});

it('names a module that does not exist', async () => {
  await expect(loadLogin('none.mjs')).rejects.toThrow(/^sasl\.module: none\.mjs cannot be loaded: Cannot find module/);
});
