/** What one untrusted program may use. Exceeding a limit ends the whole process tree. */
export interface Limits {
  /**
   * CPU seconds of the whole tree, and the seconds that it may be idle. Wall time is limited to ten times as much.
   * Above 0.
   */
  readonly seconds: number;
  /** Bytes of memory of the whole tree. */
  readonly memoryBytes: number;
  /** Processes and threads alive at once. */
  readonly processes: number;
  /** Open files, pipes and sockets per process. */
  readonly files: number;
  /** Bytes of all files together: the size of the memory file system that is the program's folder. */
  readonly fileBytes: number;
  /** Bytes of standard output. */
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
