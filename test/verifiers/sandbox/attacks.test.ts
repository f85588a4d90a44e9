import { describe } from 'vitest';
import { lacks } from '../../needs.js';
import { attacks } from './attacks.js';

describe.skipIf(await lacks('sandbox', 'python3'))('the sandbox', attacks);
