/** What one untrusted program may use. Exceeding a limit ends the whole process tree. */
export interface Limits {
  /**
   * Seconds of the whole tree together: wall clock without waiting for a processor, or CPU time if that is more. With
   * waiting, five times as much. Above 0.
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
