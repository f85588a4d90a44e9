import { describe } from 'vitest';
import { lacks } from '../../needs.js';
import { attacks } from './attacks.js';

const root = process.getuid?.() === 0;
if (root) {
  // This file has a process of its own, which from here on has no more rights than any user.
  process.setgroups?.([]);
  process.setgid?.(65534);
  process.setuid?.(65534);
  process.env.PATH = '/usr/bin:/bin'; // The tool chains of everyone.
}

describe.skipIf(!root || (await lacks('sandbox', 'python3')))('the sandbox of an ordinary user', attacks);
