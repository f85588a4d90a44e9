import { describe } from 'vitest';
import { attacks } from './attacks.js';
import { needsSandbox } from './machine.js';

const root = process.getuid?.() === 0;
if (root) {
  // This file has a process of its own, which from here on has no more rights than any user.
  process.setgroups?.([]);
  process.setgid?.(65534);
  process.setuid?.(65534);
  process.env.PATH = '/usr/bin:/bin'; // The tool chains of everyone.
}

describe.runIf(root && (await needsSandbox()))('the sandbox of an ordinary user', attacks);
