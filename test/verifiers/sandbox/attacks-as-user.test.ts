import { describe } from 'vitest';
import { lacks } from '../../needs.js';
import { attacks } from './attacks.js';

const root = process.getuid?.() === 0;
if (root) {
  // This file runs in its own process, so dropping root here affects no other test.
  process.setgroups?.([]);
  process.setgid?.(65534);
  process.setuid?.(65534);
  process.env.PATH = '/usr/bin:/bin'; // Tool chains that every user can read.
}

describe.skipIf(!root || (await lacks('sandbox', 'python3')))('the sandbox of an ordinary user', attacks);
