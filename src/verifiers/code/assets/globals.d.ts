// What a TypeScript program of one file can use without its runtime's type packages.
declare const console: {
  log(...values: unknown[]): void;
  error(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  info(...values: unknown[]): void;
};
declare const process: {
  argv: string[];
  env: Record<string, string | undefined>;
  exitCode: number;
  exit(code?: number): never;
  stdin: any;
  stdout: { write(text: string): boolean };
  stderr: { write(text: string): boolean };
};
declare function require(name: string): any;
declare const module: { exports: any };
declare const exports: any;
declare function readline(): string | null;
declare function setTimeout(callback: (...args: any[]) => void, delay?: number, ...args: any[]): number;
declare function setInterval(callback: (...args: any[]) => void, delay?: number, ...args: any[]): number;
declare function setImmediate(callback: (...args: any[]) => void, ...args: any[]): number;
declare function clearTimeout(id?: number): void;
declare function clearInterval(id?: number): void;
declare function queueMicrotask(callback: () => void): void;
declare function structuredClone<T>(value: T): T;
declare module 'fs';
declare module 'readline';
declare module 'util';
declare module 'node:fs';
declare module 'node:readline';
declare module 'node:util';
