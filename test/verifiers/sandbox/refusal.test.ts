import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const line = (language: string, code: string) =>
  `${JSON.stringify({ id: language, language, completion: `\`\`\`${language}\n${code}\n\`\`\``, tests: [{ stdout: '3' }] })}\n`;
const python = line('python', 'print(3)');
const javascript = line('javascript', 'console.log(3)');

/** `rlsd verify code`, started by another command. */
const verify = (by: readonly string[], input: string) => {
  const [command = '', ...args] = [...by, process.execPath, 'dist/cli/main.js', 'verify', 'code'];
  return spawnSync(command, args, { input, encoding: 'utf8' });
};

// A namespace in which no user, root neither, may make another one.
const noNamespaces = [
  ...['unshare', '--user', '--map-user=1000', '--keep-caps', 'sh', '-c'],
  'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all -- "$@"',
  'sh',
];
const works = (by: readonly string[]) => spawnSync(by[0] ?? '', [...by.slice(1), 'true']).status === 0;
const noCapabilities = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'];

describe('a machine that cannot hold untrusted programs', () => {
  it.each([
    { machine: 'a user without namespaces', by: noNamespaces, says: 'user namespaces must be allowed' },
    { machine: 'root without capabilities, as in a container', by: noCapabilities, says: 'CAP_SYS_ADMIN' },
    { machine: 'no bubblewrap', by: ['env', 'PATH=/nowhere'], says: 'apt-get install bubblewrap' },
  ])('refuses them, rather than run them weaker: $machine', ({ by, says }) => {
    if (by === noNamespaces && !works(by)) return;
    if (by === noCapabilities && process.getuid?.() !== 0) return;
    const { stdout, stderr, status } = verify(by, javascript + python);
    expect(JSON.parse(stdout)).toMatchObject({ id: 'javascript', verdict: 'correct' });
    expect(stderr).toContain('stdin:2: untrusted programs are refused');
    expect(stderr).toContain(says);
    expect(status).toBe(2);
  });
});
