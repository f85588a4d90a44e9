// Offsets in struct seccomp_data and the opcodes of classic BPF, from linux/seccomp.h and linux/bpf_common.h.
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_EQUAL = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (code: number): number => 0x00050000 | code;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EAFNOSUPPORT = errno(97);

const AF_UNIX = 1;
const CLONE_NAMESPACES = 0x7e020000;

/** System call numbers: [x64, arm64]. */
const refused = {
  // Memory that no process of the tree shows as its own.
  shmget: [29, 194],
  msgget: [68, 186],
  semget: [64, 190],
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
  setsockopt: [54, 208], // A larger buffer of a socket.
  // Other processes and the kernel's own surfaces.
  syslog: [103, 116],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  // Another view of the file system.
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_by_handle_at: [304, 265],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fspick: [433, 433],
  mount_setattr: [442, 442],
} as const;

const machines = {
  x64: { column: 0, audit: 0xc000003e, clone: 56, clone3: 435, socket: 41 },
  arm64: { column: 1, audit: 0xc00000b7, clone: 220, clone3: 435, socket: 198 },
} as const;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

/**
 * A seccomp program for this machine, as bubblewrap's `--seccomp` reads it; undefined where the architecture is
 * unknown. It refuses sockets other than Unix ones (some families, vsock among them, ignore network namespaces), new
 * namespaces, and calls that hide memory or reach into other processes.
 */
export function seccompProgram(architecture: string = process.arch): Uint8Array | undefined {
  if (architecture !== 'x64' && architecture !== 'arm64') return undefined;
  const machine = machines[architecture];
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_EQUAL, 1, 0, machine.audit],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NUMBER],
    // The x32 numbering reaches the same calls under other numbers.
    [JUMP_GREATER_EQUAL, 0, 1, 0x40000000],
    [RETURN, 0, 0, KILL],
  ];
  for (const numbers of Object.values(refused)) {
    program.push([JUMP_EQUAL, 0, 1, numbers[machine.column]], [RETURN, 0, 0, EPERM]);
  }
  program.push(
    // The flags of clone3 lie in memory that a filter cannot read; libraries fall back to clone.
    [JUMP_EQUAL, 0, 1, machine.clone3],
    [RETURN, 0, 0, ENOSYS],
    [JUMP_EQUAL, 0, 4, machine.clone],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [JUMP_ANY_BIT, 0, 1, CLONE_NAMESPACES],
    [RETURN, 0, 0, EPERM],
    [RETURN, 0, 0, ALLOW],
    [JUMP_EQUAL, 0, 3, machine.socket],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [JUMP_EQUAL, 1, 0, AF_UNIX],
    [RETURN, 0, 0, EAFNOSUPPORT],
    [RETURN, 0, 0, ALLOW],
  );
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  program.forEach(([code, jumpTrue, jumpFalse, value], index) => {
    bytes.setUint16(index * 8, code, true);
    bytes.setUint8(index * 8 + 2, jumpTrue);
    bytes.setUint8(index * 8 + 3, jumpFalse);
    bytes.setUint32(index * 8 + 4, value, true);
  });
  return new Uint8Array(bytes.buffer);
}
