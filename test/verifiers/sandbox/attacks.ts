import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultLimits, type Limits } from '../../../src/verifiers/sandbox/limits.js';
import { type Ended, runProgram, startProgram } from '../../../src/verifiers/sandbox/run.js';
import { commandOf, findToolchain, type InstalledToolchain } from '../../../src/verifiers/sandbox/toolchains.js';

let python: InstalledToolchain;
const tight: Limits = { ...defaultLimits, seconds: 1 };

let runs = 0;

/** Runs a program and checks that nothing of it is left. */
async function python3(code: string, limits: Partial<Limits> = {}, stdin = '', reserves = false): Promise<Ended> {
  runs += 1;
  const marker = `attack-${process.pid}-${runs}`;
  const program = {
    command: [...commandOf(python, python.run), marker],
    files: [{ path: 'main.py', content: code }],
    binds: python.binds,
    environment: python.environment ?? {},
    limits: { ...tight, ...limits },
    reserves,
  };
  const ended = await runProgram(program, stdin);
  await expect.poll(processes).not.toContain(marker);
  return ended;
}

const out = (ended: Ended): string => ended.stdout.toString().trim();

/** Command lines of every process on this machine. */
function processes(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .join('\n');
}

/** Attacks on the sandbox by the user that runs this process. */
export const attacks = () => {
  beforeAll(async () => {
    python = await findToolchain('python');
  });

  it('runs a program on its input', async () => {
    const ended = await python3('print(int(input()) * 2)', {}, '21\n');
    expect(ended).toMatchObject({ ending: 'exit', status: 0 });
    expect(out(ended)).toBe('42');
  });

  it('returns the exit status, or 128 plus the signal', async () => {
    expect((await python3('import sys; sys.exit(7)')).status).toBe(7);
    expect((await python3('import os; os.kill(os.getpid(), 11)')).status).toBe(128 + 11);
  });

  describe('limits', () => {
    it('a fork bomb', async () => {
      const bomb = 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass';
      expect((await python3(bomb, { seconds: 0.4 })).ending).toBe('timeout');
    });

    it('the number of processes and threads', async () => {
      const forks =
        'import os, time\nn = 0\nfor i in range(200):\n  try:\n    if os.fork() == 0:\n      time.sleep(30)\n    n += 1\n  except OSError: break\nprint(n)';
      const made = Number(out(await python3(forks, { processes: 20 })));
      expect(made).toBeGreaterThan(5);
      expect(made).toBeLessThan(20);
      const threads =
        'import threading, time\nn = 0\ntry:\n  for i in range(200):\n    threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n    n += 1\nexcept RuntimeError: pass\nprint(n, flush=True)\nimport os\nos._exit(0)';
      expect(Number(out(await python3(threads, { processes: 20 })))).toBeLessThan(20);
    });

    it('the memory of one process', async () => {
      const ended = await python3('x = bytearray(1 << 30)');
      expect(ended.status).not.toBe(0);
      expect(ended.stderr).toContain('MemoryError');
    });

    it('the memory of many small processes', async () => {
      const many =
        'import os, time\nfor i in range(4): os.fork()\nx = bytearray(40 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(30)';
      expect((await python3(many, { memoryBytes: 256 << 20, seconds: 5 })).ending).toBe('memory');
    });

    it('memory that belongs to no process', async () => {
      const hidden =
        'import ctypes\nlibc = ctypes.CDLL(None)\nprint(libc.memfd_create(b"x", 0), libc.shmget(0, 1 << 20, 0o1600), libc.msgget(0, 0o1600))';
      expect(out(await python3(hidden))).toBe('-1 -1 -1');
    });

    it('kernel memory: sockets with large buffers, countless empty files, page tables', async () => {
      const sockets =
        'import socket\na, b = socket.socketpair()\nwas = a.getsockopt(1, 7)\ntry: a.setsockopt(1, 7, 1 << 30)\nexcept OSError: pass\nprint(a.getsockopt(1, 7) == was)\nall = []\ntry:\n  while True: all.append(socket.socketpair())\nexcept OSError: print(len(all) < 64)';
      expect(out(await python3(sockets))).toBe('True\nTrue');
      const files = 'import os\ni = 0\nwhile True:\n  os.close(os.open(str(i), os.O_CREAT))\n  i += 1';
      expect((await python3(files, { memoryBytes: 48 << 20, seconds: 5 })).ending).toBe('memory');
      const pages =
        'import mmap\nm = mmap.mmap(-1, 1 << 40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)\nm.madvise(15)\nfor i in range(0, 1 << 40, 1 << 21): m[i]';
      expect((await python3(pages, { memoryBytes: 48 << 20, seconds: 5 }, '', true)).ending).toBe('memory');
    });

    it('CPU time of short-lived processes', async () => {
      const code =
        'import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n  try:\n    if os.fork() == 0: os._exit(sum(range(100000)) & 0)\n  except OSError: pass';
      expect((await python3(code, { seconds: 0.2 })).ending).toBe('timeout');
    });

    it('an endless loop', async () => {
      expect((await python3('while True: pass', { seconds: 0.3 })).ending).toBe('timeout');
    });

    it('an endless sleep, and one that ignores signals', async () => {
      const sleep =
        'import signal, time\nfor s in range(1, 64):\n  try: signal.signal(s, signal.SIG_IGN)\n  except Exception: pass\ntime.sleep(1000)';
      expect((await python3(sleep, { seconds: 0.3 })).ending).toBe('timeout');
    });

    it('endless output on either stream', async () => {
      expect((await python3('while True: print("x" * 1000)')).ending).toBe('output');
      const errors = await python3('import sys\nfor i in range(3000): sys.stderr.write("x" * 1000)');
      expect(errors.stderr.length).toBeLessThan(20_000);
    });

    it('a sparse file, a large file and many files', async () => {
      expect((await python3('open("a", "wb").truncate(1 << 40)')).stderr).toContain('File too large');
      expect((await python3('with open("a", "wb") as f:\n  while True: f.write(b"x" * 65536)')).stderr).toMatch(
        /File too large|No space/,
      );
      expect((await python3('for i in range(100): open(str(i), "wb").write(b"x" * 1000000)')).stderr).toContain(
        'No space',
      );
    });

    it('deep recursion', async () => {
      const deep = 'import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1) + 1\nf(0)';
      const ended = await python3(deep);
      expect(ended.ending === 'exit' ? ended.status : 1).not.toBe(0);
    });
  });

  describe('hides', () => {
    const secret = join(tmpdir(), `rlsd-secret-${process.pid}`);
    beforeAll(() => writeFileSync(secret, 'the secret'));
    afterAll(() => unlinkSync(secret));

    it("the host's files", async () => {
      const paths = [
        secret,
        '/etc/passwd',
        '/etc/hostname',
        process.cwd(),
        '/home',
        '/var',
        '/sys',
        join(process.cwd(), 'package.json'),
      ];
      const code = `import os\nfor p in ${JSON.stringify(paths)}:\n  if os.path.exists(p): print(p)`;
      expect(out(await python3(code))).toBe('');
    });

    it("the host's files behind symbolic links and ..", async () => {
      symlinkSync(secret, `${secret}-link`);
      const code = `import os\nos.symlink(${JSON.stringify(secret)}, "link")\nfor p in ["link", ${JSON.stringify(`${secret}-link`)}, "../../../../" + ${JSON.stringify(secret)}, "/proc/1/root" + ${JSON.stringify(secret)}, "/proc/1/cwd"]:\n  try: print(open(p).read())\n  except OSError as e: print(type(e).__name__)`;
      const ended = await python3(code);
      unlinkSync(`${secret}-link`);
      expect(out(ended)).not.toContain('the secret');
      expect(out(ended).split('\n')).toHaveLength(5);
    });

    it('the environment of this process and of its parent', async () => {
      process.env.RLSD_TEST_SECRET = 'the secret';
      const code =
        'import os\nprint(sorted(os.environ))\ntry: print([v.split("=")[0] for v in open("/proc/1/environ").read().split("\\0") if v])\nexcept OSError: print("refused")';
      const said = out(await python3(code));
      delete process.env.RLSD_TEST_SECRET;
      const known = [
        'HOME',
        'LANG',
        'OMP_NUM_THREADS',
        'OPENBLAS_NUM_THREADS',
        'PATH',
        'PWD',
        'PYTHONHASHSEED',
        'TMPDIR',
      ];
      expect(said.split('\n')[0]).toBe(`[${known.map((name) => `'${name}'`).join(', ')}]`);
      expect(said.split('\n')[1]).toMatch(/^(refused|\['PATH'\])$/);
    });

    it('other processes, also from signals', async () => {
      const code = `import os, signal\nprint([p for p in os.listdir("/proc") if p.isdigit()])\nfor pid in (1, ${process.pid}, -1):\n  try: os.kill(pid, signal.SIGKILL)\n  except OSError as e: print(type(e).__name__)`;
      const said = out(await python3(code));
      expect(said.split('\n')[0]?.split(',').length).toBeLessThanOrEqual(3);
      expect(processes()).toContain('node');
    });

    it('every writable place except its own folder', async () => {
      const code =
        'import os\nfor p in ["/", "/tmp", "/dev", "/dev/shm", "/usr/bin", "/proc/sys/kernel", "/box"]:\n  try:\n    open(os.path.join(p, "x"), "w"); print(p)\n  except OSError: pass\ntry:\n  open("main.py", "w"); print("main.py")\nexcept OSError: pass';
      expect(out(await python3(code))).toBe('/box');
    });

    it("the kernel's files and log", async () => {
      const code =
        'import ctypes\nfor p in ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/proc/1/oom_score_adj", "/proc/irq/default_smp_affinity"]:\n  try:\n    with open(p, "r+b", buffering=0) as f: f.write(b"-1000")\n    print("wrote", p)\n  except OSError: pass\nfor p in ["/proc/kcore", "/proc/kmsg", "/dev/mem", "/dev/kmsg", "/dev/sda", "/sys/kernel"]:\n  try:\n    with open(p, "rb", buffering=0) as f: f.read(1)\n    print("read", p)\n  except OSError: pass\nb = ctypes.create_string_buffer(4096)\nprint(ctypes.CDLL(None).klogctl(3, b, 4096))';
      expect(out(await python3(code))).toBe('-1');
    });

    it.runIf(process.arch === 'x64')('system calls of another architecture', async () => {
      // mov eax, 20 (getpid of 32 bit); int 0x80; ret, and mov eax, 0x40000027 (getpid of x32); syscall; ret
      const code = (bytes: string) =>
        `import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex("${bytes}"))\nctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()\nprint("made it")`;
      for (const bytes of ['b814000000cd80c3', 'b8270000400f05c3']) {
        expect((await python3(code(bytes))).status).toBe(128 + 31);
      }
    });

    it('privileges: root, capabilities, namespaces, mounts and tracing', async () => {
      const code =
        'import ctypes, os\nlibc = ctypes.CDLL(None)\nprint(os.getuid() == 0, [l.split()[1] for l in open("/proc/self/status") if l.startswith("CapEff")], libc.unshare(0x10000000), libc.mount(b"none", b"/box", b"tmpfs", 0, None), libc.ptrace(16, 1, 0, 0), libc.setuid(0))';
      expect(out(await python3(code))).toBe("False ['0000000000000000'] -1 -1 -1 -1");
      // Writing to the memory of the sandbox's own process gains no privileges.
      const first =
        'for l in open("/proc/1/status"):\n  if l.split(":")[0] in ("CapPrm", "CapEff", "NoNewPrivs", "Seccomp"): print(l.split()[1])';
      expect(out(await python3(first)).split('\n')).toEqual(['0000000000000000', '0000000000000000', '1', '2']);
    });
  });

  describe('has no network', () => {
    it('in any family, and no name service', async () => {
      const server = createServer((_, response) => response.end('reached'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const code = `import socket, urllib.request\nfor family in (2, 10, 16, 17, 40):\n  for kind in (1, 2, 3):\n    try: socket.socket(family, kind); print("opened", family)\n    except OSError: pass\nfor host in ("127.0.0.1", "localhost", "10.0.0.1"):\n  try: print(urllib.request.urlopen(f"http://{host}:${port}", timeout=1).read())\n  except OSError: pass\ntry: print(socket.getaddrinfo("example.org", 80))\nexcept OSError: pass`;
      const ended = await python3(code, { seconds: 5 });
      await new Promise((resolve) => server.close(resolve));
      expect(out(ended)).toBe('');
    });

    it("through the host's Unix sockets, including abstract ones", async () => {
      const name = `rlsd-test-${process.pid}`;
      const listen = `import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind("\\0${name}")\ns.listen()\nprint("listens", flush=True)\nsys.stdin.read()`;
      const host = spawn(commandOf(python, python.run)[0] ?? '', ['-c', listen], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      await once(host.stdout, 'data');
      const code = `import socket\ns = socket.socket(socket.AF_UNIX)\ntry:\n  s.connect("\\0${name}"); print("connected")\nexcept OSError: print("refused")\nprint([l.split(":")[0].strip() for l in open("/proc/net/dev").readlines()[2:]], len(open("/proc/net/unix").readlines()) - 2)`;
      const outside = execFileSync(commandOf(python, python.run)[0] ?? '', ['-c', code]).toString();
      const ended = await python3(code);
      host.stdin.end();
      await once(host, 'exit');
      expect(outside).toContain('connected');
      expect(out(ended)).toBe("refused\n['lo'] 0");
    });
  });

  it('ends the whole tree with the program, including daemons', async () => {
    const marker = `daemon-${process.pid}`;
    const code = `import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.execv("/bin/sleep", ["${marker}", "1000"])\n  os._exit(0)\nprint("bye")`;
    expect(out(await python3(code))).toBe('bye');
    expect(processes()).not.toContain(marker);
  });

  it('ends the whole tree on kill', async () => {
    const running = startProgram(
      { command: ['sh', '-c', 'sleep 1000 & sleep 1000; wait'], files: [], binds: [], limits: tight },
      false,
    );
    running.kill();
    expect((await running.ended).status).toBe(137);
  });

  it('rejects instead of judging if the sandbox cannot start', async () => {
    const program = { command: ['true'], files: [], binds: ['/proc/self/fd'], limits: { ...tight, fileBytes: -1 } };
    await expect(runProgram(program)).rejects.toThrow('the sandbox did not start');
  });
};
