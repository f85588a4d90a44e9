/** What one untrusted program may use. Everything over a limit ends the whole process tree. */
export interface Limits {
  /** CPU seconds of the whole tree; also the seconds that it may stand idle. The clock ends it at ten times as much. Above 0. */
  readonly seconds: number;
  /** Bytes of memory of the whole tree. */
  readonly memoryBytes: number;
  /** Processes and threads alive at once. */
  readonly processes: number;
  /** Files, pipes and sockets that each process has open at once. */
  readonly files: number;
  /** Bytes of all files together; the program's folder is a memory file system of this size. */
  readonly fileBytes: number;
  /** Bytes of standard output; standard error is cut at the same length. */
  readonly outputBytes: number;
}

export const defaultLimits: Limits = {
  seconds: 4,
  memoryBytes: 512 * 1024 * 1024,
  processes: 32,
  files: 64,
  fileBytes: 16 * 1024 * 1024,
  outputBytes: 1024 * 1024,
};
