import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { lacks } from '../../needs.js';

const line = (language: string, code: string) =>
  `${JSON.stringify({ id: language, language, completion: `\`\`\`${language}\n${code}\n\`\`\``, tests: [{ stdout: '3' }] })}\n`;
const python = line('python', 'print(3)');
const javascript = line('javascript', 'console.log(3)');

/** Runs `rlsd verify code` under another command. */
const verify = (by: readonly string[], input: string, env = process.env) => {
  const [command = process.execPath, ...args] = [...by, process.execPath, 'dist/cli/main.js', 'verify', 'code'];
  return spawnSync(command, args, { input, encoding: 'utf8', env });
};

// A namespace in which nobody, not even root, may create another one.
const noNamespaces = [
  ...['unshare', '--user', '--map-user=1000', '--keep-caps', 'sh', '-c'],
  'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all -- "$@"',
  'sh',
];
const works = (by: readonly string[]) => spawnSync(by[0] ?? '', [...by.slice(1), 'true']).status === 0;
const noCapabilities = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'];

const sandboxed = !(await lacks('sandbox', 'setpriv', 'unshare'));

describe('a machine without a sandbox refuses untrusted programs instead of running them unconfined', () => {
  const refused = (by: readonly string[], says: string, env = process.env) => {
    const { stdout, stderr, status } = verify(by, javascript + python, env);
    expect(JSON.parse(stdout)).toMatchObject({ id: 'javascript', verdict: 'correct' });
    expect(stderr).toContain('stdin:2: untrusted programs are refused');
    expect(stderr).toContain(says);
    expect(status).toBe(2);
  };

  it('without bubblewrap', () => {
    refused([], 'apt-get install bubblewrap', { ...process.env, PATH: '/nowhere' });
  });

  it.runIf(sandboxed && works(noNamespaces))('for a user without namespaces', () => {
    refused(noNamespaces, 'user namespaces must be allowed');
  });

  it.runIf(sandboxed && process.getuid?.() === 0)('for root without capabilities, as in a container', () => {
    refused(noCapabilities, 'CAP_SYS_ADMIN');
  });
});
